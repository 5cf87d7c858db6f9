"""Make `runs-VERSION.tar.xz`: small runs that later versions must read and resume. Run it once at each release.

    python tests/data/make_release_runs.py [FOLDER]

It has a sweep of two, a run of every other task, and one that SIGTERM has interrupted at its third checkpoint or soon after;
`whole` has the same run to its end.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path

QUIET = ("run.progress=none", "run.devices=1", "run.figures=false")
SAMPLE = ("experiment=quickstart", "network.width=4", "network.depth=2", "data.samples=2", "data.test_patterns=16",
          "sampler.replicas=2", "sampler.sweeps=8", "observe.independent=2",
          "observe.quantities=[weight_overlap,test_error]")  # fmt: skip
RUNS = (
    ("-m", *SAMPLE, "data.alpha=1,2"),
    (*SAMPLE, "seed=1", "run.root=whole"),
    ("task=online_sgd", "network.width=8", "network.students=2", "training.time=1", "data.samples=2",
     "observe.quantities=[test_error,R]"),
    ("task=specialisation", "network.width=4", "network.teachers=2", "network.multi=2", "network.outputs=2",
     "training.epochs=2", "training.iterations=4", "data.samples=2", "data.test_patterns=8",
     "observe.quantities=[test_loss,correlation]"),
    ("task=narrow", "network.width=4", "network.units=2", "data.alpha=2", "training.steps=4", "data.samples=2",
     "data.test_patterns=8", "observe.quantities=[test_error,overlap]"),
)  # fmt: skip
INTERRUPTED = (*SAMPLE, "seed=1", "run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")
#: Runs `dsm` and stops it once its third checkpoint is there.
STOP = """
import os, pathlib, signal, threading, time
def watch():
    while not any(path.name == "3" for path in pathlib.Path("runs").glob("*/*/seed=1/checkpoints/*")):
        time.sleep(0.0005)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=watch, daemon=True).start()
from dsm.cli import main
main()
"""


def main(place: str = str(Path(__file__).parent)) -> None:
    target = Path(place) / f"runs-{metadata.version('dsm')}.tar.xz"
    if target.exists():
        sys.exit(f"{target} is there: the runs of a release are made once")
    folder = Path(tempfile.mkdtemp())
    variables = os.environ | {"DSM_LOCAL": "none"}

    def dsm(*arguments: str) -> int:
        return subprocess.run([sys.executable, *arguments, *QUIET], cwd=folder, env=variables).returncode

    for words in RUNS:
        assert dsm("-m", "dsm", *words) == 0, words
    assert dsm("-c", STOP, *INTERRUPTED) == 75
    for path in folder.glob("whole/*/*/*"):
        for name in ("checkpoints", "records", "log.txt"):
            (shutil.rmtree if (path / name).is_dir() else os.unlink)(path / name)
    for file in folder.rglob("commit_success.txt"):  # which says where it was
        file.write_text(file.read_text().replace(str(folder), "/home/user"))
    with tarfile.open(target, "w:xz") as archive:
        for name in ("runs", "whole"):
            archive.add(folder / name, name)
    shutil.rmtree(folder)
    print(target, target.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
