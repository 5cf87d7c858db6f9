"""The sign."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks._signs import sign_pm
from dsm.networks.activations._arcsin import arcsin, arcsin_excess
from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation


@ACTIVATIONS.register("sign")
class Sign(AbstractActivation):
    """g(x) = sgn(x), g(0) = +1. Its slope is zero, as gradient learning sees it: gradients move no student of such units."""

    sloped: ClassVar[bool] = False

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return sign_pm(x)

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.zeros_like(x)

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        root = jnp.sqrt(jnp.diag(covariance))
        both = root[:, None] * root[None, :]
        inside = jnp.clip(covariance / jnp.where(both > 0, both, 1), -1, 1)
        there = (both > 0) | (root[:, None] == root[None, :])  # g(0) = 1 is independent of every other field
        return jnp.where(there, jnp.where(both > 0, 2 / jnp.pi * arcsin(inside), 1), 0)

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return jnp.zeros_like(covariance)

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return jnp.zeros_like(covariance)

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
