"""The hinge loss."""

from typing import ClassVar

import jax.numpy as jnp
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Float

from dsm.theory.output_channels._base import OUTPUT_CHANNELS, AbstractOutputChannel

Scalar = Float[Array, ""]


@OUTPUT_CHANNELS.register("hinge")
class Hinge(AbstractOutputChannel):
    """l(u) = max(0, margin - u), margin = 1."""

    margin: ClassVar[float] = 1.0

    def value(self, margin: Scalar) -> Scalar:
        return jnp.maximum(self.margin - margin, 0)

    def kinks(self, variance: Scalar, beta: Scalar) -> Float[Array, " kinks"]:
        return jnp.stack([self.margin - beta * variance, jnp.full_like(variance, self.margin)])

    def log_partition(self, field: Scalar, variance: Scalar, beta: Scalar) -> Scalar:
        width = jnp.sqrt(variance)
        missing = self.margin - field
        right = log_ndtr(-missing / width)
        wrong = -beta * missing + beta**2 * variance / 2 + log_ndtr(missing / width - beta * width)
        return jnp.logaddexp(right, wrong)

    def envelope(self, field: Scalar, variance: Scalar, weight: Scalar) -> Scalar:
        missing = jnp.maximum(self.margin - field, 0)
        strength = weight * variance
        return jnp.where(missing > strength, weight * (missing - strength / 2), missing**2 / (2 * variance))
