"""Langevin dynamics in discrete time."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._random import draw_flat
from dsm._system import Record
from dsm.training.dynamics._base import DYNAMICS, AbstractDynamics, Landscape


@DYNAMICS.register("langevin")
class Langevin(AbstractDynamics):
    """w <- w - lr grad E(w) + sqrt(2 T lr) N(0, 1), without acceptance (arXiv:2507.00629); gradient descent at T = 0.

    The stationary law differs from exp(-E / T) by a bias of order lr: along a direction of curvature h it has the variance
    T / (h (1 - lr h / 2)) in place of T / h, and from lr = 2 / h on there is none. `mala` and `hmc` have no such bias.
    """

    def begin(self, weights: Float[Array, "K N"], landscape: Landscape) -> PyTree:
        return None

    def step(
        self,
        key: Key[Array, ""],
        t: Int[Array, ""],
        weights: Float[Array, "K N"],
        memory: PyTree,
        landscape: Landscape,
    ) -> tuple[Float[Array, "K N"], PyTree, Record]:
        noise = draw_flat(jax.random.normal, key, weights.shape, jnp.float32)
        scale = jnp.sqrt(2 * landscape.temperature * landscape.lr)
        return weights - landscape.lr * landscape.gradient(weights) + scale * noise, memory, {}
