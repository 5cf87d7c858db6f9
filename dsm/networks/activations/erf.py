"""The error function, for which all averages are closed (Saad and Solla, Phys. Rev. E 52, 4225, 1995)."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dsm.networks.activations._arcsin import arcsin, arcsin_excess
from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation, from_upper


@ACTIVATIONS.register("erf")
class Erf(AbstractActivation):
    """g(x) = erf(x / sqrt 2)."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jax.lax.erf(x * 0.5**0.5)

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return (2 / jnp.pi) ** 0.5 * jnp.exp(-(x**2) / 2)

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        widths = 1 + jnp.diag(covariance)
        return 2 / jnp.pi * arcsin(covariance / jnp.sqrt(widths[:, None] * widths[None, :]))

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return 2 / jnp.pi / jnp.sqrt(_determinants(covariance))

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return self.slope_slope(covariance) * covariance / (1 + jnp.diag(covariance))[:, None]

    def slope_slope_error(
        self, covariance: Float[Array, "P P"], outputs: Float[Array, " P"], students: int
    ) -> Float[Array, "K K"]:
        # Weighing with g' g' leaves the other fields Gaussian, with the covariance `within`; each average is then an I2.
        i, k = np.triu_indices(students)
        widths = 1 + jnp.diag(covariance)
        wide_i, wide_k, between = widths[i][:, None], widths[k][:, None], covariance[i, k][:, None]
        determinant = wide_i * wide_k - between**2
        to_i, to_k = covariance[i], covariance[k]
        on_i = (wide_k * to_i - between * to_k) / determinant
        on_k = (wide_i * to_k - between * to_i) / determinant
        root = 1 / jnp.sqrt(widths[None, :] - on_i * to_i - on_k * to_k)
        explained = on_i[:, :, None] * to_i[:, None, :] + on_k[:, :, None] * to_k[:, None, :]
        within = (covariance[None] - explained) * root[:, :, None] * root[:, None, :]
        summed = jnp.sum(arcsin(within) * (outputs[:, None] * outputs[None, :])[None], axis=(1, 2))
        return from_upper(4 / jnp.pi**2 / jnp.sqrt(determinant[:, 0]) * summed, students)

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.sqrt(2 / jnp.pi / (1 + variance))

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.zeros_like(variance)

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        return 2 / jnp.pi * arcsin_excess(covariance / jnp.sqrt((1 + first) * (1 + second)))

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return self.remainder(variance, variance, variance)

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        root = jnp.sqrt(1 + 2 * variance)
        return 2 / jnp.pi * variance**2 / (1 + variance) / root / (1 + variance + root)

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return 2 / jnp.pi * variance * (1 + 2 * variance) ** -1.5


def _determinants(covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
    """Determinants of 1 + C for all pairs."""
    widths = 1 + jnp.diag(covariance)
    return widths[:, None] * widths[None, :] - covariance**2
