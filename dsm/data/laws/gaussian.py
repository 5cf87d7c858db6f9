"""Unstructured inputs."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._random import draw_flat
from dsm.data.laws._base import LAWS, AbstractLaw


@LAWS.register("gaussian")
class GaussianLaw(AbstractLaw):
    """Independent standard normal components; the teacher has the same inputs.

    Attributes:
        width: N, number of inputs.
    """

    width: int = eqx.field(static=True)
    gaussian_fields: ClassVar[bool] = True

    @property
    def teacher_width(self) -> int:
        return self.width

    @property
    def disorder_size(self) -> int:
        return 0

    def disorder(self, key: Key[Array, ""]) -> None:
        return None

    def draw(
        self, key: Key[Array, ""], disorder: None, number: int
    ) -> tuple[Float[Array, "n N"], Float[Array, "n N_teacher"]]:
        inputs = draw_flat(jax.random.normal, key, (number, self.width), jnp.float32)
        return inputs, inputs
