"""The one acceptance rule."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Num

from dsm._random import draw_flat

#: Larger than any energy that is an integer; these are int32.
UNBOUNDED = 2**30


def allowance(
    key: Key[Array, ""], beta: float | Float[Array, ""], shape: tuple[int, ...], dtype: Any = jnp.int32
) -> Num[Array, "..."]:
    """The largest energy increase that each of `shape` proposals may make: accept iff dE <= allowance.

    Metropolis accepts if u < exp(-beta dE), that is if dE <= -ln(u)/beta; the right side is an exponential variable
    over beta. Where energies are integers (`dtype`) its integer part serves. Ties (dE = 0) are always accepted.
    beta = inf allows nothing (greedy), beta = 0 everything; both are branches of their own, so that inf * 0 never arises.
    Proposals must be reversible with respect to the prior.
    """
    beta = jnp.asarray(beta, jnp.float32)
    free = beta == 0
    threshold = draw_flat(jax.random.exponential, key, shape, jnp.float32) / jnp.where(free, 1, beta)
    if jnp.issubdtype(dtype, jnp.integer):
        threshold = jnp.where(free, UNBOUNDED, jnp.minimum(threshold, UNBOUNDED))
        return jnp.floor(threshold).astype(dtype)
    return jnp.where(free, jnp.inf, threshold).astype(dtype)
