"""The protocol of a sampler: `step(key, state, problem, beta) -> (state, info)`.

A step is one sweep and a pure function. State is what the next step needs and no more: histories and keys live outside.
A step knows of one replica; samples, betas and replicas are `jax.vmap` axes around it.
"""

import abc

import equinox as eqx
from jaxtyping import Array, Float, Int, Key

from dsm.data import Problem

Beta = float | Float[Array, ""]


class State(eqx.Module):
    """One student.

    Attributes:
        weights: J, float32 on the lattice.
        energy: number of wrong output signs over all M training patterns and N outputs; the cache of a quantity that
            follows from the weights, kept up by accepted moves.
    """

    weights: Float[Array, "L N c"]
    energy: Int[Array, ""]


class Info(eqx.Module):
    """What happened in one step.

    Attributes:
        acceptance: fraction of the layer's elementary moves that changed a weight.
    """

    acceptance: Float[Array, " L"]


class AbstractSampler(eqx.Module):
    """A Markov kernel that leaves prior(J) exp(-beta E(J)) invariant."""

    @abc.abstractmethod
    def step(self, key: Key[Array, ""], state: State, problem: Problem, beta: Beta) -> tuple[State, Info]:
        """One sweep at inverse temperature `beta`; `jnp.inf` is greedy (an energy increase is never accepted)."""

    @abc.abstractmethod
    def check(self, problem: Problem) -> None:
        """Raise `ConfigError` if this sampler cannot move students of this problem."""

    @abc.abstractmethod
    def step_bytes(self, problem: Problem) -> int:
        """Working set of one student in a step, from shapes."""
