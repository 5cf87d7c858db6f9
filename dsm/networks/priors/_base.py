"""What a weight prior provides."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Key

from dsm._registry import Registry

KEY = "network.weights"


class AbstractPrior(eqx.Module):
    """The law of the weights of one unit; rows are independent. Theory: `dsm.theory.weight_channels`."""

    #: True if weights take a continuum of values (up to the lattice), False if they are signs.
    continuous: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Independent rows of weights, float32; the last axis of `shape` runs over the inputs of a unit."""

    @abc.abstractmethod
    def normalise(self, weights: Float[Array, "... c"]) -> Float[Array, "... c"]:
        """The same directions with sum_k J_k**2 = c."""


def make_prior(name: Any, key: str = KEY) -> AbstractPrior:
    """The prior of this name; `key` is the setting that it came from.

    Raises:
        ConfigError: no such prior, or one that cannot be made without more.
    """
    return PRIORS.plain(name, key)


PRIORS: Registry[AbstractPrior] = Registry("weight prior", AbstractPrior)
