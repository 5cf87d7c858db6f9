"""Unstructured inputs."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from dsm._errors import require
from dsm._random import draw_flat, stream
from dsm.data.datasets._base import DATASETS, AbstractDataset, Examples
from dsm.networks import DeepNetwork


@DATASETS.register("gaussian")
class Gaussian(AbstractDataset):
    """Independent normal components of mean zero.

    Attributes:
        width: N, number of inputs.
        std: their standard deviation.
    """

    width: int = eqx.field(static=True)
    std: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        require(0 < self.std < float("inf"), "std", self.std, "positive and finite")

    def test(self, key: Key[Array, ""], number: int) -> Examples:
        return self._draw(stream(key, "test"), number)

    def train(self, key: Key[Array, ""], number: int, teacher: DeepNetwork) -> Examples:
        return self._draw(stream(key, "train"), number)

    def _draw(self, key: Key[Array, ""], number: int) -> Examples:
        return Examples(self.std * draw_flat(jax.random.normal, key, (number, self.width), jnp.float32))
