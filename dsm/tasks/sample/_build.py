"""From settings to an ensemble of students, and from its records to results."""

import dataclasses
import functools
import logging

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Int, Key, PyTree

from dsm._errors import require
from dsm._parts import is_own
from dsm._random import root_key, stream
from dsm._system import AbstractSystem
from dsm._variables import Coordinate
from dsm.data import INPUTS, Problem, check_inputs, first_patterns, teacher_problem, training_patterns
from dsm.driver import Axis, Driver, Layout, check_capacity, make_layout, single
from dsm.networks import SignNetwork, check_prior, make_prior, make_wiring
from dsm.observables import choose_measures
from dsm.observables.sign_network import OBSERVABLES
from dsm.samplers import (
    MOVES,
    SCHEDULES,
    STUDENT_STARTS,
    AbstractChain,
    AbstractProducts,
    AtBeta,
    Exchange,
    Sampling,
    UnitBlock,
    Workload,
    choose_chain,
    choose_products,
)
from dsm.tasks._check import check_results
from dsm.tasks._dataset import averages, constants_of, convergence, dataset_of
from dsm.tasks._draw import draw_with
from dsm.tasks._task import History, Job
from dsm.tasks._times import record_sweeps
from dsm.tasks.sample._schema import SampleConfig
from dsm.tasks.sample._theory import with_theory

logger = logging.getLogger("dsm")

ORDER = ("sample", "beta", "pair", "replica", "machine", "reference", "layer", ..., "sweep")


def build(config: SampleConfig) -> Job:
    """See `dsm.tasks.Task.build`."""
    key = root_key(config.seed)
    system, axes, layout = plan(config, key)
    observe = config.observe
    return Job(
        driver=lambda: make_driver(config, key, system, axes, layout),
        due=record_sweeps(
            observe.spacing, observe.every, observe.per_decade, config.sampler.sweeps, observe.references
        ),
        unit="sweeps",
        examine=functools.partial(_examine, outputs=config.network.width),
        dataset=functools.partial(_dataset, config),
        theory=lambda driver, dataset: with_theory(config, dataset),
        value=_final_test_error,
    )


def plan(config: SampleConfig, key: Key[Array, ""]) -> tuple[AbstractSystem, tuple[Axis, ...], Layout]:
    """The system, the axes of the ensemble and the devices, from shapes alone.

    Raises:
        ConfigError: a part that is not dsm's own does not do what it should.
        CapacityError: the run cannot fit in memory.
    """
    data = config.data
    inputs = INPUTS.build(data.inputs, "data.inputs", width=config.network.width)
    patterns = training_patterns(data.alpha, config.network.inputs_per_unit)
    check_inputs(inputs, patterns, data.test_patterns, training_patterns(data.widest, config.network.inputs_per_unit))
    prior, move = make_prior(config.network.weights), MOVES.build(config.sampler.move, "sampler.move")
    check_prior(prior, config.network.inputs_per_unit)
    if is_own(type(move)) and not is_own(type(prior)):
        name, weights = config.sampler.move["name"], config.network.weights
        what = "sampler.move.name = %s is made for the priors of dsm: nobody knows whether it samples"
        logger.warning(what + " network.weights = %s", name, weights)
    problems = jax.eval_shape(functools.partial(draw_problems, config), key)
    chain, products, _ = choose_stages(config)
    sampler = UnitBlock(move, config.sampler.inner, chain, products)
    sampler.check(problems)
    sampling = Sampling(
        sampler,
        schedule=SCHEDULES.build(config.sampler.schedule, "sampler.schedule"),
        start=STUDENT_STARTS.get(config.sampler.start),
        measures=choose_measures(OBSERVABLES, config.observe.quantities, problems),
    )
    if not sampling.measures.are_own:
        legal = "null with quantities that are not dsm's own, which may take what fills an array for patterns"
        require(data.max_alpha is None, "data.max_alpha", data.max_alpha, legal)
    samples, replicas = config.data.samples, config.sampler.replicas
    system: AbstractSystem = sampling
    over: PyTree
    if config.sampler.exchange is None:
        over = {"sample": AtBeta(0, None), "beta": AtBeta(None, 0), "replica": None}
        problems = AtBeta(problems, jnp.asarray(config.sampler.betas, jnp.float32))
    else:
        system = Exchange(sampling, config.sampler.betas, config.sampler.exchange)
        over = {"sample": 0, "replica": None}
    sizes = {"sample": samples, "beta": len(config.sampler.betas), "replica": replicas}
    axes = tuple(Axis(name, sizes[name], part) for name, part in over.items())
    layout = make_layout(axes, system.step_bytes(single(problems, axes)), config.run.devices, config.run.block)
    smaller = "data.samples, data.alpha, data.test_patterns, network.width or network.depth"
    references = len(config.observe.references)
    setting = ("sampler.replicas", "replica")
    record = check_capacity(system, problems, axes, references, layout, config.run, setting, smaller)
    names, coordinates = tuple(axis.name for axis in axes), system.coordinates | coordinates_of(config)
    check_results(system.variables, record, (*names, "sweep"), coordinates)
    if not sampling.measures.are_own:  # what is taken of them once, in the end, is looked at now
        stacked = problems if isinstance(system, Exchange) else problems.problem
        constants = eqx.filter_eval_shape(sampling.constants, key, stacked, config.observe.independent)
        constants = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), constants)
        check_results(sampling.constant_variables, constants, (*names, "sweep"), coordinates)
    return system, axes, layout


