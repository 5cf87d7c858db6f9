"""The squared error, mean over outputs."""

from typing import ClassVar

from jaxtyping import Array, Float

from dsm.data.losses._base import LOSSES, AbstractLoss


@LOSSES.register("mean_square")
class MeanSquare(AbstractLoss):
    """sum_c (f_c - y_c)**2 / C, as in the deep runs of arXiv:1909.13458."""

    classifies: ClassVar[bool] = False

    def __call__(self, outputs: Float[Array, "P C"], targets: Float[Array, "P C"]) -> Float[Array, " P"]:
        return ((outputs - targets) ** 2).mean(1)

    def recorded(self, mean: Float[Array, ""], outputs: int) -> Float[Array, ""]:
        return mean
