"""Half the squared error, summed over outputs."""

from typing import ClassVar

from jaxtyping import Array, Float

from dsm.data.losses._base import LOSSES, AbstractLoss


@LOSSES.register("half_square")
class HalfSquare(AbstractLoss):
    """sum_c (f_c - y_c)**2 / 2, as in the two-layer runs of arXiv:1909.13458 and in online SGD."""

    classifies: ClassVar[bool] = False

    def __call__(self, outputs: Float[Array, "P C"], targets: Float[Array, "P C"]) -> Float[Array, " P"]:
        return ((outputs - targets) ** 2).sum(1) / 2

    def recorded(self, mean: Float[Array, ""], outputs: int) -> Float[Array, ""]:
        return 2 * mean / outputs
