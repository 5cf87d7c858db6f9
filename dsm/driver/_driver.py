"""The one driver: many chains of a system, side by side, through time.

The host calls `advance` with a few segments at a time. A segment is a number of steps, then perhaps a record; segments
run inside one jitted program, whose random numbers depend on the absolute step only. However time is cut into segments
and calls, the trajectories are the same. Laying chains over other devices or blocks may round an expression otherwise; where
a system is exact, as on the lattice of sign perceptrons, trajectories are the same then too.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from dsm._random import stream
from dsm._system import AbstractSystem, Others, Record
from dsm.driver._axes import Axis, over_chains
from dsm.driver._layout import Layout

#: The axis whose neighbours are each other's peers.
PEERS = "replica"


class Progress(eqx.Module):
    """All that a run needs to go on. Arrays of chains have the ensemble's axes in front.

    Attributes:
        t: steps done.
        state: of the chains.
        past: what others see of the chains (`AbstractSystem.machine`) at the reference times, with an axis of references
            after those of the ensemble; zero before they are reached.
        means: the infos of the steps, averaged since the last record, by name.
        last_record: the step of the last record.
    """

    t: Int[Array, ""]
    state: PyTree
    past: PyTree
    means: dict[str, Float[Array, "..."]]
    last_record: Int[Array, ""]


class Driver(eqx.Module):
    """An ensemble of chains of one system.

    Attributes:
        system: what each chain is.
        problems: what the chains learn from; which leaf has which axes the axes say.
        axes: of the ensemble, outermost first.
        references: times at which the chains are kept, to be compared with later, ascending.
        key: root of the random streams.
        layout: which device computes what.
    """

    system: AbstractSystem
    problems: PyTree
    axes: tuple[Axis, ...]
    references: Int[Array, " n_ref"]
    key: Key[Array, ""]
    layout: Layout = eqx.field(static=True)

    def begin(self) -> Progress:
        """All chains at t = 0, each on its own device from the start."""
        state, past, means = self._begin()
        return Progress(
            self.layout.copy_to_all(jnp.int32(0)), state, past, means, self.layout.copy_to_all(jnp.int32(0))
        )

    @eqx.filter_jit
    def _begin(self) -> tuple[PyTree, PyTree, PyTree]:
        def chain(_: None, place: tuple[Array, ...], problem: PyTree) -> tuple[PyTree, PyTree, PyTree]:
            state = self.system.begin(stream(self.key, "start", *place), problem)
            kept = jax.eval_shape(self.system.machine, state)
            past = jax.tree.map(lambda leaf: jnp.zeros((len(self.references), *leaf.shape), leaf.dtype), kept)
            info = jax.eval_shape(self.system.step, self.key, jnp.int32(0), state, problem)[1]
            return state, past, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), info)

        return self._on_devices(chain, None, self.layout.block)

    @eqx.filter_jit(donate="all-except-first")
    def advance(
        self, progress: Progress, steps: Int[Array, " K"], recorded: Bool[Array, " K"]
    ) -> tuple[Progress, Record]:
        """Run K segments of `steps` steps each, with a record at the end of those that are `recorded`.

        Donates its arguments: the arrays of `progress` are gone after the call, its successor takes their memory.

        Returns the new progress and the records stacked along K, {name: [K, *axes, ...]}; entries of segments that are not
        recorded are zero and mean nothing.
        """
        observe = jax.jit(lambda p: self.observe(p))  # traced once, for its shapes and for its values
        empty = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(observe, progress)[1])

        def segment(progress: Progress, what: tuple[Array, Array]) -> tuple[Progress, Record]:
            number, record = what
            progress = self._steps(progress, number)
            return lax.cond(record, observe, lambda p: (p, empty), progress)

        return lax.scan(segment, progress, (steps, recorded))

    def _steps(self, progress: Progress, number: Int[Array, ""]) -> Progress:
        """`number` steps of every chain; blocks go through the cache one after the other, each through all steps."""
        first, last = progress.t, progress.t + number

        def chain(
            own: PyTree, place: tuple[Array, ...], problem: PyTree, first: Array, last: Array, recorded: Array
        ) -> PyTree:
            key = stream(self.key, self.system.stream, *place)

            def one(t: Array, carry: tuple[PyTree, PyTree]) -> tuple[PyTree, PyTree]:
                state, means = carry
                state, info = self.system.step(jax.random.fold_in(key, t), t, state, problem)
                age = (t + 1 - recorded).astype(jnp.float32)
                return state, jax.tree.map(lambda mean, value: mean + (value - mean) / age, means, info)

            return lax.fori_loop(first, last, one, own)

        own = progress.state, progress.means
        times = first, last, progress.last_record
        state, means = self._on_devices(chain, own, self.layout.block, *times)
        return Progress(last, state, progress.past, means, progress.last_record)

    def observe(self, progress: Progress) -> tuple[Progress, Record]:
        """Record at the present time, {name: [*axes, ...]}; averages begin anew."""
        axes, depth = self.axes, len(self.axes)
        machine: Any = self.system.machine
        for _ in axes:
            machine = jax.vmap(machine)
        seen = machine(progress.state)
        due = progress.t == self.references

        def keep(now: Array, past: Array) -> Array:
            return jnp.where(due.reshape((-1,) + (1,) * (now.ndim - depth)), jnp.expand_dims(now, depth), past)

        past = jax.tree.map(keep, seen, progress.past)
        names = [axis.name for axis in axes]
        peer = None
        if PEERS in names and axes[names.index(PEERS)].size > 1:
            # The only step in which chains of other devices are looked at.
            peer = jax.tree.map(lambda leaf: jnp.roll(leaf, -1, axis=names.index(PEERS)), seen)

        def chain(own: PyTree, place: tuple[Array, ...], problem: PyTree) -> Record:
            state, peer, past = own
            return self.system.observe(state, problem, Others(peer, past if len(self.references) else None))

        record = self._on_devices(chain, (progress.state, peer, past), observed_together(axes, self.layout))
        fresh = jax.tree.map(jnp.zeros_like, progress.means)
        return Progress(progress.t, progress.state, past, fresh, progress.t), record | progress.means

    def _on_devices(self, function: Any, chains: PyTree, block: int, *whole: Array) -> PyTree:
        """`function(chain, place, problem, *whole)` for every chain; each device works on its own."""
        arrays, rest = eqx.partition(self.problems, eqx.is_array)
        axes, layout = self.axes, self.layout

        def device(chains: PyTree, indices: tuple[Array, ...], problems: PyTree, whole: tuple[Array, ...]) -> PyTree:
            def one(chain: PyTree, place: tuple[Array, ...], problem: PyTree) -> PyTree:
                return function(chain, place, problem, *whole)

            return over_chains(one, axes, chains, indices, eqx.combine(problems, rest), block)

        return jax.shard_map(
            device,
            mesh=layout.mesh,
            in_specs=(layout.chains, layout.indices(axes), layout.problems(axes, arrays), PartitionSpec()),
            out_specs=layout.chains,
            check_vma=False,
        )(chains, tuple(jnp.arange(axis.size, dtype=jnp.int32) for axis in axes), arrays, whole)


def observed_together(axes: tuple[Axis, ...], layout: Layout) -> int:
    """Chains that a device observes side by side: those of one entry of the first axis, where there are several axes."""
    sizes = [axis.size // (layout.devices if place == layout.axis else 1) for place, axis in enumerate(axes)]
    return math.prod(sizes[1:] or sizes)
