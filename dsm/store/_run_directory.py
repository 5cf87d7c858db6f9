"""The directory of a run: where it is, whose it is, and whether it is finished."""

import contextlib
import dataclasses
import errno
import fcntl
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import yaml

from dsm._errors import InUseError, StoreError
from dsm._runs import PROGRESS
from dsm.config import SOURCES, Config, lasting

#: Files that a run may leave before it has a configuration; hidden ones (lock, temporary files) too.
OWN = {"manifest.json", "log.txt"}
#: What a file system answers that has no locks.
NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
#: Seconds between attempts to lock: `dsm status` holds a lock for a moment, to find out whether somebody else does.
TRY_AGAIN_AFTER = (0.02, 0.1)

logger = logging.getLogger("dsm")


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
            StoreError: there is none, or it cannot be read.
        """
        try:
            stored = yaml.safe_load((self.path / "config.yaml").read_text())
        except FileNotFoundError:
            raise StoreError(f"{self.path} is not a run directory: it has no config.yaml") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise StoreError(f"cannot read {self.path / 'config.yaml'}: {error}") from error
        if not isinstance(stored, dict):
            raise StoreError(f"{self.path / 'config.yaml'} holds no configuration")
        return stored

    def summary(self) -> dict[str, Any]:
        """What DONE says.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            return json.loads((self.path / "DONE").read_text())
        except ValueError as error:
            raise StoreError(f"cannot read {self.path / 'DONE'}: {error}") from error

    def write(self, name: str, text: str, lasting: bool = True) -> None:
        """Write a small file so that it is there whole or not at all; see `replace_file`."""
        replace_file(self.path / name, lambda temporary: temporary.write_text(text), lasting)

    def note_progress(self, unit: str, total: int, done: int, per_second: float) -> None:
        """Say how far the run is, for `dsm status`. A disk that refuses is no error: what follows it says so."""
        noted = {"unit": unit, "total": total, "done": done, "per_second": per_second}
        with contextlib.suppress(StoreError):
            self.write(PROGRESS, json.dumps(noted) + "\n", lasting=False)

    def finish(self, summary: dict[str, Any]) -> None:
        """Write DONE, the last file of a run."""
        self.write("DONE", json.dumps(summary, indent=1) + "\n")


def replace_file(path: Path, write: Any, lasting: bool = True) -> None:
    """Have `write(temporary path)` make a file, then move it to `path` in one step.

    Arguments:
        path: the file.
        write: makes it.
        lasting: wait until it is on the disk itself, so that it outlives a crash of the machine.

    Raises:
        StoreError: the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        write(temporary)
        if lasting:
            _flush(temporary)
        os.replace(temporary, path)
        if lasting:
            with contextlib.suppress(OSError):  # some file systems do not let folders be flushed
                _flush(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def _flush(path: Path) -> None:
    """Wait until what is written of a file or folder is on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def open_run(path: Path, config: Config) -> Iterator[RunDirectory]:
    """Open the run directory of `config` at `path`, made if need be, and hold it for this process alone.

    On a file system without locks (flock) nothing keeps a second process out; a warning says so.

    Raises:
        StoreError: it belongs to another configuration (the difference is shown), another process has it, or the disk
            refuses, now or while the run is open.
    """
    try:
        directory = RunDirectory(path)
        with _nothing_left(path), (path / ".lock").open("w") as lock:
            _hold(lock, path)
            if (path / "config.yaml").exists():
                _same_settings(directory, config)
            else:
                _unborn(path)
                directory.write("config.yaml", yaml.safe_dump(dataclasses.asdict(config), sort_keys=False))
            yield directory
    except OSError as error:
        raise StoreError(f"cannot use the run directory {path}: {error}") from error


@contextlib.contextmanager
def _nothing_left(path: Path) -> Iterator[None]:
    """Make the folder of a run; where the run is refused before it has a configuration, what was made for it goes again."""
    new = [place for place in (path / ".lock", path, *path.parents) if not place.exists()]
    try:
        _make(path)
        yield
    except (StoreError, OSError) as error:
        if not isinstance(error, InUseError) and not (path / "config.yaml").exists():
            with contextlib.suppress(OSError):
                for place in new:
                    place.rmdir() if place.is_dir() else place.unlink(missing_ok=True)
        raise


def _make(path: Path) -> None:
    place = next(place for place in (path, *path.parents) if place.exists())
    if not place.is_dir():
        raise StoreError(f"the run directory {path} cannot be made: {place} is a file")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the run directory {path} cannot be made in {place}: {error.strerror}") from error


def _hold(lock: TextIO, path: Path) -> None:
    try:
        for wait in TRY_AGAIN_AFTER:
            with contextlib.suppress(BlockingIOError):
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(wait)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUseError(f"{path} is in use by another process") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        logger.warning("the file system of %s has no locks: run nothing else there (%s)", path, error)


def _unborn(path: Path) -> None:
    """Refuse a folder that somebody else uses."""
    foreign = [entry.name for entry in path.iterdir() if not entry.name.startswith(".") and entry.name not in OWN]
    if foreign:
        raise StoreError(f"{path} is not empty and not a run directory (it has {', '.join(foreign[:5])})")


def newest(path: Path, config: Config) -> Path:
    """Where the newest run of these settings is, at `path` or beside it. Where none has them, the newest run; or `path`."""
    places = sorted(_places(path).items(), reverse=True)
    runs = [place for _, place in places if (place / "config.yaml").exists()]
    return next((place for place in runs if _is_of(place, config)), runs[0] if runs else path)


def _is_of(path: Path, config: Config) -> bool:
    try:
        return not _differences(RunDirectory(path), config)
    except StoreError:  # whoever opens it says what is wrong
        return False


def _places(path: Path) -> dict[int, Path]:
    """What is at `path`, number 1, and what `run.resume=never` has made beside it, from number 2 on."""
    of_it = re.compile(re.escape(path.name) + r"~([0-9]+)")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    made = {int(match[1]): place for place in beside if (match := of_it.fullmatch(place.name))}
    return made | ({1: path} if path.exists() else {})


def afresh(path: Path) -> Path:
    """Where a new run goes: to `path` or, if there is something, beside it."""
    if not _places(path):
        return path
    first = path.with_name(re.sub("~[0-9]+$", "", path.name))
    return first.with_name(f"{first.name}~{max(_places(first)) + 1}")


def _same_settings(directory: RunDirectory, config: Config) -> None:
    if different := _differences(directory, config):
        raise StoreError(
            f"{directory.path} holds a run of another configuration:\n" + "\n".join(different) + "\n"
            "Choose another run.dir, or run.resume=never to start afresh beside it."
        )


def _differences(directory: RunDirectory, config: Config) -> list[str]:
    """The settings in which a run differs from a configuration, in words."""
    own = config.identity()
    # A setting that is younger than the run had its default then.
    there = config.defaults() | lasting(directory.config())
    return [
        _difference(key, there.get(key, "absent"), own.get(key, "absent"))
        for key in sorted(there | own)
        if there.get(key, "absent") != own.get(key, "absent")
    ]


def _difference(key: str, there: Any, now: Any) -> str:
    section, _, name = key.partition(".")
    if section != SOURCES:
        return f"  {key}: {there} there, {now} now"
    if "absent" not in (there, now):
        return f"  the source of {name} has changed since"
    return f"  {name}, a plugin or a part of a script: only {'now' if there == 'absent' else 'there'}"


def remove(path: Path) -> None:
    """Delete a folder with all it holds; an absent one is no error."""
    shutil.rmtree(path, ignore_errors=True)
