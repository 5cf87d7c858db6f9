"""What an elementary move provides.

While the weights into one unit change and no others do, the energy is sum_mu cost_mu [unit is up on pattern mu] plus a
constant (the unit-block identity, `dsm.samplers.UnitBlock`). A move sees no more of the network than that.
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._registry import Registry
from dsm.networks import is_up, to_lattice
from dsm.samplers._accept import allowance


class Unit(eqx.Module):
    """What a move on one weight needs to know of the unit that the weight leads into.

    Attributes:
        field: sqrt(c) h, the sum of J S over the unit's inputs, on each pattern.
        spins: S = +1 or -1, the spin that the weight multiplies, on each pattern.
        cost: energy with the unit clamped up minus energy with it clamped down, on each pattern.
    """

    field: Float[Array, " M"]
    spins: Float[Array, " M"]
    cost: Int[Array, " M"]


class AbstractMove(eqx.Module):
    """An update of one weight that leaves prior(J) exp(-beta E) invariant."""

    #: True for continuous weights, False for signs.
    continuous: eqx.AbstractClassVar[bool]
    #: True if the move never changes the energy: chains must start where it is typical.
    keeps_energy: ClassVar[bool] = False

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], beta: Float[Array, ""], shape: tuple[int, ...]) -> PyTree[Array]:
        """The random numbers of `shape` moves at `beta`: arrays with these leading axes."""

    @abc.abstractmethod
    def update(self, draws: PyTree[Array], weight: Float[Array, ""], unit: Unit, fan_in: int) -> Float[Array, ""]:
        """The weight after one move, given that move's entries of `draw`.

        A continuous one must be on the lattice (`dsm.networks.to_lattice`), a sign +1 or -1.
        """


class AbstractProposal(AbstractMove):
    """A move that proposes a value from a law reversible with respect to the prior, then accepts or rejects.

    Proposals for continuous weights are rounded to the lattice, unless they are on it already.
    """

    #: Whether continuous proposals are lattice points as they come.
    on_lattice: ClassVar[bool] = False

    @abc.abstractmethod
    def draw_proposal(self, key: Key[Array, ""], shape: tuple[int, ...]) -> PyTree[Array]:
        """The random numbers of `shape` proposals."""

    @abc.abstractmethod
    def propose(self, draws: PyTree[Array], weight: Float[Array, ""], fan_in: int) -> Float[Array, ""]:
        """The proposed weight."""

    def draw(self, key: Key[Array, ""], beta: Float[Array, ""], shape: tuple[int, ...]) -> PyTree[Array]:
        proposal_key, accept_key = jax.random.split(key)
        return self.draw_proposal(proposal_key, shape), allowance(accept_key, beta, shape)

    def update(self, draws: PyTree[Array], weight: Float[Array, ""], unit: Unit, fan_in: int) -> Float[Array, ""]:
        numbers, allowed = draws
        proposed = self.propose(numbers, weight, fan_in)
        if self.continuous and not self.on_lattice:
            proposed = to_lattice(proposed, fan_in)
        moved = unit.field + (proposed - weight) * unit.spins
        one, none = jnp.int32(1), jnp.int32(0)
        change = jnp.where(is_up(moved), one, none) - jnp.where(is_up(unit.field), one, none)
        increase = jnp.sum(unit.cost * change, dtype=jnp.int32)
        return jnp.where(increase <= allowed, proposed, weight)


MOVES: Registry[AbstractMove] = Registry("move", AbstractMove)
