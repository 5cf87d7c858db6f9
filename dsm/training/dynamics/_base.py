"""What a dynamics provides."""

import abc
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._registry import Registry
from dsm._system import Record
from dsm._variables import Variable


class Landscape(NamedTuple):
    """Where a student moves.

    Attributes:
        energy: E, a differentiable function of the weights.
        temperature: T.
        lr: learning rate.
    """

    energy: Callable[[Array], Float[Array, ""]]
    temperature: Float[Array, ""]
    lr: Float[Array, ""]

    def gradient(self, weights: Float[Array, "K N"]) -> Float[Array, "K N"]:
        """dE / dw."""
        return jax.grad(self.energy)(weights)

    def log_density(self, weights: Float[Array, "K N"]) -> Float[Array, ""]:
        """-E / T."""
        return -self.energy(weights) / self.temperature


class AbstractDynamics(eqx.Module):
    """A rule of one step. What it keeps from step to step, besides the weights, is its memory."""

    #: Whether it samples exp(-E / T) exactly, by accepting or rejecting moves: it needs T > 0, and weights that are free.
    exact: ClassVar[bool] = False
    #: Whether it takes any notice of a temperature.
    thermal: ClassVar[bool] = True
    #: What is averaged over the steps between two records, described.
    variables: ClassVar[dict[str, Variable]] = {}

    @property
    def burn_in(self) -> int:
        """Steps at the beginning in which the rule is still changed, such as the size of a step."""
        return 0

    @abc.abstractmethod
    def begin(self, weights: Float[Array, "K N"], landscape: Landscape) -> PyTree:
        """The memory at t = 0."""

    @abc.abstractmethod
    def step(
        self,
        key: Key[Array, ""],
        t: Int[Array, ""],
        weights: Float[Array, "K N"],
        memory: PyTree,
        landscape: Landscape,
    ) -> tuple[Float[Array, "K N"], PyTree, Record]:
        """Weights and memory after the step, and the values of its `variables`."""


DYNAMICS: Registry[AbstractDynamics] = Registry("dynamics", AbstractDynamics)
