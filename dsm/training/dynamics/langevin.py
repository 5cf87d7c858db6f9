"""Langevin dynamics in discrete time."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._random import draw_flat
from dsm._system import Record
from dsm._variables import Variable
from dsm.training.dynamics._base import DYNAMICS, AbstractDynamics, Landscape


@DYNAMICS.register("langevin")
class Langevin(AbstractDynamics):
    """w <- w - lr grad E(w) + sqrt(2 T lr) N(0, 1), without acceptance (arXiv:2507.00629); gradient descent at T = 0.

    The stationary law differs from exp(-E / T) by a bias of order lr: along a direction of curvature h it has the variance
    T / (h (1 - lr h / 2)) in place of T / h, and from lr = 2 / h on there is none. `mala` and `hmc` have no such bias.

    How large it is, is recorded. For exp(-E / T) the virial <w.grad E> / (K N T) is 1. The mean square of the weights is the
    same before and after a step in the stationary state, which makes the virial of this dynamics larger than 1 by
    lr <|grad E|**2> / (2 K N T), whatever E is.
    """

    variables: ClassVar[dict[str, Variable]] = {
        "virial_excess": Variable(
            (),
            "bias of the step in a stationary state: excess of w.grad E / (K N T) over 1, lr |grad E|**2 / (2 K N T)",
            label="bias of the virial",
            draws="",
        )
    }

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
        noise, gradient = draw_flat(jax.random.normal, key, weights.shape, jnp.float32), landscape.gradient(weights)
        scale = jnp.sqrt(2 * landscape.temperature * landscape.lr)
        excess = landscape.lr * (gradient**2).sum() / (2 * landscape.temperature * weights.size)
        info = {"virial_excess": jnp.where(landscape.temperature > 0, excess, jnp.nan)}
        return weights - landscape.lr * gradient + scale * noise, memory, info
