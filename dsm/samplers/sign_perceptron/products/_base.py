"""What an implementation of the products provides."""

import abc
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from dsm._registry import Registry


class AbstractProducts(eqx.Module):
    """Fields of a layer from its weights and the spins below, exactly.

    All implementations give the same numbers, bit for bit: fields of weights on the lattice are floats without rounding
    (`dsm.networks.spacing`). They differ in speed.
    """

    #: Whether it takes continuous weights; signs are taken by all.
    continuous: ClassVar[bool] = True

    @abc.abstractmethod
    def factors(self, matrices: Float[Array, "L N N"]) -> PyTree[Array]:
        """The weights in the form that products take, with a leading axis of layers; made once a sweep."""

    @abc.abstractmethod
    def fields(self, factor: PyTree[Array], spins: Float[Array, "N M"]) -> Float[Array, "N M"]:
        """sqrt(c) times the fields of a layer, given its entry of `factors`."""


PRODUCTS: Registry[AbstractProducts] = Registry("matrix products", AbstractProducts)
