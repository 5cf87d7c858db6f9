"""From settings to deep students that learn from teachers, and from their records to results."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Int, Key

from dsm._random import root_key, stream
from dsm._variables import Coordinate
from dsm.data import DeepProblem, deep_problem
from dsm.driver import Axis, Driver, Layout, check_capacity, make_layout, over_chains, single, varying
from dsm.networks import check_activation
from dsm.observables import choose_measures
from dsm.observables.deep_network import OBSERVABLES
from dsm.tasks._check import check_learning
from dsm.tasks._dataset import averages, constants_of, dataset_of
from dsm.tasks._draw import draw_with
from dsm.tasks._learnt import warn_unless_learnt
from dsm.tasks._task import History, Job
from dsm.tasks._times import record_sweeps
from dsm.tasks.specialisation._schema import SpecialisationConfig
from dsm.training import NETWORK_STARTS, OPTIMISERS, RATES, MinibatchLearning

ORDER = ("sample", "decay", "lr", "inputs", "layer", ..., "epoch")


def build(config: SpecialisationConfig) -> Job:
    """See `dsm.tasks.Task.build`."""
    key = root_key(config.seed)
    system, axes, layout = plan(config, key)
    observe, training = config.observe, config.training
    epochs = record_sweeps(observe.spacing, observe.every, observe.per_decade, training.epochs, [])
    steps = training.per_epoch(config.data)
    return Job(
        driver=functools.partial(make_driver, config, key, system, axes, layout),
        due=[epoch * steps for epoch in epochs],
        unit="iterations",
        examine=_status,
        dataset=functools.partial(_dataset, config),
        theory=functools.partial(_finish, config),
        value=_final_test_loss,
    )


def plan(config: SpecialisationConfig, key: Key[Array, ""]) -> tuple[MinibatchLearning, tuple[Axis, ...], Layout]:
    """The system, the axes of the ensemble and the devices, from shapes alone.

    Raises:
        ConfigError: a part that is not dsm's own does not do what it should.
        CapacityError: the run cannot fit in memory.
    """
    check_activation(config.network.function())
    problems = eqx.filter_eval_shape(functools.partial(draw_problems, config), key)
    training = config.training
    system = MinibatchLearning(
        start=NETWORK_STARTS.build(training.start, "training.start"),
        multi=config.network.multi,
        batch=training.batch,
        replacement=training.replacement,
        iterations=training.per_epoch(config.data),
        epochs=training.epochs,
        optimiser=OPTIMISERS.build(training.optimiser, "training.optimiser"),
        rate=RATES.build(training.rate, "training.rate"),
        weight_decay=training.weight_decay,
        frozen=tuple(training.frozen),
        measures=choose_measures(OBSERVABLES, config.observe.quantities, problems),
        observed=config.observe.patterns,
    )
    teachers, inputs = ("teacher", "stranger", "train_targets", "test_targets"), ("train_inputs", "test_inputs")
    axes = (
        Axis("sample", config.data.samples, varying(problems, *teachers, *inputs)),
        Axis("decay", len(config.network.decays), varying(problems, *teachers)),
        Axis("lr", len(training.rates), varying(problems, "lr")),
    )
    layout = make_layout(axes, system.step_bytes(single(problems, axes)), config.run.devices, config.run.block)
    smaller = "data.patterns, data.test_patterns, observe.patterns, network.teachers or network.multi"
    record = check_capacity(system, problems, axes, 0, layout, config.run, ("data.samples", "sample"), smaller)
    check_learning(system, problems, axes, record, "epoch", system.coordinates | coordinates_of(config))
    return system, axes, layout


def coordinates_of(config: SpecialisationConfig) -> dict[str, Coordinate]:
    """Of the axes of the ensemble, and of dimensions that quantities share."""
    network = config.network
    hidden = max(network.hidden)
    students = np.arange(network.multi * hidden)
    return {
        "sample": Coordinate(np.arange(config.data.samples), "teacher, student and inputs"),
        "decay": Coordinate(np.asarray(network.decays), "decay p of the teacher's strengths, i**-p"),
        "lr": Coordinate(np.asarray(config.training.rates), "learning rate at the beginning"),
        "layer": Coordinate(np.arange(1, len(network.hidden) + 1), "hidden layer, 1 next to the input"),
        "teacher": Coordinate(np.arange(hidden), "unit of the teacher, the strongest first"),
        "student": Coordinate(students, "unit of the student"),
        "student_2": Coordinate(students, "unit of the student"),
    }


def make_driver(
    config: SpecialisationConfig,
    key: Key[Array, ""],
    system: MinibatchLearning,
    axes: tuple[Axis, ...],
    layout: Layout,
) -> Driver:
    """The ensemble, its problems drawn and laid over the devices."""
    problems = draw_problems(config, key)
    arrays, rest = eqx.partition(problems, eqx.is_array)
    problems = eqx.combine(layout.place(arrays, layout.problems(axes, arrays)), rest)
    return Driver(system, problems, axes, jnp.zeros((0,), jnp.int32), key, layout)


def draw_problems(config: SpecialisationConfig, key: Key[Array, ""]) -> DeepProblem:
    """Teachers and data of all samples, stacked along a leading axis; see `dsm.data.deep_problem`."""
    problems = draw_with(_draw, config, ("network", "data", "training.loss"), key)
    rates = jnp.asarray(config.training.rates, jnp.float32)
    return eqx.tree_at(lambda problem: problem.lr, problems, rates, is_leaf=lambda leaf: leaf is None)


def _draw(config: SpecialisationConfig, key: Key[Array, ""]) -> DeepProblem:
    """Learning rates are left out."""
    network, data = config.network, config.data

    def problem(sample: Int[Array, ""]) -> DeepProblem:
        return deep_problem(
            stream(key, "sample", sample),
            network.law(),
            network.decays,
            data.source(network),
            config.training.criterion(),
            lr=None,
            train=data.patterns or 0,
            test=data.test_patterns,
            classes=data.labels == "classes",
        )

    return jax.lax.map(problem, jnp.arange(data.samples, dtype=jnp.int32))


def _finish(config: SpecialisationConfig, driver: Driver, dataset: xr.Dataset) -> xr.Dataset:
    """The results; that students have not learnt is said in the log."""
    problems = driver.problems
    zero = None if problems.loss.classifies else float((problems.test_targets**2).mean())
    warn_unless_learnt(dataset, "test_loss", "epoch", config.training.lr, zero)
    return dataset


def _status(history: History) -> str:
    losses = history.records.get("test_loss")
    return f"test loss {losses[-1].mean():.4g}" if losses else ""


def _final_test_loss(dataset: xr.Dataset) -> float | None:
    if "test_loss_mean" not in dataset:
        return None
    value = float(dataset.test_loss_mean.isel(epoch=-1).mean())
    return value if np.isfinite(value) else None


def _dataset(config: SpecialisationConfig, driver: Driver | None, history: History) -> xr.Dataset:
    """Records of every student, what is known of the teachers, and averages."""
    assert driver is not None
    steps = config.training.per_epoch(config.data)
    epochs = Coordinate(np.asarray(history.times) // steps, f"epochs of {steps} iterations")
    coordinates = {"epoch": epochs, **coordinates_of(config)}
    records = {name: np.stack(values) for name, values in history.records.items()}
    dataset = dataset_of(driver, "epoch", coordinates, records, ORDER)
    system = driver.system
    assert isinstance(system, MinibatchLearning)
    constants = jax.tree.map(np.asarray, _of_teachers(driver))
    dataset = dataset.assign(constants_of(system.constant_variables, constants, ("sample", "decay")))
    dataset = dataset.assign(averages(dataset))
    used = {dim for variable in dataset.data_vars.values() for dim in variable.dims}
    return dataset.drop_vars([name for name in coordinates if name not in used])


@eqx.filter_jit
def _of_teachers(driver: Driver) -> dict[str, Array]:
    """What is observed of each teacher once, by name, [sample, decay, ...]."""
    system, axes = driver.system, driver.axes[:2]
    assert isinstance(system, MinibatchLearning)
    places = tuple(jnp.arange(axis.size, dtype=jnp.int32) for axis in axes)
    return over_chains(lambda _, place, problem: system.constants(problem), axes, None, places, driver.problems, 1)
