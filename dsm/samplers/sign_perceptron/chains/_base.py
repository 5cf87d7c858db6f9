"""What a chain stage provides."""

import abc
from typing import ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, PyTree

from dsm._registry import Registry
from dsm.samplers.sign_perceptron.moves import AbstractMove


class AbstractChain(eqx.Module):
    """Moves on the weights into one unit, one weight after the other.

    Nothing outside these weights changes meanwhile, so that a stage knows the network through `cost` alone
    (`dsm.samplers.UnitBlock`). All stages give the same weights, bit for bit; they differ in speed.
    """

    #: Whether it is meant to be faster than the plain one on a GPU: `sampler.kernel=auto` tries it there.
    for_gpus: ClassVar[bool] = False

    def takes(self, move: AbstractMove) -> bool:
        """Whether it can carry out this move."""
        return True

    def missing(self, move: AbstractMove) -> str | None:
        """What it needs and this machine lacks, in a few words; None if it runs here."""
        return None

    @abc.abstractmethod
    def __call__(
        self,
        move: AbstractMove,
        inner: int,
        draws: PyTree[Array],
        row: Float[Array, " c"],
        field: Float[Array, " M"],
        below: Float[Array, "N M"],
        cost: Int[Array, " M"],
        sources: Int[Array, " c"] | None,
    ) -> tuple[Float[Array, " c"], Float[Array, " M"], Int[Array, ""]]:
        """Visit the weights 0, 1, ..., c - 1, and that `inner` times.

        Called once a unit in hidden layers, and under `jax.vmap` over all units in the output layer, where `below` is
        the same for all; replicas are `jax.vmap` axes around both.

        Arguments:
            move: the update of one weight.
            inner: visits to each weight.
            draws: random numbers of the moves in their order; leading axis `inner` c.
            row: J, the weights into the unit.
            field: sqrt(c) h of the unit on each pattern.
            below: spins of the layer below, +1 or -1.
            cost: energy with the unit clamped up minus energy with it clamped down, on each pattern.
            sources: the unit that each weight reads; None if weight k reads unit k.

        Returns:
            the weights, their field, and how many moves changed a weight.
        """


def at(tree: PyTree[Array], index: Int[Array, ""] | int) -> PyTree[Array]:
    """Entry `index` of the leading axis of every array."""
    return jax.tree.map(lambda array: array[index], tree)


CHAINS: Registry[AbstractChain] = Registry("chain stage")
