"""Ensembles of students: axes (sample, beta, replica) by vmap, sharding over devices, and the one loop.

The host calls `advance` with a few segments at a time. A segment is a number of sweeps, then perhaps a record; segments
run inside one jitted program, whose random numbers depend on the absolute sweep only. However time is cut into
segments and calls, the trajectory is the same.

With exchange, chains keep their places and swap betas. Between swaps they move as independent ones do. All that is
recorded is in the order of betas: row b is of the chain that has betas[b] now.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from dsm._layout import SHARDS, Layout, vmap_in_blocks
from dsm._random import stream
from dsm.data import Problem
from dsm.observables import AbstractObservable, Snapshot, take_snapshot
from dsm.samplers import STUDENT_STARTS, AbstractSchedule, Exchange, Ladder, State, chain_at

Record = dict[str, Array]


class Progress(eqx.Module):
    """All that a run needs to go on. Leading axes of arrays: S samples, B betas, R replicas.

    Attributes:
        sweep: sweeps done.
        state: the students.
        references: weights at the reference sweeps of two-time overlaps, zero before they are reached.
        acceptance: mean over the sweeps since the last record of the fraction of accepted moves, by layer; in the order
            of betas, all else in that of chains.
        last_record: the sweep of the last record.
        ladder: which chain has which beta, [S, B, R] and [S, B-1, R]; None if betas are independent.
    """

    sweep: Int[Array, ""]
    state: State
    references: Float[Array, "S B R n_ref L N c"]
    acceptance: Float[Array, "S B R L"]
    last_record: Int[Array, ""]
    ladder: Ladder | None


class Ensemble(eqx.Module):
    """Students of many teachers at several temperatures, and what is observed of them.

    Attributes:
        problems: the disorder samples, stacked along the leading axis S.
        exchange: the sampler, the final inverse temperatures, and when these are swapped.
        schedule: beta as a function of the sweep.
        observables: what is recorded.
        reference_sweeps: t_w of the two-time overlaps.
        key: root of the random streams.
        layout: where replicas are computed.
    """

    problems: Problem
    exchange: Exchange
    schedule: AbstractSchedule
    observables: tuple[AbstractObservable, ...]
    reference_sweeps: Int[Array, " n_ref"]
    key: Key[Array, ""]
    layout: Layout = eqx.field(static=True)

    def begin(self, start: str, replicas: int) -> Progress:
        """Students at sweep 0: drawn from the prior (`start` = "random") or the teacher itself ("planted")."""
        state = self._starts(start, replicas)
        axes = state.energy.shape
        weights = state.weights.shape[3:]
        samples, _, replicas = axes
        ladder = None
        if self.exchange.every is not None:
            ladder = jax.tree.map(
                lambda leaf: self.layout.shard(jnp.broadcast_to(leaf[None, :, None], (samples, leaf.size, replicas))),
                self.exchange.begin(),
            )
        return Progress(
            sweep=self.layout.copy_to_all(np.int32(0)),
            state=jax.tree.map(self.layout.shard, state),
            references=self.layout.shard(jnp.zeros((*axes, self.reference_sweeps.shape[0], *weights), jnp.float32)),
            acceptance=self.layout.shard(jnp.zeros((*axes, weights[0]), jnp.float32)),
            last_record=self.layout.copy_to_all(np.int32(0)),
            ladder=ladder,
        )

    @eqx.filter_jit
    def _starts(self, start: str, replicas: int) -> State:
        """The first states, [S, B, R]."""

        def student(problem: Problem, sample: Array, beta: Array, replica: Array) -> State:
            return STUDENT_STARTS.get(start)(stream(self.key, "start", sample, beta, replica), problem)

        def students(sample: tuple[Problem, Array]) -> State:
            over_betas = jax.vmap(jax.vmap(student, (None, None, None, 0)), (None, None, 0, None))
            return over_betas(*sample, jnp.arange(self.exchange.betas.shape[0]), jnp.arange(replicas))

        return lax.map(students, (self.problems, jnp.arange(self.problems.inputs.shape[0])))

    @eqx.filter_jit(donate="all-except-first")
    def advance(
        self, progress: Progress, sweeps: Int[Array, " K"], recorded: Bool[Array, " K"]
    ) -> tuple[Progress, Record]:
        """Run K segments of `sweeps` sweeps each, with a record at the end of those that are `recorded`.

        Returns the new state and the records stacked along K, [K, S, B, R, ...]; entries of unrecorded segments are
        zero and mean nothing.
        """
        empty = jax.tree.map(
            lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(lambda p: self.observe(p), progress)[1]
        )

        def segment(progress: Progress, what: tuple[Array, Array]) -> tuple[Progress, Record]:
            number, record = what
            progress = self._sweeps(progress, number)
            return lax.cond(record, lambda p: self.observe(p), lambda p: (p, empty), progress)

        return lax.scan(segment, progress, (sweeps, recorded))

    def _sweeps(self, progress: Progress, number: Int[Array, ""]) -> Progress:
        """`number` sweeps of every chain; each device works on its own replicas."""
        first, last = progress.sweep, progress.sweep + number

        def device(state: State, acceptance: Array, ladder: Ladder | None, replicas: Array, problems: Problem):
            def move(sweep: Array, number: Array, state: State, acceptance: Array, slot: Array):
                return self._move(sweep, number, progress.last_record, state, acceptance, slot, replicas, problems)

            every = self.exchange.every
            if ladder is None or every is None:
                index = jnp.broadcast_to(jnp.arange(state.energy.shape[1])[:, None], state.energy.shape)
                return *move(first, number, state, acceptance, index), None

            def until_swap(carry):
                sweep, state, acceptance, ladder = carry
                number = jnp.minimum(every - sweep % every, last - sweep)
                state, acceptance = move(sweep, number, state, _take(acceptance, ladder.slot), ladder.slot)
                acceptance = _take(acceptance, _chains(ladder.slot))
                ladder = self._swap(sweep + number, ladder, state.energy, replicas[0, 0])
                return sweep + number, state, acceptance, ladder

            return lax.while_loop(lambda carry: carry[0] < last, until_swap, (first, state, acceptance, ladder))[1:]

        replicas = jnp.broadcast_to(jnp.arange(progress.state.energy.shape[2]), progress.state.energy.shape)
        state, acceptance, ladder = self._on_devices(device, 4)(
            progress.state, progress.acceptance, progress.ladder, replicas, self.problems
        )
        return Progress(last, state, progress.references, acceptance, progress.last_record, ladder)

    def _move(
        self,
        first: Int[Array, ""],
        number: Int[Array, ""],
        last_record: Int[Array, ""],
        state: State,
        acceptance: Float[Array, "S B R L"],
        slots: Int[Array, "S B R"],
        replicas: Int[Array, "S B R"],
        problems: Problem,
    ) -> tuple[State, Float[Array, "S B R L"]]:
        """`number` sweeps of one device's chains at the betas of their slots, in blocks that fit its cache."""
        samples, betas, _ = state.energy.shape
        together = max(1, min(samples, self.layout.block // state.energy[0].size))

        def per_sample(state, acceptance, slots, replicas, problem, sample):
            def per_chain(state, acceptance, slot, replica, chain):
                key = stream(self.key, "moves", sample, chain, replica)

                def one(sweep, carry):
                    state, acceptance = carry
                    beta = self.schedule.beta(sweep, self.exchange.betas[slot])
                    state, info = self.exchange.sampler.step(jax.random.fold_in(key, sweep), state, problem, beta)
                    age = (sweep + 1 - last_record).astype(jnp.float32)
                    return state, acceptance + (info.acceptance - acceptance) / age

                return lax.fori_loop(first, first + number, one, (state, acceptance))

            chains = jnp.broadcast_to(jnp.arange(betas)[:, None], state.energy.shape)
            over_chains = vmap_in_blocks(per_chain, max(1, self.layout.block // together), 2)
            return over_chains(state, acceptance, slots, replicas, chains)

        over_samples = vmap_in_blocks(per_sample, together, 1)
        return over_samples(state, acceptance, slots, replicas, problems, jnp.arange(samples))

    def _swap(
        self, sweep: Int[Array, ""], ladder: Ladder, energy: Int[Array, "S B R"], replicas: Int[Array, " R"]
    ) -> Ladder:
        """The swaps due after `sweep` sweeps, in each ladder by itself."""

        def one(ladder: Ladder, energy: Array, sample: Array, replica: Array) -> Ladder:
            key = jax.random.fold_in(stream(self.key, "swaps", sample, replica), sweep)
            return self.exchange.swap_if_due(key, ladder, energy, sweep)

        over_replicas = jax.vmap(one, (1, 1, None, 0), 1)
        return jax.vmap(over_replicas, (0, 0, 0, None))(ladder, energy, jnp.arange(energy.shape[0]), replicas)

    def observe(self, progress: Progress) -> tuple[Progress, Record]:
        """Record all observables at the present sweep, for each beta, as {name: [S, B, R, ...]}.

        The past of a chain is its own, whatever beta it had then; that of row b belongs to the chain that is there now.
        """
        due = (progress.sweep == self.reference_sweeps)[:, None, None, None]
        kept = jnp.where(due, progress.state.weights[:, :, :, None], progress.references)
        weights, energy, references = self._by_beta(
            progress.ladder, (progress.state.weights, progress.state.energy, kept)
        )
        pairs: tuple[str, ...] = ("teacher",)
        others = references
        if weights.shape[2] > 1:  # the next replica; the only step in which replicas of other devices are looked at
            pairs += ("student",)
            others = jnp.concatenate([jnp.roll(weights, -1, axis=2)[:, :, :, None], others], axis=3)
        pairs += ("past",) * references.shape[3]

        def chain(weights: Array, others: Array, problem: Problem) -> Record:
            return self._compare(problem, weights, jnp.concatenate([problem.teacher.weights[None], others]), pairs)

        def device(weights: Array, others: Array, problems: Problem) -> Record:
            over_chains = jax.vmap(jax.vmap(chain, (0, 0, None)), (0, 0, None))
            return lax.map(lambda sample: over_chains(*sample), (weights, others, problems))

        record = self._on_devices(device, 2)(weights, others, self.problems)
        record["acceptance"] = progress.acceptance
        record["cached_energy"] = energy
        if progress.ladder is not None:
            record["swaps"] = progress.ladder.swaps
            record["round_trips"] = jnp.sum(progress.ladder.round_trips, axis=1, dtype=jnp.int32)
        fresh = jnp.zeros_like(progress.acceptance)
        renewed = Progress(progress.sweep, progress.state, kept, fresh, progress.sweep, progress.ladder)
        return renewed, record

    def _by_beta(self, ladder: Ladder | None, by_chain: PyTree) -> PyTree:
        """Arrays [S, B, R, ...] by chain, put in the order of betas."""
        if ladder is None:
            return by_chain

        def device(slots: Array, by_chain: PyTree) -> PyTree:
            order = _chains(slots)
            return jax.tree.map(lambda leaf: _take(leaf, order), by_chain)

        return self._on_devices(device, 2)(ladder.slot, by_chain)

    @eqx.filter_jit
    def baseline(self, number: int) -> Record:
        """Observables of the teacher and `number` independent machines of the same kind, {name: [S, number, ...]}."""

        def machine(problem: Problem, sample: Array, machine: Array) -> Record:
            independent = problem.teacher.redraw(stream(self.key, "independent", sample, machine))
            return self._compare(problem, independent.weights, problem.teacher.weights[None], ("baseline",))

        def machines(sample: tuple[Problem, Array]) -> Record:
            return jax.vmap(machine, (None, None, 0))(*sample, jnp.arange(number))

        return lax.map(machines, (self.problems, jnp.arange(self.problems.inputs.shape[0])))

    def _compare(
        self, problem: Problem, weights: Float[Array, "L N c"], others: Float[Array, "P L N c"], pairs: tuple[str, ...]
    ) -> Record:
        """All observables of one machine and each of `others`, whose kinds are `pairs`, alike ones side by side."""

        def take(weights: Float[Array, "L N c"]) -> Snapshot:
            return take_snapshot(problem.teacher.with_weights(weights), problem)

        machine, seen = take(weights), jax.vmap(take)(others)
        record: Record = {}
        for observable in self.observables:
            chosen = np.array([position for position, pair in enumerate(pairs) if pair in observable.pairs], int)
            if not chosen.size:
                continue
            values = jax.vmap(observable, (None, 0))(machine, _rows(seen, chosen))
            for name, value in values.items():
                for pair in dict.fromkeys(pairs[position] for position in chosen):
                    rows = np.array([row for row, position in enumerate(chosen) if pairs[position] == pair])
                    record[variable_name(observable, pair, name)] = value[rows] if pair == "past" else value[rows[0]]
        return record

    def _on_devices(self, function: Callable[..., Any], sharded: int) -> Callable[..., Any]:
        """`function`, run by each device on its own replicas: the first `sharded` arguments and all results have the
        axes [sample, beta, replica, ...]; the others are the same for all."""

        def run(*arguments: Any) -> Any:
            chains, whole = PartitionSpec(None, None, SHARDS), PartitionSpec()
            specs = (chains,) * sharded + (whole,) * (len(arguments) - sharded)
            return jax.shard_map(function, mesh=self.layout.mesh, in_specs=specs, out_specs=chains, check_vma=False)(
                *arguments
            )

        return run


def variable_name(observable: AbstractObservable, pair: str, name: str) -> str:
    """Name of a recorded variable: the pair comes first, unless the observable knows only one."""
    return name if observable.pairs == ("teacher",) else f"{pair}_{name}"


def _rows(tree: Snapshot, rows: np.ndarray) -> Snapshot:
    return jax.tree.map(lambda leaf: leaf[rows], tree)


def _chains(slots: Int[Array, "S B R"]) -> Int[Array, "S B R"]:
    """The chain at each beta."""
    return jax.vmap(jax.vmap(chain_at, 1, 1))(slots)


def _take(array: Array, index: Int[Array, "S B R"]) -> Array:
    """Rows `index` of the second axis of an array [S, B, R, ...]."""
    return jnp.take_along_axis(array, index.reshape(index.shape + (1,) * (array.ndim - 3)), axis=1)
