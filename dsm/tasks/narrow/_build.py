"""From settings to narrow students that learn from teachers, and from their records to results."""

import functools
import logging

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Int, Key

from dsm._random import root_key, stream
from dsm._variables import Coordinate
from dsm.data import NarrowProblem, narrow_problem
from dsm.driver import Axis, Driver, Layout, check_capacity, make_layout, over_chains, single, varying
from dsm.networks import check_activation
from dsm.observables import choose_measures
from dsm.observables.narrow import OBSERVABLES
from dsm.tasks._check import check_learning
from dsm.tasks._dataset import averages, constants_of, dataset_of
from dsm.tasks._draw import draw_with
from dsm.tasks._learnt import warn_unless_learnt
from dsm.tasks._task import History, Job
from dsm.tasks._times import record_sweeps
from dsm.tasks.narrow._schema import NarrowConfig
from dsm.tasks.narrow._theory import with_theory
from dsm.training import NARROW_STARTS, FullBatchLearning

logger = logging.getLogger("dsm")

#: Bias of the virial, of which 1 is the whole, from which on there is a warning.
BIASED = 0.5
#: Axes along which problems differ; replicas are chains of one problem.
PROBLEMS = ("sample", "alpha", "temperature", "weight_decay")
ORDER = (*PROBLEMS, "replica", ..., "step")


def build(config: NarrowConfig) -> Job:
    """See `dsm.tasks.Task.build`."""
    key = root_key(config.seed)
    system, axes, layout = plan(config, key)
    observe = config.observe
    return Job(
        driver=functools.partial(make_driver, config, key, system, axes, layout),
        due=record_sweeps(observe.spacing, observe.every, observe.per_decade, config.training.steps, []),
        unit="steps",
        examine=_status,
        dataset=functools.partial(_dataset, config),
        theory=functools.partial(_finish, config),
        value=_final_test_error,
    )


def plan(config: NarrowConfig, key: Key[Array, ""]) -> tuple[FullBatchLearning, tuple[Axis, ...], Layout]:
    """The system, the axes of the ensemble and the devices, from shapes alone.

    Raises:
        ConfigError: outputs would have a large mean, or a part that is not dsm's own does not do what it should.
        CapacityError: the run cannot fit in memory.
    """
    check_activation(config.network.function())
    config.network.check_mean()
    problems = eqx.filter_eval_shape(functools.partial(draw_problems, config), key)
    training = config.training
    system = FullBatchLearning(
        start=NARROW_STARTS.build(training.start, "training.start"),
        dynamics=training.rule(),
        normalise=training.normalise,
        measures=choose_measures(OBSERVABLES, config.observe.quantities, problems),
    )
    inputs = ("train_inputs", "train_columns", "test_inputs")
    by_sample = ("teacher", "stranger", "train_labels", "test_targets", *inputs)
    axes = (
        Axis("sample", config.data.samples, varying(problems, *by_sample)),
        Axis("alpha", len(config.data.alphas), varying(problems, "train_labels", "shown")),
        Axis("temperature", len(training.temperatures), varying(problems, "temperature")),
        Axis("weight_decay", len(training.weight_decays), varying(problems, "weight_decay")),
        Axis("replica", training.replicas),
    )
    layout = make_layout(axes, system.step_bytes(single(problems, axes)), config.run.devices, config.run.block)
    smaller = "data.alpha, data.test_patterns, network.width or network.units"
    record = check_capacity(system, problems, axes, 0, layout, config.run, ("data.samples", "sample"), smaller)
    check_learning(system, problems, axes, record, "step", system.coordinates | coordinates_of(config))
    return system, axes, layout


def coordinates_of(config: NarrowConfig) -> dict[str, Coordinate]:
    """Of the axes of the ensemble, and of dimensions that quantities share."""
    data, training = config.data, config.training
    return {
        "sample": Coordinate(np.arange(data.samples), "teacher and patterns"),
        "alpha": Coordinate(np.asarray(data.alphas), "patterns for each weight, P / (N K)"),
        "temperature": Coordinate(np.asarray(training.temperatures), "temperature T"),
        "weight_decay": Coordinate(np.asarray(training.weight_decays), "weight decay lambda"),
        "replica": Coordinate(np.arange(training.replicas), "independent student of the same patterns"),
        "unit": Coordinate(np.arange(config.network.units), "hidden unit"),
    }


