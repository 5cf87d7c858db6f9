"""Make the archive of small runs that tests draw figures and pages of:

PYTHONPATH=tests JAX_DISABLE_MOST_OPTIMIZATIONS=1 python tests/data/make_experiment_runs.py FOLDER

Runs that are finished in FOLDER are not made again: unpack the archive there to add to it.
"""

import io
import json
import os
import sys
import tarfile
from pathlib import Path

import dsm
from experiment_runs import ARCHIVE, FOLDERS


def main(folder: str) -> None:
    """Carry out all runs below `folder`, and pack them."""
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)  # settings then say nothing of this machine
    paths = {
        dsm.run(*words, f"run.root={root}", "run.progress=none", "run.figures=false")
        for root, runs in FOLDERS.items()
        for words in runs()
    }
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(paths):
            for name in ("config.yaml", "manifest.json", "results.nc", "DONE"):
                content = (path / name).read_bytes()
                add(archive, str(path.relative_to(Path.cwd()) / name), shared(content) if "json" in name else content)
    print(f"{len(paths)} runs, {ARCHIVE.stat().st_size / 1e3:.0f} kB")


def shared(manifest: bytes) -> bytes:
    """A manifest without what is known of the machine."""
    facts = json.loads(manifest)
    facts.pop("host", None)  # a run of the archive says nothing of it
    return json.dumps(facts, indent=1).encode() + b"\n"


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file that has neither owner nor date."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main(*sys.argv[1:])
