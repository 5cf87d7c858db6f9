"""What is simulated: one chain, and nothing of the many that run side by side.

A system says how a chain begins, moves and is observed. All else is the driver's business (`dsm.driver`): axes of
samples, temperatures and replicas, devices, time, records, and the past. A system is an equinox module, so that its own
parameters may be arrays; its methods are pure functions that jit and vmap.
"""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Int, Key, PyTree

from dsm._variables import Coordinate, Variable

Record = dict[str, Array]


class Others(NamedTuple):
    """The machines that a chain is compared with, as `AbstractSystem.machine` shows them.

    Attributes:
        peer: the next chain along the axis of replicas; None if there is one replica only.
        past: the chain itself at the reference times, stacked along a leading axis; None without reference times. Zero
            before the time is reached.
    """

    peer: PyTree = None
    past: PyTree = None


class AbstractSystem(eqx.Module):
    """One chain: a student that is sampled, a network that learns, a ladder of temperatures.

    `problem` is what the chain learns from: teacher, data, temperature, learning rate, whatever differs from chain to chain
    without changing shapes.
    """

    #: Name of the random stream that `step` draws from.
    stream: ClassVar[str] = "steps"

    @property
    @abc.abstractmethod
    def variables(self) -> dict[str, Variable]:
        """All that `observe` and the infos of `step` give, by name."""

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        """The dimensions of the variables; those without a description are numbered."""
        return {}

    @abc.abstractmethod
    def begin(self, key: Key[Array, ""], problem: Any) -> Any:
        """The state at t = 0: all that the next step needs, and no more."""

    @abc.abstractmethod
    def step(self, key: Key[Array, ""], t: Int[Array, ""], state: Any, problem: Any) -> tuple[Any, Record]:
        """The state at t + 1, and what is averaged over the steps between two records.

        `key` is of this chain and this step alone. `t` is the same for all chains: a `lax.cond` on it is not paid by those
        that do not take the branch.
        """

    @abc.abstractmethod
    def observe(self, state: Any, problem: Any, others: Others) -> Record:
        """What is recorded of the chain: values of some of the `variables`."""

    def machine(self, state: Any) -> Any:
        """The part of a state that others see: what is kept as the past, and shown to the next replica."""
        return state

    def step_bytes(self, problem: Any) -> int:
        """Working set of one chain in a step, from shapes; `problem` may be abstract. It decides how many chains go side
        by side through the cache of a CPU core, and counts as memory."""
        return 2 * tree_bytes(problem)

    def observe_bytes(self, problem: Any, others: int) -> int:
        """Memory that passes while a chain is observed and compared with so many `others`, from shapes."""
        return 0


def tree_bytes(tree: PyTree) -> int:
    """Bytes of all arrays, or abstract arrays, of a tree."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype"))
