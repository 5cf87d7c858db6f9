"""The perceptron loss."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.data.output_losses._base import OUTPUT_LOSSES, AbstractOutputLoss


@OUTPUT_LOSSES.register("perceptron")
class Perceptron(AbstractOutputLoss):
    """l = max(0, -y f) / 2: half of |f| where the sign is wrong (arXiv:2507.00629)."""

    def __call__(
        self, outputs: Float[Array, " P"], labels: Float[Array, " P"], temperature: Float[Array, ""]
    ) -> Float[Array, " P"]:
        return jnp.maximum(-labels * outputs, 0) / 2
