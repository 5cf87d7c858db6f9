"""The main job: sample students of deep sign-perceptron teachers."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Int, Key

from dsm import store
from dsm._capacity import chain_bytes, check_capacity
from dsm._layout import Layout, make_layout
from dsm._progress import ProgressMeter
from dsm._random import root_key, stream
from dsm._results import Outcome
from dsm._signals import StopRequest, stop_on_signals
from dsm.config import Config
from dsm.data import INPUTS, Problem, teacher_problem
from dsm.ensemble import Ensemble, Progress
from dsm.networks import SignNetwork, make_wiring
from dsm.observables import OBSERVABLES
from dsm.samplers import MOVES, SCHEDULES, Exchange, UnitBlock
from dsm.tasks._records import build_dataset, record_sweeps
from dsm.tasks._report import Report

#: Segments of one call of the loop.
SEGMENTS = 16

logger = logging.getLogger("dsm")


def sample(config: Config) -> Report:
    """Run, resume, or find finished the run that `config` describes.

    Raises:
        CapacityError: it cannot fit in memory (before anything is compiled or written).
        StoreError: its directory is another's, or the disk refuses.
    """
    layout = make_layout(config.sampler.replicas, chain_bytes(config), config.run.devices)
    check_capacity(config, layout.block * layout.devices)
    with store.open_run(config) as directory, _log_to(directory):
        if directory.is_done:
            value = json.loads((directory.path / "DONE").read_text())["value"]
            return Report(Outcome.already_done, directory.path, sorted(directory.figures.glob("*.png")), value)
        ensemble = build_ensemble(config, layout)
        with store.Checkpoints(directory.checkpoints, config.run.keep) as checkpoints, stop_on_signals() as stop:
            history = _run(config, ensemble, checkpoints, stop)
            directory.write("manifest.json", store.manifest(history.timings))
            dataset = _dataset(config, ensemble, history)
            store.write(dataset, directory.results)
            if stop.received and history.sweep < config.sampler.sweeps:
                logger.info("stopped by %s at sweep %d", stop.received.name, history.sweep)
                stop.pass_on()
                return Report(Outcome.interrupted, directory.path, [], None)
        figures = []
        if config.run.figures:
            from dsm.plotting import draw_run

            figures = draw_run(dataset, directory.figures)
        value = float(dataset["test_error_mean"].isel(sweep=-1, beta=-1)) if "test_error_mean" in dataset else None
        directory.finish({"value": value, "sweeps": history.sweep})
        return Report(Outcome.done, directory.path, figures, value)


def build_ensemble(config: Config, layout: Layout) -> Ensemble:
    """Teachers, data, sampler and observables of a run, from its configuration and seed."""
    key = root_key(config.seed)
    network = config.network
    inputs = INPUTS.build(config.data.inputs, "data.inputs", width=network.width)

    def problem(key: Key[Array, ""], sample: Int[Array, ""]) -> Problem:
        wiring = make_wiring(
            stream(key, "wiring", sample), network.wiring, network.width, network.depth, network.fan_in
        )
        teacher = SignNetwork(
            network.width, network.depth, weights=network.weights, wiring=wiring, key=stream(key, "teacher", sample)
        )
        return teacher_problem(
            stream(key, "data", sample),
            teacher,
            inputs,
            config.data.alpha,
            config.data.test_patterns,
            config.data.label_beta,
        )

    samples = jnp.arange(config.data.samples)
    problems = jax.jit(lambda key: jax.lax.map(lambda sample: problem(key, sample), samples))(key)
    sampler = UnitBlock(MOVES.build(config.sampler.move, "sampler.move"), config.sampler.inner)
    sampler.check(problems)
    chosen = [OBSERVABLES.get(name)() for name in config.observe.quantities]
    return Ensemble(
        problems=problems,
        exchange=Exchange(sampler, config.sampler.betas, config.sampler.exchange),
        schedule=SCHEDULES.build(config.sampler.schedule, "sampler.schedule"),
        observables=tuple(o for o in chosen if o.applies(problems.teacher.wiring)),
        reference_sweeps=jnp.asarray(config.observe.references, jnp.int32),
        key=key,
        layout=layout,
    )


@dataclass
class History:
    """What a run has made so far: its records up to `sweep`."""

    sweep: int
    times: list[int]
    records: dict[str, list[np.ndarray]]
    timings: dict[str, float]


def _run(config: Config, ensemble: Ensemble, checkpoints: store.Checkpoints, stop: StopRequest) -> History:
    """The host's loop: advance, collect records, look at clock and signals, save."""
    began = time.monotonic()
    observe = config.observe
    due = record_sweeps(observe.spacing, observe.every, observe.per_decade, config.sampler.sweeps, observe.references)
    progress = ensemble.begin(config.sampler.start, config.sampler.replicas)
    progress, history = _restore(ensemble, progress, checkpoints)
    resumed = history.sweep
    # A call that does nothing compiles the program, so that the first real one can be timed.
    progress, _ = jax.block_until_ready(ensemble.advance(progress, *_padded([])))
    history.timings["compile_s"] = time.monotonic() - began
    began = saved = time.monotonic()
    pace = Pace(config.run.chunk_seconds)
    with ProgressMeter(config.run.progress, config.sampler.sweeps, history.sweep) as meter:
        while len(history.times) < len(due) and not (stop and history.times):
            segments = list(plan(history.sweep, due[len(history.times) :], pace.sweeps))
            called = time.monotonic()
            progress, records = ensemble.advance(progress, *_padded(segments))
            records = jax.tree.map(np.asarray, records)
            pace.learn(sum(number for number, _ in segments), time.monotonic() - called)
            for position, (number, recorded) in enumerate(segments):
                history.sweep += number
                if recorded:
                    history.times.append(history.sweep)
                    for name, values in records.items():
                        history.records.setdefault(name, []).append(values[position])
            _verify(history, ensemble)
            meter.update(history.sweep, _status(history))
            if time.monotonic() - saved >= 60 * config.run.checkpoint_minutes:
                _save(checkpoints, progress, history)
                saved = time.monotonic()
    _save(checkpoints, progress, history)
    seconds = time.monotonic() - began
    history.timings |= {"run_s": seconds, "sweeps_per_s": (history.sweep - resumed) / seconds, "resumed_at": resumed}
    return history