def make_driver(
    config: NarrowConfig,
    key: Key[Array, ""],
    system: FullBatchLearning,
    axes: tuple[Axis, ...],
    layout: Layout,
) -> Driver:
    """The ensemble, its problems drawn and laid over the devices."""
    steps, adapting = config.training.steps, system.dynamics.burn_in
    if steps <= adapting:
        what = "the step size is adapted in the first %d steps (training.dynamics.adapt)"
        logger.warning("training.steps = %d: " + what + ", so no record samples exp(-E / T)", steps, adapting)
    problems = draw_problems(config, key)
    arrays, rest = eqx.partition(problems, eqx.is_array)
    problems = eqx.combine(layout.place(arrays, layout.problems(axes, arrays)), rest)
    return Driver(system, problems, axes, jnp.zeros((0,), jnp.int32), key, layout)


def draw_problems(config: NarrowConfig, key: Key[Array, ""]) -> NarrowProblem:
    """Teachers and data of all samples, stacked along a leading axis; see `dsm.data.narrow_problem`."""
    problems = draw_with(_draw, config, ("network", "data", "training.loss"), key)
    training = config.training
    given = (training.temperatures, training.weight_decays, training.lr)
    return eqx.tree_at(
        lambda problem: (problem.temperature, problem.weight_decay, problem.lr),
        problems,
        tuple(jnp.asarray(values, jnp.float32) for values in given),
        is_leaf=lambda leaf: leaf is None,
    )


def _draw(config: NarrowConfig, key: Key[Array, ""]) -> NarrowProblem:
    """What the settings of training give is left out."""
    network, data = config.network, config.data

    def problem(sample: Int[Array, ""]) -> NarrowProblem:
        return narrow_problem(
            stream(key, "sample", sample),
            network.law(),
            data.alphas,
            data.noise,
            config.training.criterion(),
            data.test_patterns,
            data.classifies,
        )

    problems = jax.lax.map(problem, jnp.arange(data.samples, dtype=jnp.int32))
    return eqx.tree_at(lambda problem: problem.shown, problems, problems.shown[0])


def _finish(config: NarrowConfig, driver: Driver, dataset: xr.Dataset) -> xr.Dataset:
    """The results with theory beside them; what is wrong with them is said in the log."""
    problems = driver.problems
    zero = None if problems.classifies else float((problems.test_targets**2).mean())
    warn_unless_learnt(dataset, "test_error", "step", config.training.lr, zero)
    _warn_of_bias(config, dataset)
    return with_theory(config, dataset) if config.observe.theory else dataset


def _warn_of_bias(config: NarrowConfig, dataset: xr.Dataset) -> None:
    """Say in the log if the step of Langevin dynamics is too large, once the bias no longer falls, as it does at first."""
    if "virial_excess_mean" not in dataset:
        return
    excess = dataset.virial_excess_mean
    last, middle = (excess.isel(step=place).values for place in (-1, excess.sizes["step"] // 2))
    if ((last > BIASED) & (last > middle / 2)).any():  # NaN at T = 0
        what = "langevin at training.lr = %g is not near exp(-E / T): at the end the step adds %.2g to a virial of 1 "
        advice = "(virial_excess); choose a smaller step, or mala or hmc"
        logger.warning(what + advice, config.training.lr, np.nanmax(last))


def _status(history: History) -> str:
    errors = history.records.get("test_error")
    return f"test error {errors[-1].mean():.4g}" if errors else ""


def _final_test_error(dataset: xr.Dataset) -> float | None:
    if "test_error_mean" not in dataset:
        return None
    value = float(dataset.test_error_mean.isel(step=-1).mean())
    return value if np.isfinite(value) else None


def _dataset(config: NarrowConfig, driver: Driver | None, history: History) -> xr.Dataset:
    """Records of every student, what is known of the teachers, and averages."""
    assert driver is not None
    coordinates = {"step": Coordinate(np.asarray(history.times), "steps"), **coordinates_of(config)}
    records = {name: np.stack(values) for name, values in history.records.items()}
    dataset = dataset_of(driver, "step", coordinates, records, ORDER)
    system = driver.system
    assert isinstance(system, FullBatchLearning)
    constants = jax.tree.map(np.asarray, _of_teachers(driver))
    dataset = dataset.assign(constants_of(system.constant_variables, constants, PROBLEMS))
    dataset = dataset.assign(averages(dataset))
    used = {dim for variable in dataset.data_vars.values() for dim in variable.dims}
    return dataset.drop_vars([name for name in coordinates if name not in used])


@eqx.filter_jit
def _of_teachers(driver: Driver) -> dict[str, Array]:
    """What is observed of each teacher once, by name, [*PROBLEMS, ...]."""
    system, axes = driver.system, driver.axes[: len(PROBLEMS)]
    assert isinstance(system, FullBatchLearning)
    places = tuple(jnp.arange(axis.size, dtype=jnp.int32) for axis in axes)
    return over_chains(lambda _, place, problem: system.constants(problem), axes, None, places, driver.problems, 1)
