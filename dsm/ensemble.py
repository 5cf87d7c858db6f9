"""Ensembles of students: axes (sample, beta, replica) by vmap, sharding over devices, and the one loop.

The host calls `advance` with a few segments at a time. A segment is a number of sweeps, then perhaps a record; segments
run inside one jitted program, whose random numbers depend on the absolute sweep only. However time is cut into
segments and calls, the trajectory is the same.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
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
        acceptance: sum over the sweeps since the last record of the fraction of accepted moves, by layer.
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

        def student(problem: Problem, sample: Array, beta: Array, replica: Array) -> State:
            return STARTS[start](stream(self.key, "start", sample, beta, replica), problem)

        over_replicas = jax.vmap(student, (None, None, None, 0))
        over_betas = jax.vmap(over_replicas, (None, None, 0, None))
        samples, betas = jnp.arange(self.problems.inputs.shape[0]), jnp.arange(self.betas.shape[0])
        state = jax.jit(lambda p: lax.map(lambda s: over_betas(s[0], s[1], betas, jnp.arange(replicas)), (p, samples)))(
            self.problems
        )
        axes = state.energy.shape
        weights = state.weights.shape[3:]
        return Progress(
            sweep=jnp.zeros((), jnp.int32),
            state=self.layout.place(state),
            references=self.layout.place(jnp.zeros((*axes, self.reference_sweeps.shape[0], *weights), jnp.float32)),
            acceptance=self.layout.place(jnp.zeros((*axes, weights[0]), jnp.float32)),
            last_record=jnp.zeros((), jnp.int32),
        )

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

        def chain(state: State, problem: Problem, sample: Array, beta: Array, replica: Array):
            key = stream(self.key, "moves", sample, beta, replica)

            def one(sweep, carry):
                state, acceptance = carry
                current = self.schedule.beta(sweep, self.betas[beta])
                state, info = self.sampler.step(jax.random.fold_in(key, sweep), state, problem, current)
                return state, acceptance + info.acceptance

            depth = problem.teacher.wiring.depth
            return lax.fori_loop(first, first + number, one, (state, jnp.zeros((depth,), jnp.float32)))

        def device(state: State, replicas: Array, problems: Problem):
            samples, betas, _ = state.energy.shape

            def per_sample(state, problem, sample):
                def per_chain(state, beta, replica):
                    return chain(state, problem, sample, beta, replica)

                index = jnp.broadcast_to(jnp.arange(betas)[:, None], state.energy.shape)
                return vmap_in_blocks(per_chain, max(1, self.layout.block // samples_together), 2)(
                    state, index, jnp.broadcast_to(replicas, state.energy.shape)
                )

            inside = state.energy[0].size
            samples_together = max(1, min(samples, self.layout.block // inside))
            blocks = vmap_in_blocks(per_sample, samples_together, 1)
            return blocks(state, problems, jnp.arange(samples))

        chains, whole = PartitionSpec(None, None, REPLICA), PartitionSpec()
        replicas = jnp.arange(progress.state.energy.shape[2])
        state, acceptance = jax.shard_map(
            device,
            mesh=self.layout.mesh,
            in_specs=(chains, PartitionSpec(REPLICA), whole),
            out_specs=(chains, chains),
            check_vma=False,
        )(progress.state, replicas, self.problems)
        return Progress(
            first + number, state, progress.references, progress.acceptance + acceptance, progress.last_record
        )

    def observe(self, progress: Progress) -> tuple[Progress, Record]:
        """Record all observables at the present sweep, for each chain, as {name: [S, B, R, ...]}."""
        due = (progress.sweep == self.reference_sweeps)[:, None, None, None]
        references = jnp.where(due, progress.state.weights[:, :, :, None], progress.references)

        def per_sample(problem: Problem, weights: Array, references: Array) -> Record:
            teacher = take_snapshot(problem.teacher, problem)

            def snapshots(weights: Float[Array, "*batch L N c"]) -> Snapshot:
                take = lambda w: take_snapshot(problem.teacher.with_weights(w), problem)  # noqa: E731
                for _ in range(weights.ndim - 3):
                    take = jax.vmap(take)
                return take(weights)

            students = snapshots(weights)  # [B, R]
            record: Record = {}
            chains = weights.shape[:2]
            record |= self._compare("teacher", students, _repeat(teacher, chains), 2)
            if chains[1] > 1:
                record |= self._compare("student", students, jax.tree.map(lambda x: jnp.roll(x, -1, 1), students), 2)
            if references.shape[2]:
                past = snapshots(references)  # [B, R, n_ref]
                now = jax.tree.map(lambda x, y: jnp.broadcast_to(x[:, :, None], y.shape), students, past)
                record |= self._compare("past", now, past, 3)
            return record

        record = lax.map(lambda leaves: per_sample(*leaves), (self.problems, progress.state.weights, references))
        elapsed = jnp.maximum(progress.sweep - progress.last_record, 1)
        record["acceptance"] = progress.acceptance / elapsed.astype(jnp.float32)
        record["cached_energy"] = progress.state.energy
        renewed = Progress(
            progress.sweep, progress.state, references, jnp.zeros_like(progress.acceptance), progress.sweep
        )
        return renewed, record

    def baseline(self, number: int) -> Record:
        """Observables of the teacher and `number` independent machines of the same kind, {name: [S, number, ...]}."""

        def per_sample(problem: Problem, sample: Array) -> Record:
            teacher = take_snapshot(problem.teacher, problem)
            keys = jax.vmap(lambda machine: stream(self.key, "independent", sample, machine))(jnp.arange(number))
            machines = jax.vmap(lambda key: take_snapshot(problem.teacher.redraw(key), problem))(keys)
            return self._compare("baseline", machines, _repeat(teacher, (number,)), 1)

        samples = jnp.arange(self.problems.inputs.shape[0])
        return jax.jit(lambda p: lax.map(lambda leaves: per_sample(*leaves), (p, samples)))(self.problems)

    def _compare(self, pair: str, a: Snapshot, b: Snapshot, axes: int) -> Record:
        """All observables of one kind of pair, over the leading `axes`."""
        record: Record = {}
        for observable in self.observables:
            if pair in observable.pairs:
                compare = observable.__call__
                for _ in range(axes):
                    compare = jax.vmap(compare)
                record |= {variable_name(observable, pair, name): value for name, value in compare(a, b).items()}
        return record


def variable_name(observable: AbstractObservable, pair: str, name: str) -> str:
    """Name of a recorded variable: the pair comes first, unless the observable knows only one."""
    return name if observable.pairs == ("teacher",) else f"{pair}_{name}"


def _repeat(snapshot: Snapshot, shape: tuple[int, ...]) -> Snapshot:
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (*shape, *leaf.shape)), snapshot)
