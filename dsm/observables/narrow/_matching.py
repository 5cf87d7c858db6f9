"""Which unit of one network is which of another."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from dsm.networks import is_odd
from dsm.observables.narrow._snapshot import Snapshot


def overlaps(a: Snapshot, b: Snapshot) -> Float[Array, "K K"]:
    """a_k a'_l w_k.w'_l / N: signed overlaps of the units of two networks."""
    inputs = a.network.weights.shape[1]
    return jnp.matmul(a.signed_weights, b.signed_weights.T, precision="highest") / inputs


def matched_overlaps(a: Snapshot, b: Snapshot) -> Float[Array, "K K"]:
    """Signed overlaps, with the units of `a` in the order that makes the trace largest.

    Units are exchanged among those of one sign a_k only; with an odd activation among all, for (a_k, w_k) and (-a_k, -w_k)
    are then the same unit. The maximum over permutations is above the mean of a chance overlap: see the baseline.
    """
    found = overlaps(a, b)
    cost = -found
    network = a.network
    if network.second_layer != "equal" and not is_odd(network.activation):
        alike = network.signs[:, None] == network.signs[None, :]
        far = 2 * network.signs.size * (1 + jnp.abs(found).max())  # more than any assignment gains
        cost = jnp.where(alike, cost, far)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        rows, columns = optax.assignment.hungarian_algorithm(cost)
    return found[rows[jnp.argsort(columns)]]
