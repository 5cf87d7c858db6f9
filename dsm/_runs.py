"""How runs stand, read from their directories alone: which are finished, which run now, which wait or have failed."""

import contextlib
import errno
import fcntl
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: How a run can stand, the best first.
DONE, RUNNING, INTERRUPTED, FAILED, MISSING = STATES = ("done", "running", "interrupted", "failed", "missing")
#: Where runs say how far they are.
PROGRESS = "progress.json"
#: What makes a folder with a lock a run directory; others have files of that name too.
SIGNS = ("config.yaml", "checkpoints", "results.nc", "manifest.json", PROGRESS)
#: Bytes at the end of a log that are looked at.
TAIL = 2**16
#: A line of a log that begins a message: date, time, level, message.
MESSAGE = re.compile(r"^\d{4}-\d\d-\d\d \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)")

#: A number in the name of a folder.
NUMBER = re.compile(r"((?:(?<==)-)?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes:
        path: its directory.
        state: one of `STATES`.
        now: units of time done; None if that is not known. Of an interrupted run what the newest checkpoint holds.
        total: units of the whole run; None if that is not known.
        unit: name of the unit of time, in the plural; "" if that is not known.
        left: estimated seconds until the end of a run that runs, else None.
        message: what else there is to say, in one line.
    """

    path: Path
    state: str
    now: int | None = None
    total: int | None = None
    unit: str = ""
    left: float | None = None
    message: str = ""

    @property
    def progress(self) -> str:
        """How far it is, as in "sweep 400/1024, 39 %"; "" if that is not known."""
        if self.now is None:
            return ""
        where = f"{self.unit.removesuffix('s') or 'step'} {self.now}"
        if not self.total:
            return where
        percent = 100 * self.now // self.total  # 100 % is the end, and not close to it
        return f"{where}/{self.total}, {percent} %{_remaining(self.left)}"


def find_runs(root: Path) -> list[Path]:
    """All run directories at or below a folder, sorted, numbers by size. Folders that cannot be read are passed over."""
    found = []
    for folder, below, files in os.walk(root):
        if "DONE" in files or ".lock" in files:
            if any(sign in files or sign in below for sign in SIGNS):
                found.append(Path(folder))
                below[:] = [name for name in below if name != "figures" and "checkpoint" not in name]
    return sorted(found, key=_by_size)


def _by_size(path: Path) -> tuple[Any, ...]:
    """A key that sorts alpha=0.25, alpha=2 and alpha=1e+02 by their numbers; text and numbers alternate in it."""
    parts = [NUMBER.split(part) for part in path.parts]
    return [[float(piece) if index % 2 else piece for index, piece in enumerate(part)] for part in parts], path


def standing(path: Path) -> Standing:
    """How the run in a directory stands. A damaged directory is no error: what cannot be read is left out."""
    noted = _noted(path)
    total, unit = _whole(noted.get("total")), noted.get("unit")
    about: dict[str, Any] = {"total": total, "unit": unit if isinstance(unit, str) else ""}
    if (path / "DONE").exists():
        return Standing(path, DONE, now=total, **about)
    saved, held = _newest_checkpoint(path), is_held(path)
    if held:
        now = max((number for number in (saved, _whole(noted.get("done"))) if number is not None), default=None)
        return Standing(path, RUNNING, now, left=_left(noted), message="" if now is not None else "starting", **about)
    if not (path / "config.yaml").exists():
        return Standing(path, FAILED, saved, message="its config.yaml is missing", **about)
    level, message = last_message(path / "log.txt")
    if level == "ERROR":
        return Standing(path, FAILED, saved, message=message, **about)
    message = "" if saved is not None else "before its first checkpoint"
    if held is None:
        message += f"{'; ' if message else ''}or still running: its lock cannot be tested"
    return Standing(path, INTERRUPTED, saved, message=message, **about)


def standings(root: Path) -> list[Standing]:
    """How all runs at or below a folder stand; without a run, one that is missing."""
    try:
        os.listdir(root)
    except OSError as error:
        reason = "there is no such folder" if error.errno == errno.ENOENT else error.strerror
        return [Standing(root, MISSING, message=str(reason))]
    return [standing(path) for path in find_runs(root)] or [Standing(root, MISSING, message="there is no run in it")]


def is_held(path: Path) -> bool | None:
    """Whether a process has a run directory open; None if that cannot be found out."""
    try:
        with (path / ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return False


def last_message(log: Path) -> tuple[str, str]:
    """Level and first line of the last message of a log; both "" if there is none."""
    with contextlib.suppress(OSError):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            lines = file.read(TAIL).decode(errors="replace").splitlines()
        for line in reversed(lines):
            if found := MESSAGE.match(line):
                return found[1], found[2]
    return "", ""


def _noted(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        noted = json.loads((path / PROGRESS).read_bytes())
        if isinstance(noted, dict):
            return noted
    return {}


def _newest_checkpoint(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return max((int(name) for name in os.listdir(path / "checkpoints") if name.isdecimal()), default=None)
    return None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _left(noted: dict[str, Any]) -> float | None:
    """Seconds to the end, by the rate that was noted."""
    done, total, rate = _whole(noted.get("done")), _whole(noted.get("total")), noted.get("per_second")
    if done is None or total is None or not isinstance(rate, (int, float)) or not rate > 0:
        return None
    return max(0.0, (total - done) / rate)


def _remaining(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f", {seconds / size:.0f} {unit} left"
    return f", {seconds:.0f} s left"
