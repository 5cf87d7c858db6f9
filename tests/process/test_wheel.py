"""The wheel works alone: installed in an environment of its own, in an empty folder."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from commands import ROOT, environment
from experiment_runs import SMALL


@pytest.mark.slow
def test_wheel_works_alone(tmp_path):
    """Built and installed in an environment of its own, in an empty folder; dependencies come from this one."""
    source = tmp_path / "source"
    for part in ("dsm", "conf"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "local"))
    for file in ("pyproject.toml", "README.md", ".gitignore"):
        shutil.copy(ROOT / file, source)
    (source / "conf/local").mkdir()
    (source / "conf/local/default.yaml").write_text("seed: 7 # a setting of this machine\n")
    subprocess.run([sys.executable, "-m", "build", "--sdist", "--wheel", "--no-isolation", "--outdir", tmp_path, source],
                   check=True, capture_output=True)  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    (sdist,) = tmp_path.glob("*.tar.gz")
    assert not any("local" in name for name in tarfile.open(sdist).getnames())
    assert "dsm/conf/config.yaml" in inside and not any("local" in name for name in inside)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], check=True, capture_output=True)
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (here,) = {Path(entry) for entry in sys.path if entry.endswith("site-packages")}
    (site / "dependencies.pth").write_text(f"{here}\n")
    # Neither the editable install of this checkout nor a search path must be what is found.
    alone = environment(PYTHONPATH="")
    where = [python, "-c", "import dsm; print(dsm.__file__)"]
    empty = tmp_path / "empty"
    empty.mkdir()
    found = subprocess.run(where, cwd=empty, env=alone, check=True, capture_output=True, text=True).stdout
    assert str(site) in found
    words = ["experiment=quickstart", *SMALL, "network.width=4", "run.figures=false", "observe.quantities=[energy]"]
    subprocess.run([tmp_path / "venv/bin/dsm", *words], cwd=empty, env=alone, check=True, capture_output=True)
    assert len(list(empty.rglob("DONE"))) == 1
