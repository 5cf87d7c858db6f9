"""No change."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.training.rates._base import RATES, AbstractRate


@RATES.register("constant")
class Constant(AbstractRate):
    """The same learning rate throughout."""

    def factor(self, epoch: Float[Array, ""], epochs: int) -> Float[Array, ""]:
        return jnp.ones_like(epoch)
