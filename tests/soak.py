"""Small runs of all tasks under random faults: each must complete, bitwise equal to the undisturbed one.

python tests/soak.py --runs 50 --seed 0 --minutes 30

Signals at random times of every phase, full disks, read errors, damage to checkpoints, records and compiled programs, and
what a kill leaves. The same seed gives the same plan of faults. Nothing may be lost but the work since the last checkpoint,
and nobody may see a traceback. Prints a line a run and in the end a table of faults and phases. The exit status is 0 if all
runs were recovered. Folders of runs that were not are kept.
"""

import argparse
import collections
import concurrent.futures
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from commands import TINY, assert_same_results
from soak_child import PHASES
from soak_faults import FAULTS, MOUNTED, OTHERS, PLACED, Failure, Patient, mount, unmount

#: Settings of small runs, and how many units each has.
TASKS: dict[str, tuple[tuple[str, ...], int]] = {
    "sample": (TINY[:-1], 32),
    "exchange": (
        (*TINY[:-1], "sampler=exchange", "sampler.sweeps=24", "sampler.beta=[0,0.02,0.04]", "sampler.exchange=3",
         "observe.quantities=[weight_overlap,energy]", "observe.burn_in=8"), 24,
    ),
    "online_sgd": (("task=online_sgd", "network.width=30", "data.samples=2", "training.time=1"), 30),
    "specialisation": (
        ("task=specialisation", "network.width=6", "network.teachers=3", "network.multi=2", "network.outputs=4",
         "data.patterns=30", "data.test_patterns=40", "data.samples=2", "training.iterations=5", "training.epochs=5"), 25,
    ),
    "narrow": (
        ("task=narrow", "network.width=6", "network.units=2", "data.alpha=1.5", "data.samples=2",
         "data.test_patterns=20", "training.steps=24", "observe.theory=false"), 24,
    ),
}  # fmt: skip
COLUMNS = (*PHASES, "between")


@dataclass(frozen=True)
class Episode:
    """A fault, its phase where it has one, and a number from which its details are drawn."""

    fault: str
    phase: str
    share: float
    details: int


@dataclass(frozen=True)
class Case:
    """A run and what happens to it, in this order."""

    number: int
    task: str
    episodes: tuple[Episode, ...]


@dataclass
class Tally:
    """What has happened so far."""

    hits: collections.Counter = field(default_factory=collections.Counter)
    recovered: collections.Counter = field(default_factory=collections.Counter)
    said: dict[str, collections.Counter] = field(default_factory=lambda: collections.defaultdict(collections.Counter))
    failures: list[str] = field(default_factory=list)
    runs: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def plan(seed: int, runs: int, tasks: tuple[str, ...] = tuple(TASKS), mounts: bool = True) -> list[Case]:
    """The faults of all runs. Every fault comes at every phase before any comes twice."""
    draw = random.Random(seed)
    deck: list[tuple[str, str]] = []

    def deal() -> Episode:
        if not deck:
            deck.extend((fault, phase) for fault in PLACED for phase in PHASES)
            deck.extend((fault, phase) for fault in MOUNTED if mounts for phase in ("work", "results", "figures"))
            deck.extend((fault, "") for fault in OTHERS for _ in range(2))
            draw.shuffle(deck)
        return Episode(*deck.pop(), draw.random(), draw.randrange(2**32))

    cases = []
    for number in range(runs):
        episodes = [deal() for _ in range(draw.choice([1, 2, 2, 3]))]
        # What needs an unfinished run comes first.
        episodes.sort(key=lambda episode: PHASES.index(episode.phase) if episode.phase else -1)
        cases.append(Case(number, tasks[number % len(tasks)], tuple(episodes)))
    return cases


