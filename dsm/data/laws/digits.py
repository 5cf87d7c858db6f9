"""Real inputs for online learning: scikit-learn's bundled 8x8 digits."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dsm._errors import require
from dsm.data._digits import IMAGES, PIXELS, load_digits
from dsm.data.laws._base import LAWS, AbstractLaw


@LAWS.register("digits")
class DigitsLaw(AbstractLaw):
    """The empirical law of the 1797 images: each input is one of them, drawn with replacement.

    Each pixel is centred, and all are divided by one number, so that E |x|**2 = N. The teacher has the same inputs; labels
    come from it, not from the digit classes. Test inputs are drawn from the same images.

    Attributes:
        width: N = 64, the pixels.
    """

    width: int = eqx.field(static=True, default=PIXELS)
    fixed_width: ClassVar[int | None] = PIXELS
    gaussian_fields: ClassVar[bool] = False

    def __check_init__(self) -> None:
        require(self.width == PIXELS, "width", self.width, f"{PIXELS}, the number of pixels of a digit")

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
        inputs = jnp.asarray(_images())[jax.random.randint(key, (number,), 0, IMAGES)]
        return inputs, inputs


def _images() -> Float[np.ndarray, "1797 64"]:
    """Centred and scaled, float32."""
    images = load_digits()[0]
    centred = images - images.mean(0)
    return (centred / np.sqrt(np.mean(centred**2))).astype(np.float32)
