"""What the start of a deep student provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Key

from dsm._registry import Registry
from dsm.networks import DeepNetwork


class AbstractNetworkStart(eqx.Module):
    """A law of students at t = 0."""

    def check(self, multi: int) -> None:
        """Refuse students with `multi` times as many hidden units as their teacher, if the start has none.

        Raises:
            ConfigError: naming the option, its value and what is legal.
        """

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], widths: tuple[int, ...], teacher: DeepNetwork) -> DeepNetwork:
        """A student of these widths, for this teacher; float32."""


NETWORK_STARTS: Registry[AbstractNetworkStart] = Registry("start of deep networks", AbstractNetworkStart)
