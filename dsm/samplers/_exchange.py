"""Exchange Monte Carlo (parallel tempering): students of one teacher on a ladder of temperatures, which they swap.

Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996). Neighbours a, b of the ladder swap with probability
min(1, exp((beta_a - beta_b)(E_a - E_b))), which leaves the product of their Gibbs measures invariant. It is their betas
that change hands: weights stay where they are.
"""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key

from dsm._errors import is_integer, require
from dsm._random import stream
from dsm.data import Problem
from dsm.samplers._accept import allowance
from dsm.samplers._base import AbstractSampler, Info, State


class Ladder(eqx.Module):
    """Which chain has which beta, and how far chains have travelled. Chains keep their place in the array.

    Attributes:
        slot: chain k has betas[slot[k]]; a permutation.
        leg: 0 before a chain's first visit to the lowest beta, 1 on its way up from there, 2 on its way back from the
            highest.
        round_trips: how often a chain went from the lowest beta to the highest and back.
        swaps: how often neighbours on the ladder swapped.
    """

    slot: Int[Array, " B"]
    leg: Int[Array, " B"]
    round_trips: Int[Array, " B"]
    swaps: Int[Array, " B-1"]


class Exchange(eqx.Module):
    """`sampler` at each of `betas`, with swaps of neighbours after every `every` sweeps.

    Pairs (0, 1), (2, 3), ... and (1, 2), (3, 4), ... take turns, which carries chains along the ladder faster than a
    random choice does (Syed, Bouchard-Cote, Deligiannidis and Doucet, J. R. Stat. Soc. B 84, 321 (2022)).

    Attributes:
        sampler: moves the chain at each beta.
        betas: the ladder, rising; 0 and inf are legal.
        every: sweeps from one attempt to swap to the next; None for independent betas.
    """

    sampler: AbstractSampler
    betas: Float[Array, " B"]
    every: int | None = eqx.field(static=True)

    def __init__(self, sampler: AbstractSampler, betas: Sequence[float], every: int | None = 1) -> None:
        rising = len(betas) > 0 and betas[0] >= 0 and all(a < b for a, b in itertools.pairwise(betas))
        require(rising, "betas", betas, "strictly increasing numbers >= 0")
        if every is not None:
            require(is_integer(every) and every >= 1, "every", every, "None or an integer >= 1")
            require(len(betas) > 1, "betas", betas, "two numbers or more, to be swapped")
        self.sampler, self.betas, self.every = sampler, jnp.asarray(betas, jnp.float32), every

    def begin(self) -> Ladder:
        """Chain k at betas[k]."""
        number = self.betas.shape[0]
        slot = jnp.arange(number, dtype=jnp.int32)
        none = jnp.zeros((number,), jnp.int32)
        return Ladder(slot, (slot == 0).astype(jnp.int32), none, none[1:])

    def step(
        self, key: Key[Array, ""], state: State, ladder: Ladder, problem: Problem, sweep: int | Int[Array, ""]
    ) -> tuple[State, Ladder, Info]:
        """Sweep number `sweep` (from 0) of all chains [B], and the swaps that are due after it.

        Arrays of the state are by chain; those of the info are by beta, lowest first.
        """

        def move(chain: Array, state: State, slot: Array) -> tuple[State, Info]:
            return self.sampler.step(stream(key, "moves", chain), state, problem, self.betas[slot])

        state, info = jax.vmap(move)(jnp.arange(self.betas.shape[0]), state, ladder.slot)
        chain = chain_at(ladder.slot)
        info = jax.tree.map(lambda leaf: leaf[chain], info)
        ladder = self.swap_if_due(stream(key, "swaps"), ladder, state.energy, jnp.asarray(sweep, jnp.int32) + 1)
        return state, ladder, info

    def swap_if_due(
        self, key: Key[Array, ""], ladder: Ladder, energy: Int[Array, " B"], sweep: Int[Array, ""]
    ) -> Ladder:
        """Swap when `sweep`, the number of sweeps done, is a multiple of `every`."""
        if self.every is None:
            return ladder
        attempt = sweep // self.every - 1
        due = (sweep > 0) & (sweep % self.every == 0)
        return lax.cond(due, lambda: self.swap(key, ladder, energy, attempt), lambda: ladder)

    def swap(self, key: Key[Array, ""], ladder: Ladder, energy: Int[Array, " B"], attempt: Int[Array, ""]) -> Ladder:
        """Attempt number `attempt` (from 0), given the energies by chain.

        A swap is a move of the colder beta's energy, from E_b up to E_a, at the inverse temperature beta_b - beta_a:
        the one acceptance rule decides. With beta_b = inf this gap is inf, and E at inf never rises.
        """
        gaps = self.betas[1:] - self.betas[:-1]
        pairs = jnp.arange(gaps.shape[0])
        allowed = jax.vmap(lambda pair, gap: allowance(stream(key, "pair", pair), gap, ()))(pairs, gaps)
        return trade(ladder, energy, allowed, attempt)

    def tried(self, sweeps: Int[np.ndarray, " T"]) -> Int[np.ndarray, "T pairs"]:
        """How often each pair has had its turn when so many sweeps are done."""
        attempts = np.zeros_like(sweeps) if self.every is None else sweeps // self.every
        return (attempts[:, None] + 1 - np.arange(self.betas.shape[0] - 1) % 2) // 2


def trade(ladder: Ladder, energy: Int[Array, " B"], allowed: Int[Array, " B-1"], attempt: Int[Array, ""]) -> Ladder:
    """Swap those pairs whose turn it is and whose colder energy would rise by no more than `allowed`."""
    slot, number = ladder.slot, ladder.slot.shape[0]
    by_beta = energy[chain_at(slot)]
    turn = jnp.arange(number - 1, dtype=jnp.int32) % 2 == attempt % 2
    swapped = (turn & (by_beta[:-1] - by_beta[1:] <= allowed)).astype(jnp.int32)
    none = jnp.zeros((1,), jnp.int32)
    shift = jnp.concatenate([swapped, none]) - jnp.concatenate([none, swapped])  # of the chain at each beta
    slot = slot + shift[slot]
    lowest, highest = slot == 0, slot == number - 1
    home = lowest & (ladder.leg == 2)
    leg = jnp.where(lowest, 1, jnp.where(highest & (ladder.leg == 1), 2, ladder.leg))
    return Ladder(slot, leg, ladder.round_trips + home.astype(jnp.int32), ladder.swaps + swapped)


def chain_at(slot: Int[Array, " B"]) -> Int[Array, " B"]:
    """The chain that has each beta: the inverse of the permutation `slot`."""
    return jnp.zeros_like(slot).at[slot].set(jnp.arange(slot.shape[0], dtype=slot.dtype))
