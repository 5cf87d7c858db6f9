"""Where replicas are computed: shards over devices, and blocks that fit the cache of a CPU core."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

#: Working set of the chains that a CPU core advances together: about its level 2 cache.
CACHE_BYTES = 2 * 2**20

#: The axis of the mesh: replicas of deep machines, samples of online learning.
SHARDS = "shards"


class Layout(eqx.Module):
    """How ensembles are laid over devices.

    Attributes:
        mesh: one axis; every device has the same number of replicas, or of samples.
        block: the most chains that are advanced together on one device.
    """

    mesh: Mesh = eqx.field(static=True)
    block: int = eqx.field(static=True)

    @property
    def devices(self) -> int:
        """Number of shards."""
        return self.mesh.size

    def shard(self, array: Any, axis: int = 2) -> jax.Array:
        """Put an array on the devices, each its own part of `axis`; by default of [sample, beta, replica, ...]."""
        return jax.device_put(array, NamedSharding(self.mesh, PartitionSpec(*(None,) * axis, SHARDS)))

    def copy_to_all(self, array: Any) -> jax.Array:
        """Put an array on all devices whole."""
        return jax.device_put(array, NamedSharding(self.mesh, PartitionSpec()))


def make_layout(number: int, chain_bytes: int, devices: int | None = None) -> Layout:
    """Shard over as many of the devices as divide `number`, of replicas or samples.

    `chain_bytes` is one chain's working set in a sweep.

    On an accelerator all chains advance together; on a CPU as many as fit the cache.
    """
    available = jax.devices()
    most = min(devices or len(available), len(available))
    shards = max(n for n in range(1, most + 1) if number % n == 0)
    mesh = Mesh(np.array(available[:shards]), (SHARDS,), axis_types=(AxisType.Auto,))
    on_cpu = available[0].platform == "cpu"
    return Layout(mesh, max(2, CACHE_BYTES // max(chain_bytes, 1)) if on_cpu else 2**30)


def vmap_in_blocks(function: Callable[..., Any], block: int, depth: int) -> Callable[..., Any]:
    """`function` over `depth` leading axes, at most about `block` elements at a time: inner axes are vectorised first."""
    if depth == 0:
        return function

    def mapped(*trees: Any) -> Any:
        shape = jax.tree.leaves(trees)[0].shape[:depth]
        inside = int(np.prod(shape[1:], dtype=int))
        together = max(1, min(shape[0], block // max(inside, 1)))
        inner = vmap_in_blocks(function, block, depth - 1)
        together = -(-shape[0] // -(-shape[0] // together))  # blocks of equal size, or nearly
        if together == shape[0]:
            return jax.vmap(inner)(*trees)
        if together == 1:
            return lax.map(lambda tree: inner(*tree), trees)
        return lax.map(lambda tree: inner(*tree), trees, batch_size=together)

    return mapped
