"""What a loss provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Shaped

from dsm._registry import Registry


class AbstractLoss(eqx.Module):
    """A loss of each pattern of a batch. Training follows the gradient of its mean."""

    #: True if targets are classes, int32 [P]; else they are outputs, float32 [P, C].
    classifies: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def recorded(self, mean: Float[Array, ""], outputs: int) -> Float[Array, ""]:
        """The number that is recorded, from the mean over patterns, for so many outputs: the squared error, mean over
        patterns and outputs; or the cross entropy in nats."""

    @abc.abstractmethod
    def __call__(self, outputs: Float[Array, "P C"], targets: Shaped[Array, "P *C"]) -> Float[Array, " P"]:
        """The loss of each pattern."""


LOSSES: Registry[AbstractLoss] = Registry("loss", AbstractLoss)
