"""The host's loop, the same for every task: advance, collect records, look at clock and signals, save."""

import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from dsm import _hosts, store
from dsm._progress import ProgressMeter
from dsm._signals import StopRequest
from dsm.config import RunConfig
from dsm.driver import SEGMENTS, whole
from dsm.tasks._task import Ensemble, History

#: The most of the time that checkpoints may take.
SHARE = 0.03

logger = logging.getLogger("dsm")


def follow(
    run: RunConfig,
    driver: Ensemble,
    due: list[int],
    checkpoints: store.Checkpoints,
    stop: StopRequest,
    unit: str,
    examine: Callable[[History], str],
    note: Callable[[int], None],
) -> History:
    """Advance from the newest checkpoint, or from t = 0, and record at the times `due`, until the last of them or `stop`.

    A request to stop that comes before the program is compiled ends it there.

    Arguments:
        run: how often to save, how long a call may be, how to show progress.
        driver: what advances.
        due: times of records, ascending.
        checkpoints: where progress and records are saved.
        stop: whether to stop early.
        unit: name of the unit of time, in the plural.
        examine: checks the records so far and says in a few words how things stand.
        note: takes note of the units done.
    """
    began = time.monotonic()
    logger.info("compiling")
    with stop.nothing_to_save():
        progress, history = _restore(driver.begin(), checkpoints, unit)
    resumed = history.now
    note(resumed)
    if _stopped(stop):
        return history
    with stop.nothing_to_save():
        # A call that does nothing compiles the program, so that the first real one can be timed.
        progress, records = jax.block_until_ready(driver.advance(progress, *_padded([])))
        _hosts.exchange(None)  # who has compiled waits for the others here, where it may take long
        whole(records)
    history.timings["compile_s"] = time.monotonic() - began
    logger.info("compiled in %.1f s", history.timings["compile_s"])
    began = saved = time.monotonic()
    wait = pause(run.checkpoint_minutes, 0.0)
    pace = Pace(run.chunk_seconds)
    with ProgressMeter(run.progress, due[-1], history.now, unit) as meter:
        while len(history.times) < len(due) and not _stopped(stop):
            segments = _hosts.agree(list(plan(history.now, due[len(history.times) :], pace.units)))
            called = time.monotonic()
            progress, records = driver.advance(progress, *_padded(segments))
            records = jax.tree.map(np.asarray, whole(records))
            pace.learn(sum(number for number, _ in segments), time.monotonic() - called)
            for position, (number, recorded) in enumerate(segments):
                history.now += number
                if recorded:
                    history.times.append(history.now)
                    for name, values in records.items():
                        history.records.setdefault(name, []).append(values[position])
            meter.update(history.now, examine(history))
            note(history.now)
            if _hosts.agree(time.monotonic() - saved >= wait):
                saving = time.monotonic()
                _save(checkpoints, progress, history)
                saved = time.monotonic()
                wait = pause(run.checkpoint_minutes, saved - saving)
    if history.times:
        _save(checkpoints, progress, history)
    seconds = time.monotonic() - began
    rate = (history.now - resumed) / seconds
    history.timings |= {"run_s": seconds, f"{unit}_per_s": rate, "resumed_at": resumed}
    return history


def _stopped(stop: StopRequest) -> bool:
    """Whether a signal has asked any of the processes to stop; then all take note of it."""
    number = max(_hosts.exchange(stop.received or 0))
    if number and not stop:
        stop.take(signal.Signals(number))
    return number > 0


def pause(minutes: float, seconds: float) -> float:
    """Seconds between checkpoints: `minutes`, or more where one that takes `seconds` would cost over `SHARE` of the time.

    With 0 minutes there is one after every call, at any cost.
    """
    return max(60 * minutes, seconds * (1 / SHARE - 1)) if minutes else 0.0


def plan(now: int, due: list[int], budget: int) -> Iterator[tuple[int, bool]]:
    """Segments (units, recorded) from `now` on, at most `SEGMENTS`, `budget` units in all; records at `due`."""
    for _, target in zip(range(SEGMENTS), due, strict=False):
        number = min(target - now, budget)
        yield number, now + number == target
        now, budget = now + number, budget - number
        if now < target or budget <= 0:
            return


class Pace:
    """How many units make a call of about `seconds`, learned from the calls before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.units = 1

    def learn(self, units: int, seconds: float) -> None:
        """Take note of a call. Never more than four times as many at once: the first calls tell little."""
        if units:
            self.units = max(1, min(4 * self.units, int(units / max(seconds, 1e-6) * self._seconds)))


def _padded(segments: Sequence[Sequence[int]]) -> tuple[jax.Array, jax.Array]:
    rows = [*segments, *[(0, False)] * (SEGMENTS - len(segments))]
    return jnp.array([n for n, _ in rows], jnp.int32), jnp.array([r for _, r in rows], bool)


def _leaves(progress: PyTree) -> dict[str, Any]:
    """The arrays of a progress by name."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(progress)}


def _save(checkpoints: store.Checkpoints, progress: PyTree, history: History) -> None:
    """A checkpoint, with the records made since the last one."""
    new = slice(history.saved, None)
    records = {f"record:{name}": values[new] for name, values in history.records.items()}
    times = {"times": np.asarray(history.times[new], np.int64)}
    checkpoints.save(history.now, _leaves(progress), history.saved, times | records)
    history.saved = len(history.times)


def _restore(fresh: PyTree, checkpoints: store.Checkpoints, unit: str) -> tuple[PyTree, History]:
    """The newest checkpoint if there is one, laid out as `fresh` is; else `fresh`."""
    own = _leaves(fresh)
    found = checkpoints.load_newest(own)
    if found is None:
        return fresh, History(0, [], {}, {})
    now, arrays, stored = found
    leaves = [arrays.get(name, leaf) for name, leaf in own.items()]  # empty arrays are not in the checkpoint
    progress = jax.tree.unflatten(jax.tree.structure(fresh), leaves)
    records = {
        name.removeprefix("record:"): list(values) for name, values in stored.items() if name.startswith("record:")
    }
    times = [int(time) for time in stored.get("times", ())]
    logger.info("resumed at %s %d", unit.removesuffix("s"), now)
    return progress, History(now, times, records, {}, len(times))
