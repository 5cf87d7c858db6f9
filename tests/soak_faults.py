"""What is done to a run, fault by fault. Each leaves the run so that the same command can complete it."""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from soak_child import Child, Seen, checkpoints, complaint

SIGNALS = ("SIGKILL", "SIGTERM", "SIGUSR1", "SIGINT", "SIGHUP")
DAMAGES = ("truncated", "emptied", "deleted", "flipped", "dangling link")
#: Statuses: finished, an error of the disk, interrupted.
DONE, ERROR, INTERRUPTED = 0, 2, 75
#: The disk cannot read checkpoints, or the files of records.
UNREADABLE = """
import pathlib
import orbax.checkpoint
def refuse(*arguments, **options):
    raise OSError(5, "Input/output error")
if {checkpoints}:
    orbax.checkpoint.CheckpointManager.restore = refuse
else:
    pathlib.Path.read_bytes = refuse
"""
LIMITED = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
#: Roomy, for a run.
ROOM = "size=64m,nr_inodes=4000"


class Failure(Exception):
    """What should not have happened."""


class Patient:
    """A run to which faults happen.

    Attributes:
        hit: phase of the last fault.
        said: classes of messages since the last fault.
    """

    def __init__(self, words: tuple[str, ...], total: int, folder: Path, cache: Path, durations: dict[str, float]):
        self.words, self.total, self.folder, self.cache, self.durations = words, total, folder, cache, durations
        self.run = folder / "run"
        self.hit = ""
        self.said: set[str] = set()
        self.log: list[str] = []

    @property
    def is_done(self) -> bool:
        return (self.run / "DONE").exists()

    def start(self, program: str = "", cache: Path | None = None) -> Child:
        """Start the command."""
        self._newest = max(checkpoints(self.run), default=0)
        return Child(self.words, self.folder, cache or self.cache, program)

    def end(self, child: Child, *allowed: int, may_lose: int = 0) -> Seen:
        """Wait for the child's end, and look at how it ended.

        Arguments:
            child: what was started last.
            allowed: statuses.
            may_lose: units of work that may be lost before where it resumed.

        Raises:
            Failure: it ended otherwise, printed a traceback, or lost work that was saved.
        """
        seen = child.end()
        self.log.append(f"--- status {seen.status}\n{seen.text}")
        self.said |= seen.classes
        if wrong := complaint(seen, allowed):
            raise Failure(wrong)
        if self._newest and "compiled in" in seen.text and (seen.resumed or 0) < self._newest - may_lose:
            raise Failure(f"resumed at {seen.resumed}, and there was a checkpoint at {self._newest}")
        return seen

    def interrupt(self, phase: str, share: float, *names: str, pause: float = 0.0) -> None:
        """Signals, at a place in a phase."""
        child = self.start()
        self.hit = child.reach(phase, share, self.total, self.durations)
        # In the first moments the interpreter has not got to dsm yet, and a signal does what it does to any process.
        own = {"SIGKILL"} & set(names)
        for place, name in enumerate(names):
            time.sleep(pause if place else 0.0)
            if self.hit == "start" and not child.catches(signal.Signals[name]):
                own.add(name)
            child.send(signal.Signals[name])
        self.end(child, DONE, INTERRUPTED, *(-signal.Signals[name] for name in own))

    def some_checkpoints(self, share: float) -> None:
        """Have at least two checkpoints, of an interrupted run."""
        while len(checkpoints(self.run)) < 2 and not self.is_done:
            self.interrupt("work", max(share, 4 / self.total), "SIGKILL")

    def go_on(self, program: str = "", cache: Path | None = None, may_lose: int = 0, share: float = 1.0) -> None:
        """Run on, up to a SIGTERM."""
        child = self.start(program, cache)
        if share < 1:
            child.reach("work", share, self.total, self.durations)
            child.send(signal.SIGTERM)
        self.end(child, DONE, INTERRUPTED, may_lose=may_lose)


Fault = Callable[[Patient, str, float, random.Random], None]


def single(name: str) -> Fault:
    return lambda run, phase, share, draw: run.interrupt(phase, share, name)


def pair(run: Patient, phase: str, share: float, draw: random.Random) -> None:
    names = draw.choice(SIGNALS[1:]), draw.choice(SIGNALS)
    run.interrupt(phase, share, *names, pause=draw.choice([0.0, 0.05, 0.5, 1.5]))


def file_size(run: Patient, phase: str, share: float, draw: random.Random) -> None:
    """No file may be longer than some limit: the disk refuses whatever comes first."""
    child = run.start(LIMITED.format(size=int(10 ** draw.uniform(0, 5.5))))
    run.hit = "start"
    run.end(child, DONE, ERROR)


def full(what: str) -> Fault:
    """The file system under the run has few bytes or inodes left from a place in a phase on."""

    def fault(run: Patient, phase: str, share: float, draw: random.Random) -> None:
        child = run.start()
        run.hit = child.reach(phase, share, run.total, run.durations)
        child.send(signal.SIGSTOP)  # or it would write between the count and the new limit
        try:
            state = os.statvfs(run.folder)
            if what == "size":
                left = (state.f_blocks - state.f_bfree) * state.f_frsize // 1024 + draw.choice([0, 4, 20, 100])
                remount(run.folder, f"size={left}k,nr_inodes=4000")
            else:
                remount(run.folder, f"size=64m,nr_inodes={state.f_files - state.f_ffree + draw.choice([0, 1, 5, 30])}")
        finally:
            child.send(signal.SIGCONT)
        try:
            run.end(child, DONE, ERROR)
        finally:
            remount(run.folder, ROOM)

    return fault


