"""Exchange Monte Carlo (parallel tempering): chains of one problem on a ladder of temperatures, which they swap.

Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996). Neighbours a, b of the ladder swap with probability
min(1, exp((beta_a - beta_b)(E_a - E_b))), which leaves the product of their Gibbs measures invariant. It is their betas
that change hands: weights stay where they are.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key, Num, PyTree

from dsm._errors import is_integer, require
from dsm._random import stream
from dsm._system import AbstractSystem, Others, Record
from dsm._variables import Coordinate, Variable, together
from dsm.samplers._accept import allowance
from dsm.samplers._thermal import AbstractThermalSystem, AtBeta
from dsm.samplers.sign_perceptron import AbstractSampler, Sampling


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


class LadderState(eqx.Module):
    """The state of a ladder of chains, or what others see of it.

    Attributes:
        chains: states, or machines, of all chains along a leading axis, by chain.
        ladder: which chain has which beta.
    """

    chains: PyTree
    ladder: Ladder

    @property
    def by_beta(self) -> PyTree:
        """The chains in the order of betas."""
        order = chain_at(self.ladder.slot)
        return jax.tree.map(lambda leaf: leaf[order], self.chains)


class Exchange(AbstractSystem):
    """`system` at each of `betas`, with swaps of neighbours after every `every` sweeps: itself a system, whose one chain is
    the whole ladder.

    Pairs (0, 1), (2, 3), ... and (1, 2), (3, 4), ... take turns, which carries chains along the ladder faster than a
    random choice does (Syed, Bouchard-Cote, Deligiannidis and Doucet, J. R. Stat. Soc. B 84, 321 (2022)).

    Records are in the order of betas, along a dimension `beta`: row b is of the chain that has betas[b] now, and is compared
    with the past of that chain, whatever beta it had then.

    Attributes:
        system: the chain at each beta. A sampler of sign perceptrons may be given instead, and stands for `Sampling` of it.
        betas: the ladder, rising; 0 and inf are legal.
        every: sweeps from one attempt to swap to the next.
    """

    system: AbstractThermalSystem
    betas: Float[Array, " B"]
    every: int = eqx.field(static=True)

    def __init__(self, system: AbstractThermalSystem | AbstractSampler, betas: Sequence[float], every: int = 1) -> None:
        rising = len(betas) > 1 and betas[0] >= 0 and all(a < b for a, b in itertools.pairwise(betas))
        require(rising, "betas", betas, "two or more strictly increasing numbers >= 0")
        require(is_integer(every) and every >= 1, "every", every, "an integer >= 1")
        self.system = Sampling(system) if isinstance(system, AbstractSampler) else system
        self.betas, self.every = jnp.asarray(betas, jnp.float32), every

    @property
    def stream(self) -> str:  # type: ignore[override]
        """That of the system within."""
        return self.system.stream

    @property
    def variables(self) -> dict[str, Variable]:
        within = {
            name: variable._replace(dims=("beta", *variable.dims)) for name, variable in self.system.variables.items()
        }
        trips = "round trips from the lowest beta to the highest and back, of all students of a ladder"
        own = {
            "swaps": Variable(("pair",), "swaps with the next higher beta since sweep 0", draws=""),
            "round_trips": Variable((), trips, draws=""),
        }
        return together(own, within)

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        return self.system.coordinates

    def ladder(self) -> Ladder:
        """Chain k at betas[k]."""
        slot = jnp.arange(self.betas.size, dtype=jnp.int32)
        none = jnp.zeros_like(slot)
        return Ladder(slot, (slot == 0).astype(jnp.int32), none, none[1:])

    def begin(self, key: Key[Array, ""], problem: Any) -> LadderState:
        def chain(number: Array, beta: Array) -> Any:
            return self.system.begin(jax.random.fold_in(key, number), AtBeta(problem, beta))

        numbers = jnp.arange(self.betas.size, dtype=jnp.int32)
        return LadderState(jax.vmap(chain)(numbers, self.betas), self.ladder())

    def step(
        self, key: Key[Array, ""], t: Int[Array, ""], state: LadderState, problem: Any
    ) -> tuple[LadderState, Record]:
        """One step of all chains, and the swaps that are due after it."""
        slot = state.ladder.slot

        def chain(number: Array, state: Any, slot: Array) -> tuple[Any, Record]:
            own = stream(key, "chain", number)
            return self.system.step(own, t, state, AtBeta(problem, self.betas[slot]))

        chains, info = jax.vmap(chain)(jnp.arange(slot.size, dtype=jnp.int32), state.chains, slot)
        order = chain_at(slot)
        info = jax.tree.map(lambda leaf: leaf[order], info)
        energy = jax.vmap(self.system.energy)(chains)
        return LadderState(chains, self.swap_if_due(stream(key, "swaps"), state.ladder, energy, t + 1)), info

    def machine(self, state: LadderState) -> LadderState:
        return LadderState(jax.vmap(self.system.machine)(state.chains), state.ladder)

    def observe(self, state: LadderState, problem: Any, others: Others) -> Record:
        order = chain_at(state.ladder.slot)
        peers = None if others.peer is None else others.peer.by_beta
        past = None if others.past is None else jax.tree.map(lambda leaf: leaf[:, order], others.past.chains)

        def row(chain: Any, beta: Array, peer: Any, past: Any) -> Record:
            return self.system.observe(chain, AtBeta(problem, beta), Others(peer, past))

        record = jax.vmap(row, (0, 0, 0, 1))(state.by_beta, self.betas, peers, past)
        trips = jnp.sum(state.ladder.round_trips, dtype=jnp.int32)
        return record | {"swaps": state.ladder.swaps, "round_trips": trips}

    def step_bytes(self, problem: Any) -> int:
        return self.betas.size * self.system.step_bytes(AtBeta(problem, self.betas[0]))

    def observe_bytes(self, problem: Any, others: int) -> int:
        return self.betas.size * self.system.observe_bytes(AtBeta(problem, self.betas[0]), others)

    def swap_if_due(
        self, key: Key[Array, ""], ladder: Ladder, energy: Num[Array, " B"], sweep: Int[Array, ""]
    ) -> Ladder:
        """Swap when `sweep`, the number of sweeps done, is a multiple of `every`."""
        attempt = sweep // self.every - 1
        due = (sweep > 0) & (sweep % self.every == 0)
        return lax.cond(due, lambda: self.swap(key, ladder, energy, attempt), lambda: ladder)

    def swap(self, key: Key[Array, ""], ladder: Ladder, energy: Num[Array, " B"], attempt: Int[Array, ""]) -> Ladder:
        """Attempt number `attempt` (from 0), given the energies by chain, integers or not.

        A swap is a move of the colder beta's energy, from E_b up to E_a, at the inverse temperature beta_b - beta_a:
        the one acceptance rule decides. With beta_b = inf this gap is inf, and E at inf never rises.
        """
        gaps = self.betas[1:] - self.betas[:-1]
        pairs = jnp.arange(gaps.size, dtype=jnp.int32)
        allowed = jax.vmap(lambda pair, gap: allowance(stream(key, "pair", pair), gap, (), energy.dtype))(pairs, gaps)
        return trade(ladder, energy, allowed, attempt)

    def tried(self, sweeps: Int[np.ndarray, " T"]) -> Int[np.ndarray, "T pairs"]:
        """How often each pair has had its turn when so many sweeps are done."""
        attempts = sweeps // self.every
        return (attempts[:, None] + 1 - np.arange(self.betas.size - 1) % 2) // 2


def trade(ladder: Ladder, energy: Num[Array, " B"], allowed: Num[Array, " B-1"], attempt: Int[Array, ""]) -> Ladder:
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
