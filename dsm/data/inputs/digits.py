"""Real inputs: scikit-learn's bundled 8x8 digits."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int8, Key

from dsm._errors import require
from dsm.data._digits import GREYS, IMAGES, PIXELS, load_digits
from dsm.data.inputs._base import INPUTS, AbstractInputs


@INPUTS.register("digits")
class Digits(AbstractInputs):
    """The 1797 images of 8x8 pixels (grey values 0 to 16), +1 where a pixel exceeds `threshold`, else -1.

    A sample splits the images at random, without overlap of train and test. Labels come from the teacher, not from
    the digit classes.

    Attributes:
        width: N = 64, the pixels.
        threshold: grey value above which a pixel is +1.
    """

    width: int = eqx.field(static=True, default=PIXELS)
    threshold: float = eqx.field(static=True, default=7.5)
    fixed_width: ClassVar[int | None] = PIXELS
    available: ClassVar[float] = IMAGES

    def __check_init__(self) -> None:
        require(self.width == PIXELS, "width", self.width, f"{PIXELS}, the number of pixels of a digit")
        require(0 <= self.threshold < GREYS, "threshold", self.threshold, f"at least 0 and below {GREYS}")

    def sample(self, key: Key[Array, ""], train: int, test: int) -> tuple[Int8[Array, "M N"], Int8[Array, "M_test N"]]:
        require(
            train + test <= IMAGES,
            "patterns",
            f"{train} train + {test} test",
            f"at most {IMAGES}, the digits there are",
        )
        images = jnp.asarray(np.where(load_digits()[0] > self.threshold, 1, -1).astype(np.int8))
        order = jax.random.permutation(key, IMAGES)
        return images[order[:train]], images[order[IMAGES - test :]]
