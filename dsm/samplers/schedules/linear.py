"""Annealing at a constant rate in beta."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from dsm._errors import is_integer, require
from dsm.samplers.schedules._base import SCHEDULES, AbstractSchedule


@SCHEDULES.register("linear")
class Linear(AbstractSchedule):
    """From `start` to the target in `sweeps` sweeps, then constant.

    Attributes:
        sweeps: length of the ramp.
        start: first beta.
    """

    sweeps: int = eqx.field(static=True)
    start: float = eqx.field(static=True, default=0.0)
    needs_finite: ClassVar[bool] = True

    def __check_init__(self) -> None:
        require(is_integer(self.sweeps) and self.sweeps >= 1, "sweeps", self.sweeps, "an integer >= 1")
        require(0 <= self.start < float("inf"), "start", self.start, "finite and not negative")

    def beta(self, sweep: Int[Array, ""], target: Float[Array, ""]) -> Float[Array, ""]:
        done = jnp.minimum(sweep.astype(jnp.float32) / self.sweeps, 1)
        return self.start + (target - self.start) * done
