"""Stochastic gradient descent."""

import equinox as eqx
import optax

from dsm._errors import require
from dsm.training.optimisers._base import OPTIMISERS, AbstractOptimiser


@OPTIMISERS.register("sgd")
class SGD(AbstractOptimiser):
    """m <- momentum m + gradient, and w <- w - lr m.

    Attributes:
        momentum: from 0 to below 1.
    """

    momentum: float = eqx.field(static=True, default=0.0)

    def __check_init__(self) -> None:
        require(0 <= self.momentum < 1, "momentum", self.momentum, "at least 0 and below 1")

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(self.momentum) if self.momentum else optax.identity()
