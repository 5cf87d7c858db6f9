"""The logistic loss."""

import jax
from jaxtyping import Array, Float

from dsm.theory.output_channels._base import OUTPUT_CHANNELS, AbstractOutputChannel


@OUTPUT_CHANNELS.register("logistic")
class Logistic(AbstractOutputChannel):
    """l(u) = log(1 + exp(-u))."""

    def value(self, margin: Float[Array, ""]) -> Float[Array, ""]:
        return jax.nn.softplus(-margin)
