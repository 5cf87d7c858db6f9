"""The unit-block sweep is the naive chain: one weight at a time, the whole network evaluated at each."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import helpers
from dsm import samplers
from dsm.samplers.sign_perceptron.moves import Unit
from helpers import CHAIN_OPTIONS, MOVES, PROPOSALS, WIRINGS, energy_of, naive_sweep, small_problem


class Unrolled(samplers.AbstractChain):
    """A chain stage that is written out, one move after the other, and notes for how many units it was asked."""

    calls: list = eqx.field(static=True, default_factory=list)

    def __call__(self, move, inner, draws, row, field, below, cost, sources):
        self.calls.append(row.shape)
        changes = jnp.int32(0)
        for turn in range(inner * row.size):
            k = turn % row.size
            spins = below[k] if sources is None else jnp.take(below, sources[k], axis=0)
            numbers = jax.tree.map(lambda array: array[turn], draws)  # noqa: B023
            new = move.update(numbers, row[k], Unit(field, spins, cost), row.size)
            changes += jnp.where(new == row[k], 0, 1).astype(jnp.int32)
            row, field = row.at[k].set(new), field + (new - row[k]) * spins
        return row, field, changes


#: Chain stages that must agree with the plain one.
CHAINS = {"unrolled": Unrolled()} | {
    name: samplers.CHAINS.build({"name": name, **CHAIN_OPTIONS.get(name, {})}, "chain")
    for name in samplers.CHAINS.names
    if name != "plain"
}


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", PROPOSALS)
def test_same_trajectory_bitwise(name, wiring, depth):
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=4, depth=depth)
    steps = {inner: jax.jit(samplers.UnitBlock(move, inner).step) for inner in (1, 2)}
    for beta, inner in ((jnp.inf, 1), (0.7, 2 if depth == 2 else 1)):
        step = steps[inner]
        state = samplers.random_start(jax.random.key(3), problem)
        naive = np.asarray(state.weights)
        for sweep in range(3):
            key = jax.random.key(10 + sweep)
            naive, energy = naive_sweep(key, naive, problem, move, beta, inner)
            state, _ = step(key, state, problem, beta)
            np.testing.assert_array_equal(np.asarray(state.weights), naive)
            assert int(state.energy) == energy


@functools.cache
def walked(name, wiring):
    """Twelve chains of 200 sweeps: three from random starts at each of beta = 0, 0.5 and inf, and three planted at inf.

    Returns the problem, the last weights, and after each sweep (and before the first) the energies and acceptances.
    """
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=10, depth=3, alpha=6.0)
    sampler = samplers.UnitBlock(move)
    betas = jnp.repeat(jnp.array([0.0, 0.5, jnp.inf, jnp.inf], jnp.float32), 3)

    def chains(keys):
        random = jax.vmap(lambda key: samplers.random_start(key, problem))(keys[:9])
        planted = jax.vmap(lambda key: samplers.planted_start(key, problem))(keys[9:])
        start = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), random, planted)

        def sweep(states, t):
            states, info = jax.vmap(
                lambda key, state, beta: sampler.step(jax.random.fold_in(key, t), state, problem, beta)
            )(keys, states, betas)
            return states, (states.energy, info.acceptance)

        last, (energies, acceptance) = jax.lax.scan(sweep, start, jnp.arange(200, dtype=jnp.int32))
        return last.weights, jnp.concatenate([start.energy[None], energies]), acceptance

    found = jax.jit(chains)(jax.random.split(jax.random.key(0), 12))
    return problem, *map(np.asarray, found)


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
def test_cached_energy_is_that_of_the_weights(name, wiring):
    problem, weights, energies, _ = walked(name, wiring)
    for chain in range(12):
        assert energy_of(problem, weights[chain]) == energies[-1, chain]


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
def test_planted_student_stays_at_zero_energy(name, wiring):
    problem, weights, energies, acceptance = walked(name, wiring)
    assert np.all(energies[:, 9:] == 0)
    assert energy_of(problem, weights[9]) == 0
    assert np.all(acceptance[:, 9:].max(axis=(0, 2)) > 0) or MOVES[name][0] == "ising"


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
def test_greedy_energy_never_rises(name, wiring):
    energies = walked(name, wiring)[2][:, 6:9]
    assert np.all(np.diff(energies, axis=0) <= 0)
    kept = MOVES[name][1].keeps_energy
    assert np.all(energies[-1] == energies[0] if kept else energies[-1] < energies[0])


#: The stage does not know the move: one that is written out is compared for proposals, a real one for every move.
STAGED = [
    (name, chain)
    for chain, stage in CHAINS.items()
    for name in (PROPOSALS if chain == "unrolled" else MOVES)
    if stage.refuses(samplers.Workload(MOVES[name][1], 4, 12)) is None
]


@pytest.mark.parametrize(("name", "chain"), STAGED)
@pytest.mark.parametrize("wiring", WIRINGS)
def test_chain_stage_is_replaceable(name, wiring, chain):
    """Another implementation of the stage gives bitwise the same trajectory, in hidden layers and in the output layer."""
    weights, move = MOVES[name]
    width, inner = (3, 1) if wiring == "dense" else (4, 2)  # written out, three or four moves take long to compile
    problem = small_problem(wiring, weights, width=width, depth=2)
    plain = samplers.UnitBlock(move, inner)
    other = samplers.UnitBlock(move, inner, chain=CHAINS[chain])
    keys = jax.random.split(jax.random.key(3), 2)
    state = jax.vmap(lambda key: samplers.random_start(key, problem))(keys)
    step, other_step = (
        jax.jit(jax.vmap(lambda key, state, s=s: s.step(key, state, problem, 0.7))) for s in (plain, other)
    )
    expected = found = state
    for sweep in range(3):
        keys = jax.random.split(jax.random.key(10 + sweep), 2)
        (expected, info), (found, other_info) = step(keys, expected), other_step(keys, found)
        np.testing.assert_array_equal(np.asarray(found.weights), np.asarray(expected.weights))
        np.testing.assert_array_equal(np.asarray(found.energy), np.asarray(expected.energy))
        np.testing.assert_array_equal(np.asarray(other_info.acceptance), np.asarray(info.acceptance))
    assert chain != "unrolled" or {(problem.teacher.wiring.fan_in,)} == set(CHAINS[chain].calls[-2:])


def test_every_registered_move_is_tested():
    missing = set(samplers.MOVES.names) - set(MOVES)
    assert not missing, f"add options of {', '.join(missing)} to OPTIONS in tests/helpers.py"


def test_a_new_move_does_not_escape(monkeypatch):
    """What is registered is tested, or the test above fails."""
    monkeypatch.setattr(samplers.MOVES, "_parts", dict(samplers.MOVES._parts))

    @samplers.MOVES.register("same")
    class Same(samplers.SpinFlip):
        pass

    assert helpers.build_moves()["same"][0] == "ising"

    @samplers.MOVES.register("sized")
    class Sized(samplers.SpinFlip):
        size: int = eqx.field(static=True)

    assert "sized" not in helpers.build_moves()
    monkeypatch.setitem(helpers.OPTIONS, "sized", {"size": 2})
    assert "sized" in helpers.build_moves()
