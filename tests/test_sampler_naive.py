"""The unit-block sweep is the naive chain: one weight at a time, the whole network evaluated at each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import samplers
from helpers import MOVES, WIRINGS, energy_of, naive_sweep, small_problem


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", ["spin_flip", "gaussian"])
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
