"""What several tests need: small problems, the naive chain, exact enumeration, tolerances from measured errors."""

import contextlib
import functools
import itertools
import struct
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dsm import data, networks, samplers
from dsm._errors import ConfigError
from dsm._random import stream
from dsm.observables.statistics import effective_sample_size, r_hat
from dsm.samplers.sign_perceptron.moves import AbstractProposal

#: Kinds of wiring.
WIRINGS = ("dense", "random")
#: Options that tests give to registered moves, where their defaults do not serve.
OPTIONS = {"gaussian": {"step_std": 0.4}}
#: Options that tests give to registered chain stages: kernels for a GPU run without one.
CHAIN_OPTIONS = {"pallas": {"interpret": True}}


def fits(figure: Path) -> bool:
    """Whether an image is at most 1800 x 1200 pixels, by the head of the file."""
    width, height = struct.unpack(">II", figure.read_bytes()[16:24])
    return width <= 1800 and height <= 1200


def words(figure) -> str:
    """All that is written on a figure, on one line."""
    found = [figure.get_suptitle()]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
    found += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return " ".join(" ".join(found).split())


def build_moves() -> dict[str, tuple[str, samplers.AbstractMove]]:
    """All registered moves that can be built, each with the kind of weights it moves."""
    moves = {}
    for name in samplers.MOVES.names:
        with contextlib.suppress(ConfigError):  # it lacks options: test_every_registered_move_is_tested says so
            move = samplers.MOVES.build({"name": name, **OPTIONS.get(name, {})}, "move")
            moves[name] = ("spherical" if move.continuous else "ising", move)
    return moves


MOVES = build_moves()
#: Moves that propose and accept: they can be fed to the naive chain.
PROPOSALS = [name for name, (_, move) in MOVES.items() if isinstance(move, AbstractProposal)]
#: Moves of continuous weights that reach the whole Gibbs measure.
CONTINUOUS = [name for name, (_, move) in MOVES.items() if move.continuous and not move.keeps_energy]


