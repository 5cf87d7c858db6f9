"""Continuous weights of irrelevant length."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._random import draw_flat
from dsm.networks._lattice import to_lattice
from dsm.networks.priors._base import PRIORS, AbstractPrior


@PRIORS.register("spherical")
class Spherical(AbstractPrior):
    """Uniform directions on the sphere sum_k J_k**2 = c, represented by independent N(0, 1) weights.

    A sign unit does not see the length of its row, so Gaussian rows whose observables are taken after `normalise` are
    exactly the spherical model. The length is kept as it was drawn: only the joint law of length and direction is
    invariant under moves that preserve the Gaussian.
    """

    continuous: ClassVar[bool] = True

    def sample(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return to_lattice(draw_flat(jax.random.normal, key, shape, jnp.float32), shape[-1])

    def normalise(self, weights: Float[Array, "... c"]) -> Float[Array, "... c"]:
        square = jnp.mean(weights**2, axis=-1, keepdims=True)
        return weights * jnp.where(square > 0, jnp.maximum(square, 1e-30) ** -0.5, 0)
