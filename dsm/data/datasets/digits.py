"""Real inputs: scikit-learn's bundled 8x8 digits."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from dsm._errors import require
from dsm._random import stream
from dsm.data import _digits
from dsm.data.datasets._base import DATASETS, AbstractDataset, Examples
from dsm.networks import DeepNetwork


@DATASETS.register("digits")
class Digits(AbstractDataset):
    """The 1797 images of 8x8 pixels, shifted and scaled to mean 0 and standard deviation `std` over all pixels, with the
    digits as true classes. A sample splits the images at random, without overlap of train and test.

    Attributes:
        width: N = 64, the pixels.
        std: standard deviation of the inputs.
    """

    width: int = eqx.field(static=True, default=_digits.PIXELS)
    std: float = eqx.field(static=True, default=1.0)
    fixed_width: ClassVar[int | None] = _digits.PIXELS
    available: ClassVar[float] = _digits.IMAGES
    classes: ClassVar[int] = _digits.CLASSES

    def __check_init__(self) -> None:
        legal = f"{_digits.PIXELS}, the number of pixels of a digit"
        require(self.width == _digits.PIXELS, "width", self.width, legal)
        require(0 < self.std < float("inf"), "std", self.std, "positive and finite")

    def test(self, key: Key[Array, ""], number: int) -> Examples:
        return self._chosen(self._order(key)[_digits.IMAGES - number :])

    def train(self, key: Key[Array, ""], number: int, teacher: DeepNetwork) -> Examples:
        return self._chosen(self._order(key)[:number])

    def _order(self, key: Key[Array, ""]) -> Int[Array, " images"]:
        return jax.random.permutation(stream(key, "images"), jnp.arange(_digits.IMAGES, dtype=jnp.int32))

    def _chosen(self, images: Int[Array, " P"]) -> Examples:
        pixels, digits = _digits.load_digits()
        scaled = self.std * (pixels - pixels.mean()) / pixels.std()
        return Examples(jnp.asarray(scaled, jnp.float32)[images], jnp.asarray(digits, jnp.int32)[images])
