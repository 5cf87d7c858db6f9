"""The main job: sample students of deep sign-perceptron teachers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Int, Key

from dsm._capacity import chain_bytes, check_capacity
from dsm._layout import Layout, make_layout
from dsm._random import root_key, stream
from dsm.config import SampleConfig
from dsm.data import INPUTS, Problem, teacher_problem
from dsm.ensemble import Ensemble
from dsm.networks import SignNetwork, make_wiring
from dsm.observables import OBSERVABLES
from dsm.samplers import MOVES, SCHEDULES, Exchange, UnitBlock
from dsm.tasks._loop import History
from dsm.tasks._records import build_dataset, record_sweeps
from dsm.tasks._report import Report
from dsm.tasks._run import Job, carry_out


def sample(config: SampleConfig) -> Report:
    """Run, resume, or find finished the run that `config` describes.

    Raises:
        CapacityError: it cannot fit in memory (before anything is compiled or written).
        StoreError: its directory is another's, or the disk refuses.
    """
    layout = make_layout(config.sampler.replicas, chain_bytes(config), config.run.devices)
    check_capacity(config, layout.block * layout.devices)
    return carry_out(config, lambda: _job(config, layout))


def _job(config: SampleConfig, layout: Layout) -> Job:
    from dsm.plotting import draw_run  # matplotlib takes its time

    ensemble = build_ensemble(config, layout)
    observe, last = config.observe, config.sampler.sweeps
    return Job(
        simulation=ensemble,
        fresh=ensemble.begin(config.sampler.start, config.sampler.replicas),
        due=record_sweeps(observe.spacing, observe.every, observe.per_decade, last, observe.references),
        unit="sweeps",
        precision={"weights": "float32 on a lattice (exact fields)", "energy": "int32"},
        examine=functools.partial(_examine, ensemble=ensemble),
        dataset=functools.partial(_dataset, config, ensemble),
        draw=draw_run,
        value=_final_test_error,
    )


def build_ensemble(config: SampleConfig, layout: Layout) -> Ensemble:
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


def _examine(history: History, ensemble: Ensemble) -> str:
    """How things stand. The energy that the sampler keeps must be that of its weights, exactly."""
    if history.times and "energy" in history.records:
        _verify(history, ensemble)
    shown = {"energy": "E/MN", "test_error": "test error"}
    last = {text: history.records[name][-1].mean() for name, text in shown.items() if history.records.get(name)}
    return "  ".join(f"{text} {value:.4f}" for text, value in last.items())


def _verify(history: History, ensemble: Ensemble) -> None:
    outputs = ensemble.problems.labels[0].size
    cached = history.records["cached_energy"][-1]
    if not np.array_equal(np.rint(history.records["energy"][-1].astype(float) * outputs), cached):
        raise AssertionError(
            f"at sweep {history.times[-1]} the cached energy differs from that of the weights: please report this bug"
        )


def _final_test_error(dataset: xr.Dataset) -> float | None:
    return float(dataset["test_error_mean"].isel(sweep=-1, beta=-1)) if "test_error_mean" in dataset else None


def _dataset(config: SampleConfig, ensemble: Ensemble, history: History) -> xr.Dataset:
    records = {name: np.stack(values) for name, values in history.records.items() if name != "cached_energy"}
    baseline = jax.tree.map(np.asarray, ensemble.baseline(config.observe.independent))
    return build_dataset(config, ensemble, np.asarray(history.times), records, baseline)