def plan(sweep: int, due: list[int], budget: int) -> Iterator[tuple[int, bool]]:
    """Segments (sweeps, recorded) from `sweep` on, at most `SEGMENTS`, `budget` sweeps in all; records at `due`."""
    for _, target in zip(range(SEGMENTS), due, strict=False):
        number = min(target - sweep, budget)
        yield number, sweep + number == target
        sweep, budget = sweep + number, budget - number
        if sweep < target or budget <= 0:
            return


class Pace:
    """How many sweeps make a call of about `seconds`, learned from the calls before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.sweeps = 1

    def learn(self, sweeps: int, seconds: float) -> None:
        """Take note of a call. Never more than four times as many at once: the first calls tell little."""
        if sweeps:
            self.sweeps = max(1, min(4 * self.sweeps, int(sweeps / max(seconds, 1e-6) * self._seconds)))


def _padded(segments: list[tuple[int, bool]]) -> tuple[jax.Array, jax.Array]:
    rows = segments + [(0, False)] * (SEGMENTS - len(segments))
    return jnp.array([n for n, _ in rows], jnp.int32), jnp.array([r for _, r in rows], bool)


def _leaves(progress: Progress) -> dict[str, jax.Array]:
    """The arrays of a progress by name."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(progress)}


def _save(checkpoints: store.Checkpoints, progress: Progress, history: History) -> None:
    records = {f"record:{name}": np.stack(values) for name, values in history.records.items()}
    times = {"times": np.asarray(history.times, np.int64)}
    checkpoints.save(
        history.sweep, {name: np.asarray(leaf) for name, leaf in _leaves(progress).items()} | records | times
    )


def _restore(ensemble: Ensemble, fresh: Progress, checkpoints: store.Checkpoints) -> tuple[Progress, History]:
    """The newest checkpoint if there is one, else the beginning."""
    found = checkpoints.load_newest()
    if found is None:
        return fresh, History(0, [], {}, {})
    sweep, arrays = found
    store.check_shapes(arrays, {name: leaf.shape for name, leaf in _leaves(fresh).items()})
    leaves = [
        (ensemble.layout.shard if leaf.ndim else ensemble.layout.copy_to_all)(arrays.get(name, leaf))
        for name, leaf in _leaves(fresh).items()  # empty arrays are not in the checkpoint
    ]
    progress = jax.tree.unflatten(jax.tree.structure(fresh), leaves)
    records = {
        name.removeprefix("record:"): list(values) for name, values in arrays.items() if name.startswith("record:")
    }
    logger.info("resumed at sweep %d", sweep)
    return progress, History(sweep, [int(time) for time in arrays["times"]], records, {})


def _verify(history: History, ensemble: Ensemble) -> None:
    """The energy that the sampler keeps must be that of its weights, exactly."""
    if not history.times or "energy" not in history.records:
        return
    outputs = ensemble.problems.labels[0].size
    cached = history.records["cached_energy"][-1]
    if not np.array_equal(np.rint(history.records["energy"][-1].astype(float) * outputs), cached):
        raise AssertionError(
            f"at sweep {history.times[-1]} the cached energy differs from that of the weights: please report this bug"
        )


def _status(history: History) -> str:
    shown = {"energy": "E/MN", "test_error": "test error"}
    last = {text: history.records[name][-1].mean() for name, text in shown.items() if history.records.get(name)}
    return "  ".join(f"{text} {value:.4f}" for text, value in last.items())


def _dataset(config: Config, ensemble: Ensemble, history: History) -> xr.Dataset:
    records = {name: np.stack(values) for name, values in history.records.items() if name != "cached_energy"}
    baseline = jax.tree.map(np.asarray, ensemble.baseline(config.observe.independent))
    return build_dataset(config, ensemble, np.asarray(history.times), records, baseline)


class _log_to:
    """Context in which the log of the package also goes to the run directory."""

    def __init__(self, directory: store.RunDirectory) -> None:
        self._path = directory.log

    def __enter__(self) -> None:
        self._handler = logging.FileHandler(self._path)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(self._handler)

    def __exit__(self, *exception: object) -> None:
        logger.removeHandler(self._handler)
        self._handler.close()
