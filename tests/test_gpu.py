"""CPU and GPU walk the same way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import samplers
from helpers import small_problem


@pytest.mark.gpu
@pytest.mark.parametrize("wiring", ["dense", "random"])
@pytest.mark.parametrize("beta", [0.7, jnp.inf])
def test_ising_trajectories_are_identical(wiring, beta):
    problem = small_problem(wiring, "ising", width=20, depth=4, alpha=5.0)
    sampler = samplers.UnitBlock(samplers.SpinFlip())

    def walk(keys):
        def one(key):
            step = lambda t, state: sampler.step(jax.random.fold_in(key, t), state, problem, beta)[0]  # noqa: E731
            return jax.lax.fori_loop(0, 50, step, samplers.random_start(key, problem))

        return jax.vmap(one)(keys)

    found = []
    for kind in ("cpu", "gpu"):
        with jax.default_device(jax.devices(kind)[0]):
            found.append(jax.tree.map(np.asarray, jax.jit(walk)(jax.random.split(jax.random.key(0), 32))))
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
    np.testing.assert_array_equal(found[0].energy, found[1].energy)


@pytest.mark.gpu
@pytest.mark.parametrize("weights", ["ising", "spherical"])
@pytest.mark.parametrize("wiring", ["dense", "random"])
def test_fast_stages_walk_as_the_plain_ones_do(weights, wiring):
    """What `auto` takes on this card, beside the plain stages on it. (Gaussian numbers of a CPU differ in the last bit.)"""
    move = samplers.SpinFlip() if weights == "ising" else samplers.GaussianMove(0.3)
    problem = small_problem(wiring, weights, width=20, depth=3, alpha=3.3)
    fast = samplers.UnitBlock(move, 2, samplers.choose_chain("auto", move), samplers.choose_products("auto", move))
    assert samplers.CHAINS.name(fast.chain) != "plain" and samplers.PRODUCTS.name(fast.products) != "plain"
    plain, other = (walked(sampler, problem) for sampler in (samplers.UnitBlock(move, 2), fast))
    np.testing.assert_array_equal(plain.weights, other.weights)
    np.testing.assert_array_equal(plain.energy, other.energy)


def walked(sampler, problem):
    """20 sweeps of 16 students at beta = 1."""

    def one(key):
        def step(t, state):
            return sampler.step(jax.random.fold_in(key, t), state, problem, jnp.float32(1.0))[0]

        return jax.lax.fori_loop(0, 20, step, samplers.random_start(key, problem))

    return jax.device_get(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 16)))
