"""What a schedule of learning rates provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from dsm._registry import Registry


class AbstractRate(eqx.Module):
    """The learning rate over epochs, as a fraction of that at the beginning."""

    @abc.abstractmethod
    def factor(self, epoch: Float[Array, ""], epochs: int) -> Float[Array, ""]:
        """What the learning rate is multiplied by at a time `epoch` (a number with fraction) of a run of `epochs`."""


RATES: Registry[AbstractRate] = Registry("learning rate schedule", AbstractRate)
