"""Cross entropy with classes."""

from typing import ClassVar

import optax
from jaxtyping import Array, Float, Int

from dsm.data.losses._base import LOSSES, AbstractLoss


@LOSSES.register("cross_entropy")
class CrossEntropy(AbstractLoss):
    """-ln softmax(f)_y in nats; y is the digit of an image, or the teacher's largest output."""

    classifies: ClassVar[bool] = True

    def __call__(self, outputs: Float[Array, "P C"], targets: Int[Array, " P"]) -> Float[Array, " P"]:
        return optax.losses.softmax_cross_entropy_with_integer_labels(outputs, targets)

    def recorded(self, mean: Float[Array, ""], outputs: int) -> Float[Array, ""]:
        return mean
