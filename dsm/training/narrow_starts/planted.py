"""The teacher with noise."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._errors import require
from dsm._random import draw_flat
from dsm.training.narrow_starts._base import NARROW_STARTS, AbstractNarrowStart


@NARROW_STARTS.register("planted")
class Planted(AbstractNarrowStart):
    """w = w* + distance N(0, 1).

    Attributes:
        distance: standard deviation of the noise.
    """

    distance: float = eqx.field(static=True, default=0.7)

    def __check_init__(self) -> None:
        require(0 <= self.distance < float("inf"), "distance", self.distance, "finite and not negative")

    def draw(self, key: Key[Array, ""], teacher: Float[Array, "K N"]) -> Float[Array, "K N"]:
        return teacher + self.distance * draw_flat(jax.random.normal, key, teacher.shape, jnp.float32)
