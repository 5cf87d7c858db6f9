"""Steps at given epochs."""

from typing import Any

import equinox as eqx
import optax
from jaxtyping import Array, Float

from dsm._errors import is_integer, require
from dsm.training.rates._base import RATES, AbstractRate


@RATES.register("steps")
class Steps(AbstractRate):
    """The learning rate is multiplied by each of `factors` when the epoch of the same place begins.

    Attributes:
        epochs: list of epochs >= 1, rising.
        factors: list of positive numbers, as many.
    """

    epochs: Any = eqx.field(static=True)
    factors: Any = eqx.field(static=True)

    def __check_init__(self) -> None:
        epochs, factors = self._lists()
        rising = all(is_integer(epoch) and epoch >= 1 for epoch in epochs) and epochs == sorted(set(epochs))
        require(rising, "epochs", self.epochs, "a rising list of integers >= 1")
        numbers = all(isinstance(factor, (int, float)) and factor > 0 for factor in factors)
        require(numbers and len(factors) == len(epochs), "factors", self.factors, f"{len(epochs)} positive numbers")

    def factor(self, epoch: Float[Array, ""], epochs: int) -> Float[Array, ""]:
        changes = dict(zip(*self._lists(), strict=True))
        return optax.schedules.piecewise_constant_schedule(1.0, changes)(epoch).astype(epoch.dtype)

    def _lists(self) -> tuple[list, list]:
        listed = [list(value) if isinstance(value, (list, tuple)) else [value] for value in (self.epochs, self.factors)]
        return listed[0], listed[1]
