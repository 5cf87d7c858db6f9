"""Online SGD of two-layer networks: simulation and equations of motion from the same start."""

import functools
import logging
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key

from dsm import theory
from dsm._capacity import refuse_too_large
from dsm._layout import Layout, make_layout
from dsm._random import root_key, stream
from dsm.config import OnlineSGDConfig
from dsm.data.streams.hidden_manifold import HiddenManifold
from dsm.networks import ACTIVATIONS
from dsm.store import describe
from dsm.tasks._loop import History
from dsm.tasks._records import averages
from dsm.tasks._report import Report
from dsm.tasks._run import Job, carry_out
from dsm.training import (
    STARTS,
    OnlineSGD,
    OnlineSimulation,
    TwoLayerProblem,
    random_networks,
    start_networks,
    two_layer_problem,
)
from dsm.training.starts import Overlaps
from dsm.training.starts.random import Random as RandomStart

logger = logging.getLogger("dsm")

#: Dimensions of what is recorded, after (sample, t).
UNITS = {
    "Q": (
        ("student", "student_2"),
        "overlap of student units, w_i.w_k / N (on a hidden manifold the covariance of fields)",
    ),
    "R": (
        ("student", "teacher"),
        "overlap of student and teacher units, w_i.wt_m / N (on a hidden manifold the covariance)",
    ),
    "v": (("student",), "second-layer weight of the student"),
    "test_error": ((), "half the mean squared error on fresh inputs, against the noiseless teacher"),
    "train_error": ((), "half the mean squared error on the training set, with its noise"),
}


def online_sgd(config: OnlineSGDConfig) -> Report:
    """Run, resume, or find finished the run that `config` describes.

    Raises:
        CapacityError: it cannot fit in memory (before anything is compiled or written).
        StoreError: its directory is another's, or the disk refuses.
    """
    refuse_too_large(
        needed_bytes(config), config.run, "lower data.samples, data.patterns, data.test_patterns or network.width"
    )
    with jax.enable_x64(True):
        return carry_out(config, lambda: _job(config))


def needed_bytes(config: OnlineSGDConfig) -> int:
    """What a run keeps: weights, patterns and, on a hidden manifold, features of all samples, twice while they are made."""
    width, source = config.network.width, config.source()
    patterns = (config.data.patterns or 0) + (0 if source.gaussian_fields else config.data.test_patterns)
    weights = 3 * config.network.students * width + config.network.teachers * source.teacher_width
    return 2 * 4 * config.data.samples * (patterns * width + source.disorder_size + weights)


def _job(config: OnlineSGDConfig) -> Job:
    from dsm.plotting import draw_learning  # matplotlib takes its time

    key = root_key(config.seed)
    overlaps = start_overlaps(config, key)
    simulation = None
    if config.data.samples:
        simulation = build_simulation(config, key, overlaps, make_layout(config.data.samples, 0, config.run.devices))
    return Job(
        simulation=simulation,
        fresh=None if simulation is None else simulation.begin(),
        due=record_steps(config),
        unit="steps",
        precision={"weights and inputs": "float32", "order parameters and theory": "float64"},
        examine=_status,
        dataset=functools.partial(_dataset, config, simulation),
        draw=draw_learning,
        value=_final_test_error,
        theory=functools.partial(_with_theory, config, simulation, overlaps),
    )


def record_steps(config: OnlineSGDConfig) -> list[int]:
    """Steps at which there are records, ascending: t = 0, the times of a log grid, and the end."""
    observe, last = config.observe, config.training.time
    decades = np.log10(max(last / observe.first, 1))
    times = observe.first * 10 ** (np.arange(int(np.floor(decades * observe.per_decade)) + 1) / observe.per_decade)
    steps = {int(step) for step in np.round(config.network.width * times[times <= last])}
    return sorted(steps | {0, max(1, round(config.network.width * last))})


def start_overlaps(config: OnlineSGDConfig, key: Key[Array, ""]) -> Overlaps | None:
    """Q, R, T at t = 0, of all samples; None where each sample has its own."""
    if not config.source().gaussian_fields:
        return None
    network = config.network
    start = STARTS.build(config.training.start, "training.start")
    return start.overlaps(stream(key, "start"), network.width, network.students, network.teachers)


def build_simulation(
    config: OnlineSGDConfig, key: Key[Array, ""], overlaps: Overlaps | None, layout: Layout
) -> OnlineSimulation:
    """Teachers, students, streams and the learner of a run."""
    network, training, data = config.network, config.training, config.data
    source = config.source()
    activation = ACTIVATIONS.get(network.activation)()
    outputs, teacher_outputs = network.second_layers()
    start = STARTS.build(training.start, "training.start")

    def problem(sample: Int[Array, ""]) -> TwoLayerProblem:
        own = stream(key, "weights", sample)
        if overlaps is None:
            assert isinstance(start, RandomStart)
            shapes = (network.students, network.width), (network.teachers, source.teacher_width)
            machines = random_networks(own, *shapes, start.scale, outputs, teacher_outputs, activation)
        else:
            machines = start_networks(own, overlaps, network.width, outputs, teacher_outputs, activation)
        test = 0 if source.gaussian_fields else data.test_patterns
        return two_layer_problem(stream(key, "data", sample), source, *machines, data.noise, data.patterns or 0, test)

    problems = eqx.filter_jit(eqx.filter_vmap(problem))(jnp.arange(data.samples))
    return OnlineSimulation(
        problems=problems,
        source=source,
        learner=OnlineSGD(*map(jnp.float32, (training.lr, training.lr_second, training.weight_decay))),
        noise=jnp.float32(data.noise) if data.noise else None,
        key=key,
        layout=layout,
    )


