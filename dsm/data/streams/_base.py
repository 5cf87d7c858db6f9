"""What a stream of inputs provides."""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Key, PyTree

from dsm._registry import Registry


class AbstractStream(eqx.Module):
    """A law of real inputs, from which any number of fresh ones can be drawn."""

    width: eqx.AbstractVar[int]

    @property
    @abc.abstractmethod
    def teacher_width(self) -> int:
        """Dimension of what the teacher sees."""

    @abc.abstractmethod
    def disorder(self, key: Key[Array, ""]) -> PyTree:
        """What the law itself draws once for all inputs, such as the features of a hidden manifold; float32."""

    @abc.abstractmethod
    def draw(
        self, key: Key[Array, ""], disorder: PyTree, number: int
    ) -> tuple[Float[Array, "n N"], Float[Array, "n N_teacher"]]:
        """`number` fresh inputs and what the teacher sees of each, float32."""


STREAMS: Registry[AbstractStream] = Registry("input stream")
