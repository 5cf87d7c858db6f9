"""Where chains are computed: shards over the devices of all processes, and blocks that fit the cache of a CPU core."""

import functools
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding
from jaxtyping import PyTree

from dsm._errors import CapacityError
from dsm.driver._axes import Axis

#: Working set of the chains that a CPU core advances together: about its level 2 cache.
CACHE_BYTES = 2 * 2**20

#: What devices of a platform are called in the log; cores of a CPU are devices each.
KINDS = {"cpu": "CPU cores", "gpu": "GPUs", "tpu": "TPU cores"}

#: The axis of the mesh.
SHARDS = "shards"

logger = logging.getLogger("dsm")


class Layout(eqx.Module):
    """How an ensemble of chains is laid over devices.

    Attributes:
        mesh: one axis; every device has the same number of chains.
        axis: position of the ensemble's axis that is divided among devices.
        block: the most chains that are advanced together on one device.
    """

    mesh: Mesh = eqx.field(static=True)
    axis: int = eqx.field(static=True)
    block: int = eqx.field(static=True)

    @property
    def devices(self) -> int:
        """Number of devices in use, of all processes."""
        return self.mesh.size

    @property
    def chains(self) -> PartitionSpec:
        """Arrays that have all axes of the ensemble in front."""
        return PartitionSpec(*(None,) * self.axis, SHARDS)

    def indices(self, axes: tuple[Axis, ...]) -> tuple[PartitionSpec, ...]:
        """The places along each axis."""
        return tuple(PartitionSpec(SHARDS) if place == self.axis else PartitionSpec() for place in range(len(axes)))

    def problems(self, axes: tuple[Axis, ...], problems: PyTree) -> PyTree:
        """Each leaf of the problems: divided if it varies along the divided axis, else whole on every device."""
        varies = [axis.varies(problems) for axis in axes[: self.axis + 1]]

        def spec(_: Any, *has: bool) -> PartitionSpec:
            return PartitionSpec(*(None,) * sum(has[:-1]), SHARDS) if has[-1] else PartitionSpec()

        return jax.tree.map(spec, problems, *varies)

    def place(self, tree: PyTree, specs: PyTree) -> PyTree:
        """Put arrays on the devices; every process has them whole, and puts its own part."""
        return jax.tree.map(lambda leaf, spec: put(leaf, NamedSharding(self.mesh, spec)), tree, specs)

    def copy_to_all(self, array: Any) -> jax.Array:
        """Put an array on all devices whole."""
        return put(array, NamedSharding(self.mesh, PartitionSpec()))


def put(array: Any, sharding: Sharding) -> jax.Array:
    """Lay an array that each process has whole over devices."""
    if sharding.is_fully_addressable:
        return jax.device_put(array, sharding)
    array = np.asarray(array)
    return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])


def whole(tree: PyTree) -> PyTree:
    """Arrays of which other processes have parts, as arrays of this process; the rest as it is. All processes call it."""
    parts, rest = eqx.partition(tree, lambda leaf: isinstance(leaf, jax.Array) and not leaf.is_fully_addressable)
    leaves = jax.tree.leaves(parts)
    if not leaves:
        return tree
    copied = _copy_to_all(leaves[0].sharding.mesh)(parts)
    return eqx.combine(jax.tree.map(lambda leaf: leaf.addressable_data(0), copied), rest)


@functools.cache
def _copy_to_all(mesh: Mesh) -> Callable[[PyTree], PyTree]:
    return jax.jit(lambda tree: tree, out_shardings=NamedSharding(mesh, PartitionSpec()))


def make_layout(
    axes: tuple[Axis, ...], chain_bytes: int, devices: int | None = None, block: int | None = None
) -> Layout:
    """Divide the axis along which most devices divide evenly, the innermost of equals. Of every process as many are used.

    On an accelerator all chains advance together, on a CPU as many as fit the cache, unless `block` says how many.

    Arguments:
        axes: of the ensemble.
        chain_bytes: one chain's working set in a step.
        devices: the most devices to use of each process; all if None.
        block: the most chains that are advanced together on one device.

    Raises:
        CapacityError: there are more processes than any axis can be divided among.
    """
    available = jax.devices()
    processes = Counter(device.process_index for device in available)
    own = min(devices or len(available), *processes.values(), len(available))
    numbers = [len(processes) * each for each in range(1, own + 1)]
    divisors = [max((n for n in numbers if axis.size % n == 0), default=0) for axis in axes]
    shards = max(divisors)
    sizes = ", ".join(f"{axis.size} ({axis.name})" for axis in axes)
    kind = KINDS.get(available[0].platform, "devices")
    if not shards:
        raise CapacityError(f"run.hosts.processes = {len(processes)}: must divide the size of one of the axes, {sizes}")
    divided = max(place for place, number in enumerate(divisors) if number == shards)
    if shards < numbers[-1]:
        several = " or ".join(_counted(axis) for axis in axes if axis.size > 1) or "a single chain"
        logger.warning("%d of %d %s are used: %s cannot be divided evenly", shards, numbers[-1], kind, several)
    elif shards > 1:
        logger.info("%s are divided among %d %s", _counted(axes[divided]), shards, kind)
    if block is None:
        on_cpu = available[0].platform == "cpu"
        block = max(2, CACHE_BYTES // max(chain_bytes, 1)) if on_cpu else int(np.prod([axis.size for axis in axes]))
    used = [_of(process, available)[: shards // len(processes)] for process in sorted(processes)]
    mesh = Mesh(np.array(used).reshape(-1), (SHARDS,), axis_types=(AxisType.Auto,))
    return Layout(mesh, divided, block)


def _counted(axis: Axis) -> str:
    return f"{axis.size} {axis.name}s" if axis.name in ("sample", "replica") else f"{axis.size} values of {axis.name}"


def _of(process: int, devices: list[jax.Device]) -> list[jax.Device]:
    return [device for device in devices if device.process_index == process]
