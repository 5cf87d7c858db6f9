"""The identity."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation


@ACTIVATIONS.register("linear")
class Linear(AbstractActivation):
    """g(x) = x."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return x

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return covariance

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return jnp.ones_like(covariance)

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return covariance

    def slope_slope_error(
        self, covariance: Float[Array, "P P"], outputs: Float[Array, " P"], students: int
    ) -> Float[Array, "K K"]:
        return jnp.full((students, students), outputs @ covariance @ outputs)

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.ones_like(variance)

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        return jnp.zeros_like(covariance)

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)
