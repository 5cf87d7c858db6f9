"""Ensembles of students: axes (sample, beta, replica) by vmap, sharding over devices, and the one loop.

The host calls `advance` with a few segments at a time. A segment is a number of sweeps, then perhaps a record; segments
run inside one jitted program, whose random numbers depend on the absolute sweep only. However time is cut into
segments and calls, the trajectory is the same.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key

from dsm._layout import REPLICA, Layout, vmap_in_blocks
from dsm._random import stream
from dsm.data import Problem
from dsm.observables import AbstractObservable, Snapshot, take_snapshot
from dsm.samplers import STARTS, AbstractSampler, AbstractSchedule, State

Record = dict[str, Array]


class Progress(eqx.Module):
    """All that a run needs to go on. Leading axes of arrays: S samples, B betas, R replicas.

    Attributes:
        sweep: sweeps done.
        state: the students.
        references: weights at the reference sweeps of two-time overlaps, zero before they are reached.
        acceptance: mean over the sweeps since the last record of the fraction of accepted moves, by layer.
        last_record: the sweep of the last record.
    """

    sweep: Int[Array, ""]
    state: State
    references: Float[Array, "S B R n_ref L N c"]
    acceptance: Float[Array, "S B R L"]
    last_record: Int[Array, ""]


class Ensemble(eqx.Module):
    """Students of many teachers at several temperatures, and what is observed of them.

    Attributes:
        problems: the disorder samples, stacked along the leading axis S.
        sampler: moves one student.
        schedule: beta as a function of the sweep.
        observables: what is recorded.
        betas: final inverse temperatures.
        reference_sweeps: t_w of the two-time overlaps.
        key: root of the random streams.
        layout: where replicas are computed.
    """

    problems: Problem
    sampler: AbstractSampler
    schedule: AbstractSchedule
    observables: tuple[AbstractObservable, ...]
    betas: Float[Array, " B"]
    reference_sweeps: Int[Array, " n_ref"]
    key: Key[Array, ""]
    layout: Layout = eqx.field(static=True)

    def begin(self, start: str, replicas: int) -> Progress:
        """Students at sweep 0: drawn from the prior (`start` = "random") or the teacher itself ("planted")."""
        state = self._starts(start, replicas)
        axes = state.energy.shape
        weights = state.weights.shape[3:]
        return Progress(
            sweep=self.layout.copy_to_all(np.int32(0)),
            state=jax.tree.map(self.layout.shard, state),
            references=self.layout.shard(jnp.zeros((*axes, self.reference_sweeps.shape[0], *weights), jnp.float32)),
            acceptance=self.layout.shard(jnp.zeros((*axes, weights[0]), jnp.float32)),
            last_record=self.layout.copy_to_all(np.int32(0)),
        )

    @eqx.filter_jit
    def _starts(self, start: str, replicas: int) -> State:
        """The first states, [S, B, R]."""

        def student(problem: Problem, sample: Array, beta: Array, replica: Array) -> State:
            return STARTS[start](stream(self.key, "start", sample, beta, replica), problem)

        def students(sample: tuple[Problem, Array]) -> State:
            over_betas = jax.vmap(jax.vmap(student, (None, None, None, 0)), (None, None, 0, None))
            return over_betas(*sample, jnp.arange(self.betas.shape[0]), jnp.arange(replicas))

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
        """`number` sweeps of every chain; each device works on its own replicas, in blocks that fit its cache."""
        first = progress.sweep

        def chain(state: State, acceptance: Array, replica: Array, problem: Problem, sample: Array, beta: Array):
            key = stream(self.key, "moves", sample, beta, replica)

            def one(sweep, carry):
                state, acceptance = carry
                current = self.schedule.beta(sweep, self.betas[beta])
                state, info = self.sampler.step(jax.random.fold_in(key, sweep), state, problem, current)
                age = (sweep + 1 - progress.last_record).astype(jnp.float32)
                return state, acceptance + (info.acceptance - acceptance) / age

            return lax.fori_loop(first, first + number, one, (state, acceptance))

        def device(state: State, acceptance: Array, replicas: Array, problems: Problem):
            samples, betas, _ = state.energy.shape
            together = max(1, min(samples, self.layout.block // state.energy[0].size))

            def per_sample(state, acceptance, replicas, problem, sample):
                def per_chain(state, acceptance, replica, beta):
                    return chain(state, acceptance, replica, problem, sample, beta)

                index = jnp.broadcast_to(jnp.arange(betas)[:, None], state.energy.shape)
                over_chains = vmap_in_blocks(per_chain, max(1, self.layout.block // together), 2)
                return over_chains(state, acceptance, replicas, index)

            over_samples = vmap_in_blocks(per_sample, together, 1)
            return over_samples(state, acceptance, replicas, problems, jnp.arange(samples))

        replicas = jnp.broadcast_to(jnp.arange(progress.state.energy.shape[2]), progress.state.energy.shape)
        state, acceptance = self._on_devices(device, 3)(progress.state, progress.acceptance, replicas, self.problems)
        return Progress(first + number, state, progress.references, acceptance, progress.last_record)

    def observe(self, progress: Progress) -> tuple[Progress, Record]:
        """Record all observables at the present sweep, for each chain, as {name: [S, B, R, ...]}."""
        weights = progress.state.weights
        due = (progress.sweep == self.reference_sweeps)[:, None, None, None]
        references = jnp.where(due, weights[:, :, :, None], progress.references)
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
        record["cached_energy"] = progress.state.energy
        renewed = Progress(
            progress.sweep, progress.state, references, jnp.zeros_like(progress.acceptance), progress.sweep
        )
        return renewed, record

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
            chains, whole = PartitionSpec(None, None, REPLICA), PartitionSpec()
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
