"""The square loss of labels +1 and -1."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.theory.output_channels._base import OUTPUT_CHANNELS, AbstractOutputChannel

Scalar = Float[Array, ""]


@OUTPUT_CHANNELS.register("square")
class Square(AbstractOutputChannel):
    """l(u) = (1 - u)**2 / 2."""

    def value(self, margin: Scalar) -> Scalar:
        return (1 - margin) ** 2 / 2

    def log_partition(self, field: Scalar, variance: Scalar, beta: Scalar) -> Scalar:
        return -jnp.log1p(beta * variance) / 2 - self.envelope(field, variance, beta)

    def envelope(self, field: Scalar, variance: Scalar, weight: Scalar) -> Scalar:
        return weight * (1 - field) ** 2 / 2 / (1 + weight * variance)
