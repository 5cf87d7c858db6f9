"""What a loss of one real output provides."""

import abc
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from dsm._registry import Registry


class AbstractOutputLoss(eqx.Module):
    """A loss l(y, f) of each pattern. The energy of a student is its sum over patterns, not the mean."""

    #: Whether labels must be +1 and -1; else they may be any numbers.
    classifies: ClassVar[bool] = True
    #: Whether it needs a positive temperature.
    thermal: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(
        self, outputs: Float[Array, " P"], labels: Float[Array, " P"], temperature: Float[Array, ""]
    ) -> Float[Array, " P"]:
        """The loss of each pattern; most do not depend on the temperature."""


OUTPUT_LOSSES: Registry[AbstractOutputLoss] = Registry("loss of one output", AbstractOutputLoss)
