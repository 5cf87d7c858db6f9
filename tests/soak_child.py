"""A run of `dsm` in a process of its own that is watched from outside: which phase it is in, what it said, how it ended."""

import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from commands import command, environment

PHASES = ("start", "draw", "compile", "work", "checkpoint", "results", "figures", "exit")
#: Seconds after which a child hangs.
PATIENCE = 300.0
#: Every call of the loop is short, and each is followed by a checkpoint.
STEPWISE = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9", "run.devices=1", "run.progress=none")
#: What must never be seen.
FORBIDDEN = ("Traceback", "Exception ignored", "Fatal Python error", "Logging error", "terminate called")
#: What a run may say of a fault, by class; other lines are listed as they are.
MESSAGES = {
    "ended by a signal": r"^dsm: ended by SIG\w+: run the same command again to continue$",
    "signal acknowledged": r"^dsm: SIG\w+: what is done is saved, .* ends it at once$",
    "stopped by a signal": r"^stopped by SIG\w+ at \w+ \d+$",
    "run again to continue": r"run the same command again to continue$",
    "cannot write": r"^dsm: cannot write ",
    "cannot use": r"^dsm: cannot use ",
    "cannot read, nothing changed": r"^dsm: cannot read the checkpoint .* nothing is changed",
    "in use": r"^dsm: .* is in use by another process$",
    "checkpoint set aside": r"^checkpoint at sweep \d+ is damaged and set aside",
    "other copy of records": r" is damaged; the other copy is used if it is whole$",
    "compilation cache": r"compilation cache",
    "resumed": r"^resumed at \w+ \d+$",
    "already finished": r"already finished",
    "": r"^(drawing|sampler\.kernel = |compil|writing results|figure: |.*: finished$|$)|about .* at this rate",
}


@dataclass
class Seen:
    """What a child said and how it ended."""

    status: int
    text: str
    durations: dict[str, float] = field(default_factory=dict)

    @property
    def resumed(self) -> int | None:
        """Where it resumed, if it did."""
        found = re.search(r"^resumed at \w+ (\d+)$", self.text, re.M)
        return int(found[1]) if found else None

    @property
    def classes(self) -> set[str]:
        """Classes of its messages; a line that belongs to none is its own class, without numbers and paths."""
        found = set()
        for line in self.text.splitlines():
            names = [name for name, pattern in MESSAGES.items() if re.search(pattern, line.strip())]
            found |= set(names[:1]) or {"other: " + re.sub(r"/\S+|\d+", "*", line.strip())[:90]}
        return found - {""}


class Child:
    """A process at work.

    Arguments:
        words: settings.
        cwd: its working folder; the run directory is `run` there.
        cache: where compiled programs are kept.
        program: Python code that is run first.
    """

    def __init__(self, words: tuple[str, ...], cwd: Path, cache: Path, program: str = "") -> None:
        self.run = cwd / "run"
        whole = command(*words, *STEPWISE, "run.dir=run", program=program)[:-1]
        self._began = time.time()
        self._steps_before = checkpoints(self.run)
        self.process = subprocess.Popen(
            [*whole, f"run.compilation_cache={cache}"],
            cwd=cwd,
            env=environment(DSM_LOCAL="none", MPLBACKEND="agg"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._entered = {"start": time.monotonic()}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)

    def look(self) -> str:
        """The phase in which it is, as far as can be seen from outside."""
        found = self._phase("".join(self._lines))
        self._entered.setdefault(found, time.monotonic())
        return found

    def _phase(self, text: str) -> str:
        results = self.run / "results.nc"
        if ": finished" in text or "run the same command again to continue" in text:
            return "exit"
        if "writing results" in text or "stopped by" in text:
            written = results.exists() and results.stat().st_mtime >= self._began
            return "figures" if written and "writing results" in text else "results"
        if "compiled in" in text:
            return "checkpoint" if any((self.run / "checkpoints").glob("*orbax-checkpoint-tmp*")) else "work"
        return "compile" if "compiling" in text else "draw" if "drawing" in text else "start"

    def reach(self, phase: str, share: float, total: int, durations: dict[str, float]) -> str:
        """Wait for a place in a phase, or for the end; returns the phase that it is in.

        Arguments:
            phase: one of `PHASES`.
            share: of the phase that is over by then; of the loop, in units done.
            total: units of the whole run.
            durations: seconds that phases have taken elsewhere.
        """
        loop = phase in ("work", "checkpoint")
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            now = PHASES.index(self.look())
            if loop and now in (3, 4):
                done = max(checkpoints(self.run), default=0)
                if done >= share * total and (phase == "work" or now == 4):
                    break
            elif now >= PHASES.index(phase) and now != 4 or loop and now > 4:
                break
            time.sleep(0.002)
        if not loop:
            rest = share * durations.get(phase, 0.0)
            while rest > 0 and self.process.poll() is None:
                time.sleep(min(rest, 0.01))
                rest -= 0.01
        return self.look()

    def catches(self, number: int) -> bool:
        """Whether it has a handler for a signal by now (Linux), or is gone."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return True
        caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    def send(self, number: int) -> None:
        """Send a signal, if it is there to take one."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> Seen:
        """Wait for its end, and kill it if that takes too long."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self.look()
            if time.monotonic() > until:
                self.process.kill()
                self._lines.append("Traceback: none, but it hangs\n")
            time.sleep(0.01)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        entered = [*sorted(self._entered.items(), key=lambda item: item[1]), ("", time.monotonic())]
        durations = {name: entered[place + 1][1] - at for place, (name, at) in enumerate(entered[:-1])}
        return Seen(self.process.wait(), "".join(self._lines), durations)


def checkpoints(run: Path) -> list[int]:
    """Units at which there are checkpoints, ascending."""
    folder = run / "checkpoints"
    try:
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
    except OSError:
        return []


def complaint(seen: Seen, allowed: tuple[int, ...]) -> str | None:
    """What is wrong with the way a child ended: its status, or what it printed."""
    for word in FORBIDDEN:
        if word in seen.text:
            return f"{word} in what it printed"
    if seen.status in allowed:
        return None
    number = -seen.status
    name = signal.Signals(number).name if number in signal.valid_signals() else seen.status
    return f"status {name}, expected one of {allowed}"
