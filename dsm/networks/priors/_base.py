"""What a weight prior provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Key

from dsm._errors import ConfigError
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

    def overlap_gap(self, field: Float[Array, ""]) -> Float[Array, ""]:
        """1 - Q for weights that are seen through a Gaussian channel of strength `field` (signal-to-noise ratio e).

        Raises:
            ConfigError: the prior has no theory.
        """
        raise ConfigError(f"weights = {type(self).__name__.lower()}: there is no theory for this prior")

    def free_entropy(self, field: Float[Array, ""]) -> Float[Array, ""]:
        """Entropy of one weight at this Q(e), relative to the prior: the Legendre transform of the channel's free entropy.

        Raises:
            ConfigError: the prior has no theory.
        """
        raise ConfigError(f"weights = {type(self).__name__.lower()}: there is no theory for this prior")


PRIORS: Registry[AbstractPrior] = Registry("weight prior")