def choose_stages(config: SampleConfig) -> tuple[AbstractChain, AbstractProducts, str]:
    """The chain stage and the products of the field stage on the devices of this machine, and a line that says which.

    Raises:
        ConfigError: `sampler.kernel` or `sampler.products` cannot serve here.
    """
    network, sampler = config.network, config.sampler
    move = MOVES.build(sampler.move, "sampler.move")
    patterns = training_patterns(config.data.alpha, network.inputs_per_unit)
    chains = config.data.samples * len(sampler.betas) * sampler.replicas
    at_once = min(chains, config.run.block or chains)
    device = jax.local_devices()[0]
    chain, kernel = choose_chain(sampler.kernel, Workload(move, network.width, patterns, at_once, device))
    products, form = choose_products(sampler.products, move, device)
    return chain, products, f"code for the moves: {kernel}; for matrix products: {form}; no result depends on it"


def coordinates_of(config: SampleConfig) -> dict[str, Coordinate]:
    """Of the axes of the ensemble, and of dimensions that quantities share."""
    sampler = config.sampler
    coordinates = {
        "sample": Coordinate(np.arange(config.data.samples), "disorder sample"),
        "beta": Coordinate(np.asarray(sampler.betas), "inverse temperature"),
        "replica": Coordinate(np.arange(sampler.replicas), "student"),
        "layer": Coordinate(np.arange(1, config.network.depth + 1), "layer, 1 next to the input"),
    }
    if sampler.exchange is not None:
        lower = np.asarray(sampler.betas[:-1])
        coordinates["pair"] = Coordinate(lower, "lower inverse temperature of two neighbours")
    if config.observe.references:
        coordinates["reference"] = Coordinate(np.asarray(config.observe.references), "sweep t_w of the past student")
    return coordinates


def make_driver(
    config: SampleConfig, key: Key[Array, ""], system: AbstractSystem, axes: tuple[Axis, ...], layout: Layout
) -> Driver:
    """The ensemble, its problems drawn and laid over the devices."""
    logger.info(choose_stages(config)[2])
    problems: PyTree = draw_problems(config, key)
    if not isinstance(system, Exchange):
        problems = AtBeta(problems, jnp.asarray(config.sampler.betas, jnp.float32))
    references = jnp.asarray(config.observe.references, jnp.int32)
    return Driver(system, layout.place(problems, layout.problems(axes, problems)), axes, references, key, layout)


def draw_problems(config: SampleConfig, key: Key[Array, ""]) -> Problem:
    """Teachers and data of all samples, stacked along a leading axis."""
    if config.data.max_alpha is None:
        return draw_with(_draw, config, ("network", "data"), key)
    seen = ("network", *(f"data.{field.name}" for field in dataclasses.fields(config.data) if field.name != "alpha"))
    patterns = training_patterns(config.data.alpha, config.network.inputs_per_unit)
    return draw_with(_draw, config, seen, key, jnp.int32(patterns))


