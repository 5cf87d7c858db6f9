"""From settings to students that learn online."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Int, Key

from dsm._random import root_key, stream
from dsm._variables import Coordinate
from dsm.data import TwoLayerProblem, two_layer_problem
from dsm.driver import Axis, Driver, Layout, check_capacity, make_layout, single
from dsm.networks import check_activation
from dsm.observables import choose_measures
from dsm.observables.two_layer import OBSERVABLES, take_snapshot
from dsm.observables.two_layer.test_error import TestError
from dsm.tasks._check import check_results
from dsm.tasks._dataset import averages, dataset_of
from dsm.tasks._draw import draw_with
from dsm.tasks._learnt import warn_unless_learnt
from dsm.tasks._task import History, Job
from dsm.tasks.online_sgd._schema import OnlineSGDConfig
from dsm.tasks.online_sgd._theory import with_theory
from dsm.training import (
    OVERLAP_STARTS,
    OnlineLearning,
    OnlineSGD,
    StartOverlaps,
    networks_of_root,
    random_networks,
    root_of,
)

ORDER = ("sample", "t", ...)


def build(config: OnlineSGDConfig) -> Job:
    """See `dsm.tasks.Task.build`."""
    key = root_key(config.seed)
    check_activation(config.network.function())
    overlaps = start_overlaps(config, key)
    driver = None
    if config.data.samples:
        system, axes, layout = plan(config, key, overlaps)
        driver = functools.partial(make_driver, config, key, overlaps, system, axes, layout)
    return Job(
        driver=driver,
        due=record_steps(config),
        unit="steps",
        examine=_status,
        dataset=functools.partial(_dataset, config),
        theory=functools.partial(_finish, config, overlaps),
        value=_final_test_error,
    )


def record_steps(config: OnlineSGDConfig) -> list[int]:
    """Steps at which there are records, ascending: t = 0, the times of a log grid, and the end."""
    observe, last = config.observe, config.training.time
    decades = np.log10(max(last / observe.first, 1))
    times = observe.first * 10 ** (np.arange(int(np.floor(decades * observe.per_decade)) + 1) / observe.per_decade)
    steps = {int(step) for step in np.round(config.network.width * times[times <= last])}
    return sorted(steps | {0, max(1, round(config.network.width * last))})


def start_overlaps(config: OnlineSGDConfig, key: Key[Array, ""]) -> StartOverlaps | None:
    """Q, R, T at t = 0, of all samples; None where each sample has its own."""
    if not config.input_law().gaussian_fields:
        return None
    network = config.network
    start = OVERLAP_STARTS.build(config.training.start, "training.start")
    return start.overlaps(stream(key, "start"), network.width, network.students, network.teachers)


def plan(
    config: OnlineSGDConfig, key: Key[Array, ""], overlaps: StartOverlaps | None
) -> tuple[OnlineLearning, tuple[Axis, ...], Layout]:
    """The system, the axis of samples and the devices, from shapes alone.

    Raises:
        ConfigError: a part that is not dsm's own does not do what it should.
        CapacityError: the run cannot fit in memory.
    """
    problems = eqx.filter_eval_shape(functools.partial(draw_problems, config, overlaps), key)
    training = config.training
    system = OnlineLearning(
        rule=OnlineSGD(*map(jnp.float32, (training.lr, training.lr_second, training.weight_decay))),
        measures=choose_measures(OBSERVABLES, config.observe.quantities, problems),
        batch=training.batch,
    )
    axes = (Axis("sample", config.data.samples, 0),)
    layout = make_layout(axes, system.step_bytes(single(problems, axes)), config.run.devices, config.run.block)
    smaller = "data.patterns, data.test_patterns or network.width"
    record = check_capacity(system, problems, axes, 0, layout, config.run, ("data.samples", "sample"), smaller)
    check_results(system.variables, record, ("sample", "t"), system.coordinates | units(config))
    return system, axes, layout


def units(config: OnlineSGDConfig) -> dict[str, Coordinate]:
    """Coordinates of dimensions that quantities share."""
    network = config.network
    return {
        "student": Coordinate(np.arange(network.students), "unit of the student"),
        "student_2": Coordinate(np.arange(network.students), "unit of the student"),
        "teacher": Coordinate(np.arange(network.teachers), "unit of the teacher"),
    }


def make_driver(
    config: OnlineSGDConfig,
    key: Key[Array, ""],
    overlaps: StartOverlaps | None,
    system: OnlineLearning,
    axes: tuple[Axis, ...],
    layout: Layout,
) -> Driver:
    """The ensemble, its problems drawn and laid over the devices."""
    problems = draw_problems(config, overlaps, key)
    problems = layout.place(problems, layout.problems(axes, problems))
    return Driver(system, problems, axes, jnp.zeros((0,), jnp.int32), key, layout)


def draw_problems(config: OnlineSGDConfig, overlaps: StartOverlaps | None, key: Key[Array, ""]) -> TwoLayerProblem:
    """Teachers, students and data of all samples, stacked along a leading axis."""
    keys = ("network", "data", "training.start")
    return draw_with(_draw, config, keys, key, None if overlaps is None else jnp.asarray(root_of(overlaps)))


def _draw(config: OnlineSGDConfig, key: Key[Array, ""], root: Float[Array, "P P"] | None) -> TwoLayerProblem:
    network, data, law = config.network, config.data, config.input_law()
    activation = network.function()
    outputs, teacher_outputs = config.second_layers()
    test = 0 if law.gaussian_fields else data.test_patterns

    def problem(sample: Int[Array, ""]) -> TwoLayerProblem:
        own = stream(key, "weights", sample)
        if root is None:
            shapes = (network.students, network.width), (network.teachers, law.teacher_width)
            machines = random_networks(own, *shapes, config.start_scale(), outputs, teacher_outputs, activation)
        else:
            machines = networks_of_root(own, root, network.width, outputs, teacher_outputs, activation)
        return two_layer_problem(stream(key, "data", sample), law, *machines, data.noise, data.patterns or 0, test)

    return eqx.filter_vmap(problem)(jnp.arange(data.samples, dtype=jnp.int32))


def _finish(
    config: OnlineSGDConfig, overlaps: StartOverlaps | None, driver: Driver | None, dataset: xr.Dataset
) -> xr.Dataset:
    """The results with theory beside them; that students have not learnt is said in the log."""
    zero = None if driver is None else float(_of_no_student(driver.problems).max())
    warn_unless_learnt(dataset, "test_error", "t", config.training.lr, zero)
    return with_theory(config, overlaps, driver, dataset)


@eqx.filter_jit
def _of_no_student(problems: TwoLayerProblem) -> Float[Array, " samples"]:
    """The test error of an output of 0."""

    def one(problem: TwoLayerProblem) -> Float[Array, ""]:
        silent = eqx.tree_at(lambda student: student.outputs, problem.student, jnp.zeros_like(problem.student.outputs))
        return TestError()(take_snapshot(silent, problem))["test_error"]

    return eqx.filter_vmap(one)(problems)


def _status(history: History) -> str:
    errors = history.records.get("test_error")
    return f"test error {errors[-1].mean():.4g}" if errors else ""


def _final_test_error(dataset: xr.Dataset) -> float | None:
    name = next((name for name in ("test_error_mean", "theory_test_error") if name in dataset), None)
    value = np.nan if name is None else float(dataset[name].isel(t=-1).mean())
    return value if np.isfinite(value) else None


def _dataset(config: OnlineSGDConfig, driver: Driver | None, history: History) -> xr.Dataset:
    """Order parameters and errors of every sample, and averages."""
    times = np.asarray(record_steps(config) if driver is None else history.times) / config.network.width
    coordinates = {"t": Coordinate(times, "time, examples per input dimension"), **units(config)}
    if driver is None:
        return xr.Dataset(
            coords={name: (name, given.values, {"long_name": given.long_name}) for name, given in coordinates.items()}
        )
    coordinates["sample"] = Coordinate(np.arange(config.data.samples), "teacher, student and law of inputs")
    records = {name: np.stack(values) for name, values in history.records.items()}
    dataset = dataset_of(driver, "t", coordinates, records, ORDER)
    return dataset.assign(averages(dataset))
