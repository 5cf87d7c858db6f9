"""The directory of a run: where it is, whose it is, and whether it is finished."""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dsm._errors import StoreError
from dsm.config import Config, changes, flatten

NAME_LIMIT = 100


def path_of(config: Config) -> Path:
    """The run directory of a configuration: <root>/<experiment>/<changes>/seed=<s>, or `run.dir` if given.

    <changes> lists the settings in which the run differs from its experiment, "default" if there are none; an over-long
    list is cut and ends in a hash of the whole.
    """
    if config.run.dir is not None:
        return Path(config.run.dir).expanduser().absolute()
    name = ",".join(f"{key}={_spell(value)}" for key, value in changes(config).items()) or "default"
    name = re.sub(r"[^\w.,=+-]+", "_", name)
    if len(name) > NAME_LIMIT:
        name = f"{name[:NAME_LIMIT]}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
    return Path(config.run.root).expanduser().absolute() / config.experiment / name / f"seed={config.seed}"


def _spell(value: Any) -> str:
    return "+".join(map(_spell, value)) if isinstance(value, (list, tuple)) else str(value)


class RunDirectory:
    """An open run directory.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        return self.path / "results.nc"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def is_done(self) -> bool:
        """Whether the run is finished."""
        return (self.path / "DONE").exists()

    def config(self) -> dict[str, Any]:
        """The stored configuration.

        Raises:
            StoreError: there is none.
        """
        try:
            return yaml.safe_load((self.path / "config.yaml").read_text())
        except FileNotFoundError:
            raise StoreError(f"{self.path} is not a run directory: it has no config.yaml") from None

    def write(self, name: str, text: str) -> None:
        """Write a small file so that it is there whole or not at all."""
        replace_file(self.path / name, lambda temporary: temporary.write_text(text))

    def finish(self, summary: dict[str, Any]) -> None:
        """Write DONE, the last file of a run."""
        self.write("DONE", json.dumps(summary, indent=1) + "\n")


def replace_file(path: Path, write: Any) -> None:
    """Have `write(temporary path)` make a file, then move it to `path` in one step.

    Raises:
        StoreError: the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error}") from error


@contextlib.contextmanager
def open_run(config: Config) -> Iterator[RunDirectory]:
    """Open the run directory of `config`, made if need be, and hold it for this process alone.

    Raises:
        StoreError: it belongs to another configuration (the difference is shown), another process has it, or the disk
            refuses.
    """
    path = path_of(config)
    if config.run.resume == "never":
        path = _beside(path)
    directory = RunDirectory(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    except OSError as error:
        raise StoreError(f"cannot use the run directory {path}: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{path} is in use by another process") from None
        if (path / "config.yaml").exists():
            _same_settings(directory, config)
        else:
            leftovers = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")]
            if leftovers:
                raise StoreError(f"{path} is not empty and not a run directory (it has {', '.join(leftovers[:5])})")
            directory.write("config.yaml", yaml.safe_dump(dataclasses.asdict(config), sort_keys=False))
        yield directory


def _beside(path: Path) -> Path:
    number = 2
    while path.exists():
        path = path.with_name(f"{path.name.split('~')[0]}~{number}")
        number += 1
    return path


def _same_settings(directory: RunDirectory, config: Config) -> None:
    stored = directory.config()
    for key in ("run", "plugins"):
        stored.pop(key, None)
    stored, own = flatten(stored), config.identity()
    different = [
        f"  {key}: {stored.get(key, 'absent')} there, {own.get(key, 'absent')} now"
        for key in sorted(stored | own)
        if stored.get(key, "absent") != own.get(key, "absent")
    ]
    if different:
        raise StoreError(
            f"{directory.path} holds a run of another configuration:\n" + "\n".join(different) + "\n"
            "Choose another run.dir, or run.resume=never to start afresh beside it."
        )


def remove(path: Path) -> None:
    """Delete a folder with all it holds; an absent one is no error."""
    shutil.rmtree(path, ignore_errors=True)
