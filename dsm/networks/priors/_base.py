"""What a weight prior provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Key

from dsm._registry import Registry


class AbstractPrior(eqx.Module):
    """Reference measure of the weights of one unit; rows are independent."""

    #: True if weights take a continuum of values (up to the lattice), False if they are signs.
    continuous: eqx.AbstractClassVar[bool]

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Independent rows of weights, float32; the last axis of `shape` runs over the inputs of a unit."""

    @abc.abstractmethod
    def normalise(self, weights: Float[Array, "... c"]) -> Float[Array, "... c"]:
        """The same directions with sum_k J_k**2 = c."""

    @abc.abstractmethod
    def gap(self, field: Float[Array, ""]) -> Float[Array, ""]:
        """1 - Q for weights that are seen through a Gaussian channel of strength `field` (signal-to-noise ratio e)."""

    @abc.abstractmethod
    def free_entropy(self, field: Float[Array, ""]) -> Float[Array, ""]:
        """Free entropy of one weight in that channel less e (1 + Q)/2; 0 at e = 0. Its saddle point in e gives Q."""


PRIORS: Registry[AbstractPrior] = Registry("weight prior")
