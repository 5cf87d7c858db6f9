"""What the start of a narrow student provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Key

from dsm._registry import Registry


class AbstractNarrowStart(eqx.Module):
    """A law of the weights at t = 0."""

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], teacher: Float[Array, "K N"]) -> Float[Array, "K N"]:
        """Weights of a student of the teacher with these weights; float32."""


NARROW_STARTS: Registry[AbstractNarrowStart] = Registry("start of narrow networks", AbstractNarrowStart)
