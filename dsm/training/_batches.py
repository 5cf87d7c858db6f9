"""Which patterns of a training set are used at a step."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Key


def reshuffled(key: Key[Array, ""], position: Int[Array, ""], order: Int[Array, " P"]) -> Int[Array, " P"]:
    """The order of the patterns: a new random one where `position` in the epoch is 0."""
    patterns = np.arange(order.size, dtype=np.int32)
    return lax.cond(position == 0, lambda: jax.random.permutation(key, jnp.asarray(patterns)), lambda: order)
