"""Down to zero along a cosine."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from dsm.training.rates._base import RATES, AbstractRate


@RATES.register("cosine")
class Cosine(AbstractRate):
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, arXiv:1608.03983)."""

    def factor(self, epoch: Float[Array, ""], epochs: int) -> Float[Array, ""]:
        return jnp.asarray(optax.schedules.cosine_decay_schedule(1.0, epochs)(epoch), epoch.dtype)
