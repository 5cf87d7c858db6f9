"""The hinge loss."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.data.output_losses._base import OUTPUT_LOSSES, AbstractOutputLoss


@OUTPUT_LOSSES.register("hinge")
class Hinge(AbstractOutputLoss):
    """l = max(0, 1 - y f)."""

    def __call__(
        self, outputs: Float[Array, " P"], labels: Float[Array, " P"], temperature: Float[Array, ""]
    ) -> Float[Array, " P"]:
        return jnp.maximum(1 - labels * outputs, 0)
