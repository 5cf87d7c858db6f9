"""Memory: how much an ensemble needs, from shapes, and whether it is there."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import psutil
from jaxtyping import PyTree

from dsm._errors import CapacityError
from dsm._system import AbstractSystem, Others, tree_bytes
from dsm.config import RunConfig
from dsm.driver._axes import Axis, single
from dsm.driver._driver import observed_together
from dsm.driver._layout import Layout

GIB = 2**30
#: Segments, hence record buffers, of one call of `Driver.advance`.
SEGMENTS = 16


@dataclass(frozen=True)
class Need:
    """Bytes on one device, by what they depend on.

    Attributes:
        problems: what the chains learn from, in full or the device's part.
        chain: for each chain of the device: state, past and averages before and after a call, and its records.
        step: working set of one chain in a step.
        observation: what passes while one chain is observed.
        record: what one chain records, abstract.
    """

    problems: int
    chain: int
    step: int
    observation: int
    record: dict[str, jax.ShapeDtypeStruct]


def need(system: AbstractSystem, problems: PyTree, axes: tuple[Axis, ...], references: int, layout: Layout) -> Need:
    """What an ensemble needs, from shapes alone. `problems` may be abstract."""
    problem = single(problems, axes)

    def whole_life(problem: PyTree) -> tuple[PyTree, ...]:
        key = jax.random.key(0)
        state = system.begin(key, problem)
        state, info = system.step(key, jnp.int32(0), state, problem)
        machine = system.machine(state)
        past = jax.tree.map(lambda leaf: jnp.zeros((references, *leaf.shape), leaf.dtype), machine)
        record = system.observe(state, problem, Others(machine, past if references else None))
        return state, past, info, record

    shapes = eqx.filter_eval_shape(whole_life, problem)
    state, past, info, record = map(tree_bytes, shapes)
    split = axes[layout.axis].varies(problems)
    divided = jax.tree.map(lambda leaf, part: tree_bytes(leaf) // (layout.devices if part else 1), problems, split)
    return Need(
        problems=sum(jax.tree.leaves(divided)),
        chain=2 * (state + past + info) + SEGMENTS * (record + info),
        step=system.step_bytes(problem),
        observation=system.observe_bytes(problem, 2 + references),
        record=shapes[2] | shapes[3],
    )


def needed_bytes(
    system: AbstractSystem, problems: PyTree, axes: tuple[Axis, ...], references: int, layout: Layout
) -> int:
    """Bytes of memory on all devices in use together."""
    return _total(need(system, problems, axes, references, layout), axes, layout)


def _total(wanted: Need, axes: tuple[Axis, ...], layout: Layout) -> int:
    chains = -(-int(np.prod([axis.size for axis in axes], dtype=np.int64)) // layout.devices)
    moving = min(layout.block, chains) * wanted.step
    observed = observed_together(axes, layout) * wanted.observation
    return layout.devices * (wanted.problems + chains * wanted.chain + max(moving, observed))


def check_capacity(
    system: AbstractSystem,
    problems: PyTree,
    axes: tuple[Axis, ...],
    references: int,
    layout: Layout,
    run: RunConfig,
    setting: tuple[str, str],
    smaller: str,
) -> dict[str, jax.ShapeDtypeStruct]:
    """Refuse a run that cannot fit, before anything is compiled; returns what one chain records, abstract.

    Arguments:
        system, problems, axes, references, layout: of the ensemble; `problems` may be abstract.
        run: how much memory it may use.
        setting: the key that sets the size of an axis, and the axis' name: what would fit is said of it.
        smaller: what else to lower.

    Raises:
        CapacityError: with what is needed, what there is, and what would fit.
    """
    wanted = need(system, problems, axes, references, layout)
    limit = memory_limit(run, layout)
    needed = _total(wanted, axes, layout)
    if needed <= limit:
        return wanted.record
    key, name = setting
    place = [axis.name for axis in axes].index(name)
    size = axes[place].size

    def total(number: int) -> int:
        resized = Axis(name, number, axes[place].over)
        return _total(wanted, (*axes[:place], resized, *axes[place + 1 :]), layout)

    # `total` rises with the size of the axis. A multiple of the devices lies on them as the refused run would.
    fit, too_many = 0, -(-size // layout.devices)
    while too_many - fit > 1:
        middle = (fit + too_many) // 2
        fit, too_many = (middle, too_many) if total(middle * layout.devices) <= limit else (fit, middle)
    advice = f"{key}={fit * layout.devices} would fit" if fit else f"not even one {name} a device fits: lower {smaller}"
    raise CapacityError(
        f"{key} = {size}: the run needs {needed / GIB:.3g} GiB of memory and {limit / GIB:.3g} GiB are there; {advice}"
    )


def memory_limit(run: RunConfig, layout: Layout) -> int:
    """Bytes that a run may use on all its devices together, less a tenth for the compiler and the rest.

    What a process sees of its own host holds for the others, which have as many devices.
    """
    own = layout.mesh.local_devices
    processes = layout.devices // len(own)
    if run.memory_gib is not None:
        return int(processes * run.memory_gib * GIB)
    if own[0].platform != "cpu":
        limits = [(device.memory_stats() or {}).get("bytes_limit", 0) for device in own]
        if all(limits):
            return int(0.9 * min(limits) * layout.devices)
    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        free = min(free, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return int(0.9 * free * processes)