def small_problem(
    wiring: str = "dense", weights: str = "spherical", width: int = 6, depth: int = 3, alpha: float = 3.0, seed: int = 0
) -> data.Problem:
    """A problem small enough for naive computations; random wiring has c = width / 2."""
    fan_in = width if wiring == "dense" else max(1, width // 2)
    return make_problem(1000 + seed, width, depth, fan_in, weights, wiring, alpha)


def make_problem(
    seed: int,
    width: int,
    depth: int,
    fan_in: int,
    weights: str = "spherical",
    wiring: str = "dense",
    alpha: float = 3.0,
    test_patterns: int = 50,
    label_beta: float = np.inf,
) -> data.Problem:
    """A teacher and independent signs, drawn by NumPy: the package's own functions would be compiled for each shape."""
    rng = np.random.default_rng(seed)
    shape = depth, width, fan_in
    neighbours = None
    if wiring == "random":
        neighbours = jnp.asarray(np.argsort(rng.random((depth, width, width)))[..., :fan_in], jnp.int32)
    drawn = draw_weights(rng, weights, shape)
    connections = networks.Wiring(width, depth, fan_in, neighbours)
    kind = jax.eval_shape(
        lambda: networks.SignNetwork(*shape[1::-1], weights=weights, wiring=connections, key=jax.random.key(0))
    )
    leaves = [jnp.asarray(drawn, jnp.float32), *jax.tree.leaves(connections)]
    teacher = jax.tree.unflatten(jax.tree.structure(kind), leaves)
    train, test = (
        rng.choice([-1, 1], (number, width)) for number in (data.training_patterns(alpha, fan_in), test_patterns)
    )
    labels, test_labels = (outputs_of(teacher.wiring, drawn, patterns) for patterns in (train, test))
    labels = np.where(rng.random(labels.shape) < 1 / (1 + np.exp(label_beta)), -labels, labels)
    return data.Problem(teacher, *(jnp.asarray(signs, jnp.int8) for signs in (train, labels, test, test_labels)))


def draw_weights(rng: np.random.Generator, weights: str, shape: tuple[int, ...]) -> np.ndarray:
    """Weights from the prior, by NumPy."""
    if weights == "ising":
        return rng.choice([-1.0, 1.0], shape)
    step = networks.spacing(shape[-1])
    return np.round(rng.normal(size=shape) / step) * step


def outputs_of(wiring: networks.Wiring, weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Outputs in float64 numpy, one layer and unit after the other: no line shared with the package."""
    spins = np.asarray(inputs, np.float64)
    for layer in range(wiring.depth):
        fields = np.empty_like(spins)
        for unit in range(wiring.width):
            sources = (
                np.arange(wiring.width) if wiring.neighbours is None else np.asarray(wiring.neighbours[layer, unit])
            )
            fields[:, unit] = spins[:, sources] @ np.asarray(weights[layer, unit], np.float64)
        spins = np.where(fields >= 0, 1.0, -1.0)
    return spins


def energy_of(problem: data.Problem, weights: np.ndarray) -> int:
    """E, from the outputs in numpy."""
    return int(np.sum(outputs_of(problem.teacher.wiring, weights, problem.inputs) != np.asarray(problem.labels)))


def unit_work(move, width: int, fan_in: int, patterns: int, inner: int, wiring: str, betas, chains: int):
    """What a chain stage is given for one unit: random numbers, weights, their field, spins below, cost and sources.

    Random arrays with leading axes (beta, chain). At weights J the field is exact, and costs are small integers.
    """

    def one(beta, key):
        names = ("draws", "weights", "spins", "cost", "sources")
        draws, weights, spins, cost, sources = (stream(key, name) for name in names)
        row = jax.random.normal(weights, (fan_in,), jnp.float32)
        row = networks.to_lattice(row, fan_in) if move.continuous else networks.sign_pm(row)
        below = jax.random.rademacher(spins, (width, patterns), jnp.float32)
        read = None
        if wiring == "random":
            read = jax.random.permutation(sources, width)[:fan_in].astype(jnp.int32)
        field = row @ (below if read is None else jnp.take(below, read, axis=0))
        return (
            move.draw(draws, beta, (inner * fan_in,)),
            row,
            field,
            below,
            jax.random.randint(cost, (patterns,), -2, 3, jnp.int32),
            read,
        )

    betas, keys = jnp.asarray(betas, jnp.float32), jax.random.split(jax.random.key(0), chains)
    return jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(betas, keys)


def stage_of(chain, move, inner: int):
    """A chain stage for what `unit_work` makes."""

    def one(draws, row, field, below, cost, sources):
        return chain(move, inner, draws, row, field, chain.spins(below), cost, sources)

    return jax.vmap(jax.vmap(one))


def assert_same_bits(found, expected) -> None:
    """All arrays of two trees are the same, signs of zero included."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


@functools.cache
def starts_of(start: str):
    """One start for each of many keys, compiled."""
    return jax.jit(jax.vmap(samplers.STUDENT_STARTS.get(start), (0, None)))


def naive_start(problem: data.Problem, weights: np.ndarray) -> samplers.State:
    """The states of students with these weights [n, L, N, c], with energies by NumPy."""
    energy = [energy_of(problem, one) for one in weights]
    return jax.vmap(samplers.State)(jnp.asarray(weights, jnp.float32), jnp.asarray(energy, jnp.int32))


@functools.cache
def steps_of(sampler):
    """A step of many chains at one beta, compiled."""
    return jax.jit(jax.vmap(sampler.step, (0, 0, None, None)))


@functools.cache
def draw_of(move: AbstractProposal):
    """The random numbers of a move, compiled as in the sweep: op by op, XLA may round a normal variate otherwise."""
    return jax.jit(move.draw, static_argnums=2)


def naive_sweep(
    key, weights: np.ndarray, problem: data.Problem, move, beta: float, inner: int
) -> tuple[np.ndarray, int, np.ndarray]:
    """One weight after the other, the whole network evaluated each time, fed the numbers of the unit-block sweep.

    For proposals only. The energy is an integer from float64 sums, so that decisions agree bitwise or not at all.

    Returns the weights, their energy, and for each layer the fraction of moves that changed a weight.
    """
    wiring = problem.teacher.wiring
    weights = np.array(weights)
    energy = energy_of(problem, weights)
    changes = np.zeros(wiring.depth)
    for layer in range(wiring.depth):
        shape = (wiring.width, inner * wiring.fan_in)
        numbers, allowed = draw_of(move)(stream(key, "layer", layer), jnp.float32(beta), shape)
        for unit, turn in itertools.product(range(shape[0]), range(shape[1])):
            k = turn % wiring.fan_in
            old = weights[layer, unit, k]
            drawn = None if numbers is None else numbers[unit, turn]
            weights[layer, unit, k] = move.propose(drawn, jnp.float32(old), wiring.fan_in)
            proposed = energy_of(problem, weights)
            if proposed - energy <= allowed[unit, turn]:
                energy = proposed
                changes[layer] += weights[layer, unit, k] != old
            else:
                weights[layer, unit, k] = old
    return weights, energy, changes / np.prod(shape)


def all_sign_vectors(bits: int) -> np.ndarray:
    """All 2**bits vectors of signs, float32."""
    return (2.0 * ((np.arange(2**bits)[:, None] >> np.arange(bits)) & 1) - 1).astype(np.float32)


def energies(problem: data.Problem, weights) -> np.ndarray:
    """E of many weight arrays [n, L, N, c]."""
    return np.asarray(all_energies(problem, weights))


all_energies = jax.jit(jax.vmap(lambda problem, w: samplers.state_of(w, problem).energy, (None, 0)))


def run_chains(
    sampler, problem, beta, *, chains: int, sweeps: int, keep_from: int, thin: int, seed: int, start="random"
):
    """Sample; returns energies [chain, draw] and normalised weights [chain, draw, L, N, c] after `keep_from` sweeps."""
    keys = jax.random.split(jax.random.key(seed), chains)
    states = starts_of(start)(jax.vmap(lambda key: stream(key, "start"))(keys), problem)
    found = chains_of(sampler, sweeps, thin)(keys, states, problem, jnp.float32(beta))
    return tuple(np.asarray(array)[:, keep_from // thin :] for array in found)


@functools.cache
def chains_of(sampler, sweeps: int, thin: int):
    """Many chains, compiled: problems of one shape share the program, as do all beta and starts."""

    def one(key, state, problem, beta):
        def block(state, index):
            def sweep(t, state):
                return sampler.step(jax.random.fold_in(key, index * thin + t), state, problem, beta)[0]

            state = jax.lax.fori_loop(0, thin, sweep, state)
            return state, (state.energy, problem.teacher.prior.normalise(state.weights))

        return jax.lax.scan(block, state, jnp.arange(sweeps // thin))[1]

    return jax.jit(jax.vmap(one, (0, 0, None, None)))


def assert_declared(observable, machines, sizes, dtype) -> None:
    """An observable of `machines` returns what it declares, with its dimensions. Only shapes are computed."""
    found = eqx.filter_eval_shape(observable, *machines)
    assert found.keys() == observable.variables.keys()
    for name, value in found.items():
        assert value.shape == tuple(sizes[dim] for dim in observable.variables[name].dims), name
        assert value.dtype == (jnp.int32 if name == "wrong_outputs" else dtype), name


def assert_mean(chains: np.ndarray, exact: float, sigmas: float = 4.5, error: float = 0.0, least: float = 400) -> None:
    """The mean of `chains` [chain, draw] equals `exact` (known to `error`) within `sigmas` standard errors.

    The standard error comes from the measured effective sample size, which must be at least `least`: a chain that does not
    mix cannot pass.
    """
    chains = np.asarray(chains, float)
    if np.ptp(chains) == 0:
        assert chains.flat[0] == exact
        return
    size = effective_sample_size(chains)
    assert size >= least, f"effective sample size {size:.0f} is below {least}: the chains do not mix"
    assert r_hat(chains) < 1.1
    deviation = np.hypot(chains.std(ddof=1) / np.sqrt(size), error)
    assert abs(chains.mean() - exact) < sigmas * deviation, f"{chains.mean()} is not {exact} +- {deviation}"
