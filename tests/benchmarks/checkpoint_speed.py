"""What a checkpoint costs: against the records already made, against the state's size, and for real jobs.

python tests/benchmarks/checkpoint_speed.py

Saves as runs do (`dsm.store.Checkpoints`), and prints Markdown. CPU time is that of the process; the time on the clock has
the disk in it, and whatever else the machine does. The share is that of the clock time at the default interval. Medians;
the mean has the merges of segments in it. Real jobs are built, drawn and begun by the same code as a run's; nothing is
advanced, since a checkpoint does not depend on it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from _timing import machine

import dsm
from dsm.store import Checkpoints
from dsm.tasks._loop import _leaves
from dsm.tasks._task import task_of

#: Real jobs by name.
JOBS = {
    "sample, N = 20, L = 3, M = 80, 64 replicas": (
        *("network.width=20", "network.depth=3", "sampler.replicas=64", "data.samples=1"),
        "observe.references=[0,8,64]",
    ),
    "sample, N = 100, L = 5, M = 512, 64 replicas, 4 references": (
        *("network.width=100", "network.depth=5", "data.alpha=5.12", "sampler.replicas=64", "data.samples=1"),
        "observe.references=[0,8,64,512]",
    ),
    "online SGD, N = 500, 8 samples": ("task=online_sgd", "network.width=500", "data.samples=8"),
}


@dataclass
class Cost:
    """Seconds of a checkpoint."""

    cpu: list[float]
    clock: list[float]

    def row(self, *cells: object) -> str:
        cpu, clock = statistics.median(self.cpu), statistics.median(self.clock)
        minutes = dsm.compose().run.checkpoint_minutes
        share = 100 * clock / (clock + 60 * minutes)
        return f"| {' | '.join(map(str, cells))} | {cpu:.3f} | {np.mean(self.cpu):.3f} | {clock:.3f} | {share:.3f} % |"


def measure(calls: int, save: Callable[[int], None]) -> Cost:
    """`save(0)` is not counted."""
    cost = Cost([], [])
    for number in range(calls + 1):
        cpu, clock = time.process_time(), time.monotonic()
        save(number)
        if number:
            cost.cpu.append(time.process_time() - cpu)
            cost.clock.append(time.monotonic() - clock)
    return cost


def records(number: int, chains: int, first: int = 0) -> dict[str, np.ndarray]:
    """Records of six quantities of each chain."""
    values = np.random.default_rng(first).random((number, chains, 6), np.float32)
    return {"times": np.arange(first, first + number), "record:q": values}


def against_records(calls: int, numbers: tuple[int, ...], chains: int, together: int) -> None:
    """A checkpoint with `together` new records after so many."""
    print(f"| records before | new ones | chains | {HEAD}")
    print("|---|---|---|---|---|---|---|")
    state = {"state": jax.numpy.zeros((chains, 1000), jax.numpy.float32)}
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder, Checkpoints(Path(folder) / "checkpoints", 3) as stored:
            for first in range(0, number, together):
                stored.records.append(first, records(together, chains, first))

            def save(call: int, stored: Checkpoints = stored, number: int = number) -> None:
                first = number + call * together
                stored.save(call, state, first, records(together, chains, first))

            print(measure(calls, save).row(number, together, chains), flush=True)


def against_size(calls: int, megabytes: tuple[int, ...]) -> None:
    """A checkpoint of a state of so many megabytes."""
    print(f"\n| state (MB) | {HEAD}")
    print("|---|---|---|---|---|")
    for size in megabytes:
        state = {f"part{part}": jax.random.normal(jax.random.key(part), (size * 2**20 // 16,)) for part in range(4)}
        print(saves_of(state, calls).row(size), flush=True)


def saves_of(state: dict, calls: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder, Checkpoints(Path(folder) / "checkpoints", 3) as stored:
        return measure(calls, lambda call: stored.save(call, state, call, records(1, 64, call)))


def jobs(calls: int) -> None:
    """Checkpoints of real jobs at their start."""
    print(f"\n| job | state (MB) | {HEAD}")
    print("|---|---|---|---|---|---|")
    for name, words in JOBS.items():
        config = dsm.compose("run.progress=none", *words)
        driver = task_of(config.task).build(config).driver
        assert driver is not None
        state = _leaves(driver().begin())
        size = sum(leaf.nbytes for leaf in state.values()) / 2**20
        print(saves_of(state, calls).row(name, f"{size:.2f}"), flush=True)


HEAD = "CPU (s) | mean CPU (s) | clock (s) | share of the time |"


def main() -> None:
    """See the top of this file."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=40, help="checkpoints of each kind")
    options.add_argument("--records", type=int, nargs="+", default=[0, 100, 1000, 10000])
    options.add_argument("--megabytes", type=int, nargs="+", default=[1, 10, 100, 400])
    given = options.parse_args()
    print(f"{machine('orbax-checkpoint')}\n")
    against_records(given.calls, tuple(given.records), 64, 10)
    against_size(max(3, given.calls // 8), tuple(given.megabytes))
    jobs(max(3, given.calls // 4))


if __name__ == "__main__":
    main()
