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
