"""The perceptron loss, a hinge without a margin."""

from typing import ClassVar

from dsm.theory.output_channels._base import OUTPUT_CHANNELS
from dsm.theory.output_channels.hinge import Hinge


@OUTPUT_CHANNELS.register("perceptron")
class Perceptron(Hinge):
    """l(u) = max(0, -u)."""

    margin: ClassVar[float] = 0.0
    collapses: ClassVar[bool] = True
