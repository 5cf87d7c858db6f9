"""The unit-block sweep is the naive chain: one weight at a time, the whole network evaluated at each."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import helpers
from dsm import samplers
from dsm.samplers.sign_perceptron.moves import Unit
from helpers import MOVES, PROPOSALS, WIRINGS, energy_of, naive_sweep, small_problem


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
    name: samplers.CHAINS.get(name)() for name in samplers.CHAINS.names if name != "plain"
}


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", PROPOSALS)
def test_same_trajectory_bitwise(name, wiring, depth):
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=4, depth=depth)
    for beta, inner in ((jnp.inf, 1), (0.7, 2)):
        sampler = samplers.UnitBlock(move, inner)
        step = jax.jit(sampler.step)
        state = samplers.random_start(jax.random.key(3), problem)
        naive = np.asarray(state.weights)
        for sweep in range(3):
            key = jax.random.key(10 + sweep)
            naive, energy = naive_sweep(key, naive, problem, move, beta, inner)
            state, _ = step(key, state, problem, beta)
            np.testing.assert_array_equal(np.asarray(state.weights), naive)
            assert int(state.energy) == energy


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
def test_cached_energy_is_that_of_the_weights(name, wiring):
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=10, depth=3, alpha=6.0)
    sampler = samplers.UnitBlock(move)

    def chain(key, beta):
        step = lambda t, s: sampler.step(jax.random.fold_in(key, t), s, problem, beta)[0]  # noqa: E731
        return jax.lax.fori_loop(0, 200, step, samplers.random_start(key, problem))

    keys = jax.random.split(jax.random.key(0), 9)
    state = jax.jit(jax.vmap(chain))(keys, jnp.repeat(jnp.array([0.0, 0.5, jnp.inf], jnp.float32), 3))
    for weights, energy in zip(np.asarray(state.weights), np.asarray(state.energy), strict=True):
        assert energy_of(problem, weights) == energy


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
def test_planted_student_stays_at_zero_energy(name, wiring):
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=10, depth=3, alpha=6.0)
    sampler = samplers.UnitBlock(move)
    state = samplers.planted_start(jax.random.key(0), problem)
    assert int(state.energy) == 0
    moved = False
    step = jax.jit(sampler.step)
    for sweep in range(100):
        state, info = step(jax.random.key(sweep), state, problem, jnp.inf)
        assert int(state.energy) == 0
        moved |= bool(jnp.any(info.acceptance > 0))
    assert energy_of(problem, np.asarray(state.weights)) == 0
    assert moved or weights == "ising"


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
def test_greedy_energy_never_rises(name, wiring):
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=8, depth=2, alpha=4.0)
    step = jax.jit(samplers.UnitBlock(move).step)
    state = samplers.random_start(jax.random.key(5), problem)
    first = last = int(state.energy)
    for sweep in range(50):
        state, _ = step(jax.random.key(sweep), state, problem, jnp.inf)
        assert int(state.energy) <= last
        last = int(state.energy)
    assert last == first if MOVES[name][1].keeps_energy else last < first


@pytest.mark.parametrize("chain", list(CHAINS))
@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", list(MOVES))
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
