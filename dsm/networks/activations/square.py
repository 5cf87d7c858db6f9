"""The square."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation


@ACTIVATIONS.register("square")
class Square(AbstractActivation):
    """g(x) = x**2. Averages over two fields follow from Wick's theorem."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return x**2

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return 2 * x

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        variance = jnp.diag(covariance)
        return variance[:, None] * variance[None, :] + 2 * covariance**2

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return 4 * covariance

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return 2 * self.value_value(covariance)  # g'(x) x = 2 g(x)

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, 2.0)

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        return 2 * covariance**2

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return 2 * variance**2

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return 4 * variance

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, 4.0)
