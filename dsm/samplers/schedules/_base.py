"""What an annealing schedule provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Int

from dsm._registry import Registry


class AbstractSchedule(eqx.Module):
    """Inverse temperature as a function of time."""

    #: True if the schedule interpolates, so that the target beta must be finite.
    needs_finite: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def beta(self, sweep: Int[Array, ""], target: Float[Array, ""]) -> Float[Array, ""]:
        """beta during sweep number `sweep` (from 0) of a run whose final value is `target`."""


SCHEDULES: Registry[AbstractSchedule] = Registry("schedule", AbstractSchedule)
