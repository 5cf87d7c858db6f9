"""What a law of inputs provides."""

import abc
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, Key, PyTree

from dsm._registry import Registry


class AbstractLaw(eqx.Module):
    """A law of real inputs, from which any number of fresh ones can be drawn."""

    width: eqx.AbstractVar[int]
    #: The only legal width, where there is one.
    fixed_width: ClassVar[int | None] = None

    #: True if fields of student and teacher are exactly Gaussian, with covariances w w^T / N: the test error is then
    #: a function of the order parameters.
    gaussian_fields: eqx.AbstractClassVar[bool]

    @property
    @abc.abstractmethod
    def teacher_width(self) -> int:
        """Dimension of the teacher's input."""

    @property
    @abc.abstractmethod
    def disorder_size(self) -> int:
        """Number of entries of the disorder."""

    @abc.abstractmethod
    def disorder(self, key: Key[Array, ""]) -> PyTree:
        """What the law itself draws once for all inputs, such as the features of a hidden manifold; float32."""

    @abc.abstractmethod
    def draw(
        self, key: Key[Array, ""], disorder: PyTree, number: int
    ) -> tuple[Float[Array, "n N"], Float[Array, "n N_teacher"]]:
        """`number` fresh inputs and the teacher's input for each, float32; rows are independent given the disorder."""


LAWS: Registry[AbstractLaw] = Registry("input law", AbstractLaw)
