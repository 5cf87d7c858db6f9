"""Systems at a temperature: what exchange Monte Carlo needs to know of a system."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Num

from dsm._system import AbstractSystem


class AtBeta(eqx.Module):
    """A problem, and the inverse temperature at which a chain works on it.

    Attributes:
        problem: what the chain learns from.
        beta: Float[Array, "*axes"], inverse temperature; inf is greedy.
    """

    problem: Any
    beta: Any  # 0 and None stand here where `dsm.driver.Axis.over` says what varies


class AbstractThermalSystem(AbstractSystem):
    """A chain whose steps leave prior(state) exp(-beta E(state)) invariant; its problem is an `AtBeta`."""

    @abc.abstractmethod
    def energy(self, state: Any) -> Num[Array, ""]:
        """E, integer or not, kept with the state."""
