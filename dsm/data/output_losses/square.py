"""Half the squared error."""

from typing import ClassVar

from jaxtyping import Array, Float

from dsm.data.output_losses._base import OUTPUT_LOSSES, AbstractOutputLoss


@OUTPUT_LOSSES.register("square")
class Square(AbstractOutputLoss):
    """l = (y - f)**2 / 2, for regression and for labels +1 and -1."""

    classifies: ClassVar[bool] = False

    def __call__(
        self, outputs: Float[Array, " P"], labels: Float[Array, " P"], temperature: Float[Array, ""]
    ) -> Float[Array, " P"]:
        return (outputs - labels) ** 2 / 2
