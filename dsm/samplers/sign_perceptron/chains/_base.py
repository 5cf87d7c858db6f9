"""What a chain stage provides."""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Num, PyTree

from dsm._registry import Registry
from dsm.samplers.sign_perceptron.moves import AbstractMove


class Workload(NamedTuple):
    """What is asked of a chain stage.

    Attributes:
        move: the update of one weight.
        width: N, units of a layer.
        patterns: M.
        chains: how many are moved at once on a device.
        device: a `jax.Device`; None: not known yet.
    """

    move: AbstractMove
    width: int
    patterns: int
    chains: int = 1
    device: Any = None


class AbstractChain(eqx.Module):
    """Moves on the weights into one unit, one weight after the other.

    Nothing outside these weights changes meanwhile, so that a stage knows the network through `cost` alone
    (`dsm.samplers.UnitBlock`). All stages give the same weights, bit for bit; they differ in speed.
    """

    def refuses(self, work: Workload) -> str | None:
        """Why this stage cannot do that work, as what is said of it ("takes SpinFlip, not HeatBath"); None if it can."""
        return None

    def spins(self, below: Float[Array, "N M"]) -> Num[Array, "N M"]:
        """The spins of the layer below, in the form that this stage reads them; called once a layer."""
        return below

    @abc.abstractmethod
    def __call__(
        self,
        move: AbstractMove,
        inner: int,
        draws: PyTree[Array],
        row: Float[Array, " c"],
        field: Float[Array, " M"],
        below: Num[Array, "N M"],
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
            below: spins of the layer below, +1 or -1, as `spins` made them.
            cost: energy with the unit clamped up minus energy with it clamped down, on each pattern.
            sources: the unit that each weight reads; None if weight k reads unit k.

        Returns:
            the weights, their field, and how many moves changed a weight.
        """


def at(tree: PyTree[Array], index: Int[Array, ""] | int) -> PyTree[Array]:
    """Entry `index` of the leading axis of every array."""
    return jax.tree.map(lambda array: array[index], tree)


CHAINS: Registry[AbstractChain] = Registry("chain stage", AbstractChain)
