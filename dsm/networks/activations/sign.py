"""The sign: a function for theory, since nothing can be learnt from a slope of zero."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations._arcsin import arcsin_excess
from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation


@ACTIVATIONS.register("sign")
class Sign(AbstractActivation):
    """g(x) = sign(x)."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.sign(x)

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.zeros_like(x)

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.sqrt(2 / jnp.pi / variance)

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        return 2 / jnp.pi * arcsin_excess(covariance / jnp.sqrt(first * second))

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, 1 - 2 / jnp.pi)

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, jnp.inf)

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, jnp.inf)