def read_only(run: Patient, phase: str, share: float, draw: random.Random) -> None:
    run.hit = "start"
    remount(run.folder, "ro")
    try:
        run.end(run.start(), ERROR)
    finally:
        remount(run.folder, "rw")


def damaged(kind: str, where: str) -> Fault:
    """A file of the newest checkpoint, of one copy of the records, or of both copies of the newest segment."""

    def fault(run: Patient, phase: str, share: float, draw: random.Random) -> None:
        run.some_checkpoints(share)
        steps = checkpoints(run.run)
        if run.is_done or len(steps) < 2:
            return
        run.hit = "between"
        if where == "checkpoint":
            files = [path for path in (run.run / f"checkpoints/{steps[-1]}").rglob("*") if path.is_file()]
            damage(draw.choice(sorted(files)), kind, draw)
        else:
            damage(draw.choice(sorted((run.run / "records").glob("*.npz"))), kind, draw)
        run.go_on(may_lose=steps[-1] - steps[-2] if where == "checkpoint" else 0, share=draw.choice([1.0, 0.9]))

    return fault


def damage(path: Path, kind: str, draw: random.Random) -> None:
    """Damage a file."""
    content = bytearray(path.read_bytes())
    if kind == "deleted":
        path.unlink()
    elif kind == "dangling link":
        path.unlink()
        path.symlink_to("nowhere")
    elif kind == "flipped" and content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
    else:
        path.write_bytes(content[: draw.randrange(len(content))] if kind == "truncated" and content else b"")


def unreadable(kind: str) -> Fault:
    """The disk refuses to read for a while: nothing may change."""

    def fault(run: Patient, phase: str, share: float, draw: random.Random) -> None:
        run.some_checkpoints(share)
        steps = checkpoints(run.run)
        if run.is_done or len(steps) < 2:
            return
        run.hit = "between"
        if kind == "EIO":
            child = run.start(UNREADABLE.format(checkpoints=draw.random() < 0.5))
            run.end(child, ERROR)
        else:  # a folder where there was a file
            files = sorted(path for path in (run.run / f"checkpoints/{steps[-1]}").rglob("*") if path.is_file())
            path = draw.choice([*files, *sorted((run.run / "records").glob("*.a.npz"))])
            kept = path.read_bytes()
            path.unlink()
            path.mkdir()
            child = run.start()
            run.end(child, ERROR)
            path.rmdir()
            path.write_bytes(kept)
        if checkpoints(run.run) != steps:
            raise Failure(f"checkpoints at {checkpoints(run.run)}, before at {steps}")

    return fault


def locked(run: Patient, phase: str, share: float, draw: random.Random) -> None:
    """Another process has the run; then there is nothing but its lock file."""
    run.hit = "start"
    run.run.mkdir(exist_ok=True)
    with (run.run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4194304\n")
        lock.flush()
        run.end(run.start(), ERROR)


def cache(run: Patient, phase: str, share: float, draw: random.Random) -> None:
    """Compiled programs are damaged, all in one way."""
    run.hit = "compile"
    copy = run.folder.with_name(f"{run.folder.name}-cache")
    shutil.copytree(run.cache, copy)
    kind = draw.choice(DAMAGES)
    for path in sorted(copy.rglob("*")):
        if path.is_file():
            damage(path, kind, draw)
    run.go_on(cache=copy, share=share)
    shutil.rmtree(copy)


def leftovers(run: Patient, phase: str, share: float, draw: random.Random) -> None:
    """What kills in the middle of writing leave."""
    run.hit = "between"
    if draw.random() < 0.5:
        run.some_checkpoints(share)
    (run.run / "records").mkdir(parents=True, exist_ok=True)
    next_step = max(checkpoints(run.run), default=0) + 1
    partial = run.run / f"checkpoints/{next_step}.orbax-checkpoint-tmp"
    (partial / "arrays").mkdir(parents=True, exist_ok=True)
    (partial / "arrays" / "manifest.ocdbt").write_bytes(b"half")
    for name in (
        ".config.yaml.tmp",
        ".results.nc.tmp",
        ".DONE.tmp",
        "records/.0-9.0.a.npz.tmp",
        "records/0-900.0.a.npz",
    ):
        (run.run / name).write_bytes(draw.randbytes(100))
    if not (run.run / "config.yaml").exists():  # a crash comes after this was written
        shutil.rmtree(run.run / "checkpoints")
        shutil.rmtree(run.run / "records")
    run.go_on(share=share)


def remount(folder: Path, options: str) -> None:
    """Change the file system that is mounted at a folder."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True, capture_output=True)


def mount(folder: Path) -> bool:
    """Mount a file system in memory; False if this process may not."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", ROOM, "tmpfs", str(folder)], capture_output=True)
    return done.returncode == 0


def unmount(folder: Path) -> None:
    """Take it away with all that is in it."""
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


#: Faults that need a file system of their own.
MOUNTED: dict[str, Fault] = {"full disk": full("size"), "no inodes": full("inodes"), "read-only folder": read_only}
#: Faults that come at a place in a phase.
PLACED: dict[str, Fault] = {name: single(name) for name in SIGNALS} | {"two signals": pair}
#: Faults that choose their time themselves.
OTHERS: dict[str, Fault] = {
    "file-size limit": file_size,
    "another process": locked,
    "compilation cache damaged": cache,
    "leftovers of a kill": leftovers,
    "read error": unreadable("EIO"),
    "folder for a file": unreadable("folder"),
    **{f"checkpoint {kind}": damaged(kind, "checkpoint") for kind in DAMAGES},
    **{f"records {kind}": damaged(kind, "records") for kind in DAMAGES},
}
FAULTS = PLACED | MOUNTED | OTHERS
