"""CPU and GPU walk the same way, and so do all chain stages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import samplers
from helpers import assert_same_bits, small_problem, stage_of, unit_work


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
    device = jax.devices()[0]
    chain, _ = samplers.choose_chain("auto", samplers.Workload(move, 20, problem.inputs.shape[0], 16, device))
    fast = samplers.UnitBlock(move, 2, chain, samplers.choose_products("auto", move, device)[0])
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


@pytest.mark.gpu
@pytest.mark.parametrize(("patterns", "inner"), [(1, 3), (33, 1), (64, 1), (100, 2), (512, 1), (1000, 1), (5000, 1)])
@pytest.mark.parametrize("wiring", ["dense", "random"])
@pytest.mark.parametrize("move", [samplers.SpinFlip(), samplers.GaussianMove(0.3)])
def test_compiled_kernel_makes_the_same_moves(move, wiring, patterns, inner):
    """Given the same random numbers, bit for bit, at beta = inf, a finite one and 0: warps of every number."""
    width, fan_in = 20, 20 if wiring == "dense" else 7
    betas = (jnp.inf, 0.7, 0.0)
    with jax.default_device(jax.devices("gpu")[0]):
        work = jax.jit(lambda: unit_work(move, width, fan_in, patterns, inner, wiring, betas, chains=100))()
        expected = jax.jit(stage_of(samplers.PlainChain(), move, inner))(*work)
        for warps in (None, 1, 8) if patterns <= 1024 else (None,):  # one thread holds no 256 patterns
            found = jax.jit(stage_of(samplers.PallasChain(warps), move, inner))(*work)
            assert_same_bits(found, expected)


@pytest.mark.gpu
@pytest.mark.parametrize("wiring", ["dense", "random"])
@pytest.mark.parametrize("beta", [0.7, jnp.inf])
def test_compiled_kernel_walks_as_the_cpu_does(wiring, beta):
    """Whole sweeps of signs: the kernel on the card, the plain stage on the card and on the CPU."""
    problem = small_problem(wiring, "ising", width=20, depth=3, alpha=3.3)
    stages = [("gpu", samplers.PallasChain()), ("gpu", samplers.PlainChain()), ("cpu", samplers.PlainChain())]

    def walk(chain, keys):
        sampler = samplers.UnitBlock(samplers.SpinFlip(), 2, chain)

        def one(key):
            step = lambda t, state: sampler.step(jax.random.fold_in(key, t), state, problem, beta)[0]  # noqa: E731
            return jax.lax.fori_loop(0, 50, step, samplers.random_start(key, problem))

        return jax.vmap(one)(keys)

    found = []
    for kind, chain in stages:
        with jax.default_device(jax.devices(kind)[0]):
            keys = jax.random.split(jax.random.key(0), 64)
            found.append(jax.tree.map(np.asarray, jax.jit(lambda keys, chain=chain: walk(chain, keys))(keys)))
    assert_same_bits(found[1:], 2 * found[:1])
