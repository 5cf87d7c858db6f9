"""The step of the sampler: a pure function of key, state, problem and beta, which JAX compiles and batches."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import samplers
from dsm.networks import spacing
from helpers import MOVES, PROPOSALS, small_problem


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("spin_flip", "heat_bath") else pytest.mark.slow) for name in MOVES]
)
def test_step_is_pure_and_gives_the_same_in_a_batch(name):
    weights, move = MOVES[name]
    sampler = samplers.UnitBlock(move)
    assert list(inspect.signature(sampler.step).parameters) == ["key", "state", "problem", "beta"]
    problem = small_problem("dense", weights, width=4, depth=2)
    sampler.check(problem)
    keys = jax.random.split(jax.random.key(1), 3)
    states = jax.vmap(lambda key: samplers.random_start(key, problem))(keys)
    step = jax.jit(lambda key, state: sampler.step(key, state, problem, 0.5))
    together, info = jax.jit(jax.vmap(step))(keys, states)
    for index, key in enumerate(keys):
        alone, own = step(key, jax.tree.map(lambda leaf: leaf[index], states))  # noqa: B023
        # Heat baths invert the distribution function, which rounds otherwise in a batch.
        inexact = 0 if name in PROPOSALS else 2 * spacing(4)
        np.testing.assert_allclose(alone.weights, together.weights[index], rtol=0, atol=inexact)
        assert alone.energy == together.energy[index]
        np.testing.assert_array_equal(own.acceptance, info.acceptance[index])
    assert set(vars(states)) == {"weights", "energy"}
    assert states.weights.dtype == jnp.float32 and states.energy.dtype == jnp.int32


@pytest.mark.quick
def test_sampler_refuses_a_move_of_other_weights():
    with pytest.raises(ValueError, match="GaussianMove: moves continuous weights, .* ising"):
        samplers.UnitBlock(samplers.GaussianMove()).check(small_problem("dense", "ising"))