def _status(history: History) -> str:
    return f"test error {history.records['test_error'][-1].mean():.4g}" if history.times else ""


def _final_test_error(dataset: xr.Dataset) -> float | None:
    name = "test_error_mean" if "test_error_mean" in dataset else "theory_test_error"
    value = float(dataset[name].isel(t=-1).mean())
    return value if np.isfinite(value) else None


def _dataset(config: OnlineSGDConfig, simulation: OnlineSimulation | None, history: History) -> xr.Dataset:
    times = np.asarray(history.times if simulation is not None else record_steps(config)) / config.network.width
    units = lambda number, what: (what, np.arange(number), {"long_name": f"unit of the {what.partition('_')[0]}"})  # noqa: E731
    network = config.network
    coordinates = {
        "t": ("t", times, {"long_name": "time, examples per input dimension"}),
        "student": units(network.students, "student"),
        "student_2": units(network.students, "student_2"),
        "teacher": units(network.teachers, "teacher"),
    }
    arrays: dict = {}
    for name, (dims, text) in UNITS.items():
        if name in history.records:
            arrays |= describe(name, ("t", "sample", *dims), np.stack(history.records[name]), text)
    if simulation is not None:
        coordinates["sample"] = ("sample", np.arange(config.data.samples), {"long_name": "teacher, student and stream"})
    dataset = xr.Dataset(arrays, coordinates).transpose("sample", "t", ..., missing_dims="ignore")
    return dataset.assign(averages(dataset))


def _with_theory(
    config: OnlineSGDConfig, simulation: OnlineSimulation | None, overlaps: Overlaps | None, dataset: xr.Dataset
) -> xr.Dataset:
    if not config.observe.theory:
        return dataset
    times = dataset.t.values
    if simulation is None or overlaps is not None:
        assert overlaps is not None
        return dataset.assign(_equations_of_motion(config, overlaps, times))
    if isinstance(simulation.source, HiddenManifold) and simulation.source.teacher == "latent":
        return dataset.assign(_manifold_equations(config, simulation, simulation.source, times))
    return dataset  # for this law there are none


def _rates(config: OnlineSGDConfig) -> dict[str, Any]:
    training = config.training
    return {
        "lr": training.lr,
        "lr_second": training.lr_second,
        "noise": config.data.noise,
        "weight_decay": training.weight_decay,
    }


def _equations_of_motion(config: OnlineSGDConfig, overlaps: Overlaps, times: Float[np.ndarray, " n"]) -> dict:
    """What theory says, at the times of the records."""
    Q, R, T = overlaps
    v, vt = config.network.second_layers()
    common: dict[str, Any] = {**_rates(config), "activation": config.network.activation}
    found = theory.online_sgd(Q, R, T, v, vt, ts=times, **common)
    arrays = _theory(found, ("t",))
    if config.observe.steady_state and found.result == theory.Result.converged:
        end = theory.steady_state(found.Q[-1], found.R[-1], T, found.v[-1], vt, **common)
        where = "steady state near the last time, by root finding"
        for name in ("Q", "R", "v", "test_error"):
            arrays |= describe(f"steady_{name}", UNITS[name][0], getattr(end, name), f"{UNITS[name][1]}, {where}")
        arrays |= describe("steady_residual", (), end.residual, f"largest time derivative, {where}")
        arrays |= describe("steady_growth", (), end.growth, f"largest real part of the Jacobian's spectrum, {where}")
        arrays |= describe("steady_result", (), end.result, f"dsm.theory.Result, {where}")
    return arrays


def _manifold_equations(
    config: OnlineSGDConfig, simulation: OnlineSimulation, source: HiddenManifold, times: Float[np.ndarray, " n"]
) -> dict:
    """What theory says of each sample, from its own features and weights."""
    problems = simulation.problems
    weights = np.asarray(problems.student.weights), np.asarray(problems.teacher.weights)
    features = np.asarray(problems.disorder)
    v, vt = config.network.second_layers()
    solved = [
        theory.hidden_manifold_sgd(
            features[sample],
            weights[0][sample],
            weights[1][sample],
            v,
            vt,
            ts=times,
            activation=config.network.activation,
            folding=source.folding,
            **_rates(config),
        )
        for sample in range(config.data.samples)
    ]
    return _theory(jax.tree.map(lambda *leaves: np.stack(leaves), *solved), ("sample", "t"))


def _theory(found: theory.Trajectory, dims: tuple[str, ...]) -> dict:
    for result in sorted(set(np.ravel(found.result).tolist()) - {theory.Result.converged.value}):
        logger.warning("the equations of motion were not followed to the end: %s", theory.Result(result).message)
    arrays = describe("theory_result", dims[:-1], found.result, "dsm.theory.Result of the integration")
    for name in ("Q", "R", "v", "test_error"):
        own, text = UNITS[name]
        arrays |= describe(
            f"theory_{name}", (*dims, *own), getattr(found, name), f"{text}, from the equations of motion"
        )
    return arrays