class Soak:
    """All runs of a plan, and the undisturbed ones beside them.

    Arguments:
        folder: where everything is.
        cache: where compiled programs are kept.
        figures: whether runs draw figures.
    """

    def __init__(self, folder: Path, cache: Path, figures: bool) -> None:
        self.folder, self.cache, self.figures = folder, cache, figures
        self.durations: dict[str, dict[str, float]] = {}
        self.tally = Tally()

    def patient(self, task: str, folder: Path) -> Patient:
        words, total = TASKS[task]
        return Patient(
            (*words, f"run.figures={str(self.figures).lower()}"),
            total,
            folder,
            self.cache,
            self.durations.get(task, {}),
        )

    def undisturbed(self, task: str) -> None:
        """Make the run to compare with; a first one compiles, so that phases are timed in the second."""
        for name in (f"{task}-compiles", task):
            folder = self.folder / name
            folder.mkdir(parents=True)
            run = self.patient(task, folder)
            self.durations[task] = run.end(run.start(), 0).durations
        shutil.rmtree(self.folder / f"{task}-compiles")

    def lead(self, case: Case) -> None:
        """One run under its faults, and then to its end."""
        began = time.monotonic()
        folder = self.folder / f"run-{case.number}"
        mounted = any(episode.fault in MOUNTED for episode in case.episodes) and mount(folder)
        folder.mkdir(exist_ok=True)
        run = self.patient(case.task, folder)
        hits: list[tuple[str, str]] = []
        wrong = None
        try:
            for episode in case.episodes:
                if run.is_done:
                    break
                run.hit, run.said = "", set()
                try:
                    FAULTS[episode.fault](run, episode.phase, episode.share, random.Random(episode.details))
                finally:
                    if run.hit:
                        hits.append((episode.fault, run.hit))
                        with self.tally.lock:
                            self.tally.said[episode.fault].update(run.said)
            run.end(run.start(), 0, may_lose=0)
            self.compare(case.task, run.run)
        except (Failure, AssertionError, OSError, subprocess.SubprocessError) as error:
            wrong = f"{case} {hits}: {type(error).__name__}: {error}"
            (self.folder / f"run-{case.number}.txt").write_text("\n".join((wrong, *run.log)))
        self.note(case, hits, wrong, time.monotonic() - began)
        if mounted:
            unmount(folder)
        if wrong is None:
            shutil.rmtree(folder)

    def compare(self, task: str, run: Path) -> None:
        """The run has all that the undisturbed one has, bit for bit."""
        whole = self.folder / task / "run"
        assert_same_results(run, whole)
        there = {path.name for path in (whole / "figures").glob("*")}
        if (found := {path.name for path in (run / "figures").glob("*")}) != there or not (run / "DONE").exists():
            raise Failure(f"figures {found}, undisturbed {there}; DONE: {(run / 'DONE').exists()}")

    def note(self, case: Case, hits: list[tuple[str, str]], wrong: str | None, seconds: float) -> None:
        told = ", ".join(f"{fault} ({phase})" for fault, phase in hits) or "no fault met it"
        with self.tally.lock:
            self.tally.runs += 1
            self.tally.hits.update(hits)
            if wrong is None:
                self.tally.recovered.update(hits)
            else:
                self.tally.failures.append(wrong)
            print(
                f"{'ok    ' if wrong is None else 'FAILED'} {case.number:4} {case.task}: {told}, {seconds:.0f} s",
                flush=True,
            )


def table(tally: Tally) -> str:
    """Markdown: how often each fault came in which phase, of how many runs were recovered, and what they said."""
    lines = [
        f"| fault | {' | '.join(COLUMNS)} | recovered | messages |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    for fault in FAULTS:
        counts = [tally.hits[fault, phase] for phase in COLUMNS]
        if not sum(counts):
            continue
        recovered = sum(tally.recovered[fault, phase] for phase in COLUMNS)
        said = "; ".join(name for name, _ in tally.said[fault].most_common())
        lines.append(
            f"| {fault} | {' | '.join(str(n or '') for n in counts)} | {recovered} of {sum(counts)} | {said} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """See the top of this file; returns the exit status."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=50)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--minutes", type=float, default=float("inf"), help="start no run under faults after so long")
    options.add_argument("--folder", type=Path, default=None, help="an empty one; a temporary one by default")
    options.add_argument("--cache", type=Path, default=None, help="compiled programs; below the folder by default")
    options.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    options.add_argument("--jobs", type=int, default=2, help="processes at once")
    options.add_argument("--no-figures", action="store_true")
    given = options.parse_args(arguments)
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="soak-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        options.error(f"{folder} is not empty")
    mounts = mount(folder / "mount")
    unmount(folder / "mount")
    (folder / "mount").rmdir()
    if not mounts:
        print(
            "this process may not mount: no full disk, no lack of inodes, no read-only folder; a file-size limit only"
        )
    began = time.monotonic()
    soak = Soak(folder, (given.cache or folder / "cache").absolute(), not given.no_figures)
    cases = plan(given.seed, given.runs, tuple(given.tasks), mounts)

    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(soak.undisturbed, given.tasks))
        undisturbed = time.monotonic()
        print(f"undisturbed runs made in {undisturbed - began:.0f} s", flush=True)

        def lead(case: Case) -> None:
            if time.monotonic() - undisturbed < 60 * given.minutes:
                soak.lead(case)

        list(pool.map(lead, cases))
    tally = soak.tally
    print(f"\n{table(tally)}\n")
    print(
        f"seed {given.seed}: {tally.runs} runs, {tally.hits.total()} faults, {len(tally.failures)} runs not recovered in "
        f"{(time.monotonic() - began) / 60:.0f} minutes"
    )
    for failure in tally.failures:
        print(failure)
    if not tally.failures and given.folder is None:
        shutil.rmtree(folder)
    elif tally.failures:
        print(f"see {folder}")
    return 1 if tally.failures or not tally.runs else 0


if __name__ == "__main__":
    sys.exit(main())
