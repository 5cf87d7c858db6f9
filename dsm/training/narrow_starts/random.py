"""Normal weights."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._errors import require
from dsm._random import draw_flat
from dsm.training.narrow_starts._base import NARROW_STARTS, AbstractNarrowStart


@NARROW_STARTS.register("random")
class Random(AbstractNarrowStart):
    """Independent normal weights.

    Attributes:
        std: standard deviation of the weights.
    """

    std: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        require(0 < self.std < float("inf"), "std", self.std, "positive and finite")

    def draw(self, key: Key[Array, ""], teacher: Float[Array, "K N"]) -> Float[Array, "K N"]:
        return self.std * draw_flat(jax.random.normal, key, teacher.shape, jnp.float32)
