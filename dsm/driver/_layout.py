"""Where chains are computed: shards over devices, and blocks that fit the cache of a CPU core."""

import logging
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from dsm.driver._axes import Axis

#: Working set of the chains that a CPU core advances together: about its level 2 cache.
CACHE_BYTES = 2 * 2**20

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
        """Number of devices in use."""
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
        """Put arrays on the devices."""
        return jax.tree.map(lambda leaf, spec: jax.device_put(leaf, NamedSharding(self.mesh, spec)), tree, specs)

    def copy_to_all(self, array: Any) -> jax.Array:
        """Put an array on all devices whole."""
        return jax.device_put(array, NamedSharding(self.mesh, PartitionSpec()))


def make_layout(
    axes: tuple[Axis, ...], chain_bytes: int, devices: int | None = None, block: int | None = None
) -> Layout:
    """Divide the axis along which most devices divide evenly, the innermost of equals.

    On an accelerator all chains advance together, on a CPU as many as fit the cache, unless `block` says how many.

    Arguments:
        axes: of the ensemble.
        chain_bytes: one chain's working set in a step.
        devices: the most devices to use; all if None.
        block: the most chains that are advanced together on one device.
    """
    available = jax.local_devices()
    most = min(devices or len(available), len(available))
    divisors = [max(n for n in range(1, most + 1) if axis.size % n == 0) for axis in axes]
    shards = max(divisors)
    divided = max(place for place, number in enumerate(divisors) if number == shards)
    if shards < most:
        sizes = ", ".join(f"{axis.size} ({axis.name})" for axis in axes)
        logger.warning("%d of %d devices are used: more divide none of the axes, %s", shards, most, sizes)
    elif shards > 1:
        logger.info("%d devices share the axis %s", shards, axes[divided].name)
    if block is None:
        on_cpu = available[0].platform == "cpu"
        block = max(2, CACHE_BYTES // max(chain_bytes, 1)) if on_cpu else int(np.prod([axis.size for axis in axes]))
    mesh = Mesh(np.array(available[:shards]), (SHARDS,), axis_types=(AxisType.Auto,))
    return Layout(mesh, divided, block)