def _draw(config: SampleConfig, key: Key[Array, ""], patterns: Int[Array, ""] | None = None) -> Problem:
    """With `patterns`, settings have no alpha, and so many patterns of those for which there is room are kept."""
    network, data = config.network, config.data
    inputs = INPUTS.build(data.inputs, "data.inputs", width=network.width)

    def problem(sample: Int[Array, ""]) -> Problem:
        wiring = make_wiring(
            stream(key, "wiring", sample), network.wiring, network.width, network.depth, network.fan_in
        )
        teacher = SignNetwork(
            network.width, network.depth, weights=network.weights, wiring=wiring, key=stream(key, "teacher", sample)
        )
        own = stream(key, "data", sample)
        drawn = teacher_problem(own, teacher, inputs, data.widest, data.test_patterns, data.label_beta)
        return drawn if patterns is None else first_patterns(drawn, patterns)

    return jax.lax.map(problem, jnp.arange(data.samples))


def _examine(history: History, outputs: int) -> str:
    """How things stand. The energy that the sampler keeps must be that of its weights, exactly."""
    records = history.records
    if history.times and "wrong_outputs" in records:
        if not np.array_equal(records["wrong_outputs"][-1], records["cached_energy"][-1]):
            raise AssertionError(
                f"at sweep {history.times[-1]} the cached energy differs from that of the weights: please report this bug"
            )
    shown = {"energy": "E/MN", "test_error": "test error"}
    last = {text: records[name][-1].mean() for name, text in shown.items() if records.get(name)}
    return "  ".join(f"{text} {value:.4f}" for text, value in last.items())


def _final_test_error(dataset: xr.Dataset) -> float | None:
    return float(dataset["test_error_mean"].isel(sweep=-1, beta=-1)) if "test_error_mean" in dataset else None


def _dataset(config: SampleConfig, driver: Driver | None, history: History) -> xr.Dataset:
    """Every chain's records, those of the baseline, averages, and convergence statistics with `observe.burn_in`."""
    assert driver is not None
    times = np.asarray(history.times)
    coordinates = {"sweep": Coordinate(times, "Monte Carlo sweeps done"), **coordinates_of(config)}
    records = {name: np.stack(values) for name, values in history.records.items() if name != "cached_energy"}
    dataset = dataset_of(driver, "sweep", coordinates, records, ORDER)
    system, problems = driver.system, driver.problems
    if isinstance(system, Exchange):
        dataset = _with_swap_rates(dataset, system, times)
        system = system.system
    else:
        problems = problems.problem
    assert isinstance(system, Sampling)
    constants = jax.tree.map(np.asarray, system.constants(driver.key, problems, config.observe.independent))
    dataset = dataset.assign(constants_of(system.constant_variables, constants, ("sample",)))
    dataset = dataset.transpose(*ORDER, missing_dims="ignore")
    dataset = dataset.assign(averages(dataset))
    if config.observe.burn_in is not None:
        dataset = dataset.assign(convergence(dataset, "sweep", config.observe.burn_in))
    return dataset


def _with_swap_rates(dataset: xr.Dataset, exchange: Exchange, sweeps: np.ndarray) -> xr.Dataset:
    """Counts of swaps as rates since the last record, NaN where a pair has had no turn since."""
    swaps = dataset.swaps.transpose("sample", "replica", "pair", "sweep")
    made = np.diff(swaps.values, axis=-1, prepend=0)
    tried = np.diff(exchange.tried(sweeps), axis=0, prepend=0).T
    text = "fraction of accepted swaps with the next higher beta since the last record"
    attributes = swaps.attrs | {"long_name": text, "label": text, "quantity": "swap_rate"}
    rate = swaps.copy(data=made / np.where(tried > 0, tried, np.nan)).assign_attrs(attributes)
    return dataset.drop_vars("swaps").assign(swap_rate=rate)
