"""The logistic loss."""

import jax
from jaxtyping import Array, Float

from dsm.data.output_losses._base import OUTPUT_LOSSES, AbstractOutputLoss


@OUTPUT_LOSSES.register("logistic")
class Logistic(AbstractOutputLoss):
    """l = log(1 + exp(-y f))."""

    def __call__(
        self, outputs: Float[Array, " P"], labels: Float[Array, " P"], temperature: Float[Array, ""]
    ) -> Float[Array, " P"]:
        return jax.nn.softplus(-labels * outputs)
