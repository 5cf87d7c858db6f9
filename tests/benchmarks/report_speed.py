"""How long a page about many runs takes to write and to load, and how large it is.

python tests/benchmarks/report_speed.py [RUNS]

Runs are copies of one short run with other settings. Needs Chromium and its driver (tests/browser/install).
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import dsm
from browser.chromium import open_browser

ONE = ("experiment=quickstart", "network.width=8", "network.depth=6", "sampler.sweeps=2048", "run.figures=false")


def main(number: int = 200) -> None:
    """Print one line with the three numbers."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        first = dsm.run(*ONE, f"run.dir={root / 'runs/0'}", "run.progress=none")
        for index in range(1, number):
            copy = root / f"runs/{index}"
            shutil.copytree(first, copy, ignore=shutil.ignore_patterns("checkpoints", "records"))
            settings = yaml.safe_load((copy / "config.yaml").read_text())
            settings["data"]["alpha"] = float(1 + index % 20)
            settings["seed"] = 1 + index // 20
            (copy / "config.yaml").write_text(yaml.safe_dump(settings))
        began = time.perf_counter()
        page = dsm.report(root / "runs")
        written = time.perf_counter() - began
        with open_browser(1280, 900) as browser:
            began = time.perf_counter()
            browser.get(page.as_uri())
            browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
            loaded = time.perf_counter() - began
        size = page.stat().st_size / 2**20
        print(f"{number} runs: written in {written:.1f} s, {size:.1f} MiB, loaded and drawn in {loaded:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
