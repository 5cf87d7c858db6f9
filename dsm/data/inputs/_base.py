"""What an input ensemble provides."""

import abc
import math
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Int8, Key

from dsm._registry import Registry


class AbstractInputs(eqx.Module):
    """A law of input patterns: vectors of `width` signs."""

    width: eqx.AbstractVar[int]

    #: The only possible width, if the inputs prescribe it: the network's then follows.
    fixed_width: ClassVar[int | None] = None
    #: Patterns there are, training and test together.
    available: ClassVar[float] = math.inf

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""], train: int, test: int) -> tuple[Int8[Array, "M N"], Int8[Array, "M_test N"]]:
        """One disorder sample: `train` training and `test` fresh patterns of the same law.

        What the law itself draws at random (the features of a hidden manifold) is shared by both sets. The training
        set does not depend on `test`.

        Raises:
            ConfigError: the ensemble cannot give so many patterns.
        """


INPUTS: Registry[AbstractInputs] = Registry("input ensemble")
