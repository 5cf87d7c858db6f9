"""What the theory needs of a weight prior: how well one weight is known through a Gaussian channel."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from dsm._errors import ConfigError
from dsm._registry import Registry
from dsm.networks import PRIORS


class AbstractWeightChannel(eqx.Module):
    """A weight J drawn from the prior, E J**2 = 1, and observed as e J + sqrt(e) z with z ~ N(0, 1).

    e is the signal-to-noise ratio. On the Nishimori line Q = E <J>**2, with <J> the posterior mean, is at once the overlap
    of teacher and student and that of two students.
    """

    @abc.abstractmethod
    def overlap_gap(self, field: Float[Array, ""]) -> Float[Array, ""]:
        """1 - Q at e = `field` >= 0, without subtracting from 1 where Q is near it."""

    @abc.abstractmethod
    def free_entropy(self, field: Float[Array, ""]) -> Float[Array, ""]:
        """Entropy of one weight at this Q(e) relative to the prior, in nats: F(e) - e Q / 2, with F(e) the free entropy of
        the channel and dF/de = Q / 2. It is 0 at e = 0 and falls with e."""


WEIGHT_CHANNELS: Registry[AbstractWeightChannel] = Registry("weight prior", AbstractWeightChannel)


def make_weight_channel(weights: Any) -> AbstractWeightChannel:
    """The channel of the weight prior called `weights`.

    Raises:
        ConfigError: no such prior, or one without theory.
    """
    PRIORS.get(weights, "weights")
    if weights not in WEIGHT_CHANNELS.names:
        raise ConfigError(f"weights = {weights}: there is no theory for this prior")
    return WEIGHT_CHANNELS.get(weights)()
