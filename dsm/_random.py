"""Named random streams.

Every random number of a run descends from one seed through a named stream and integer indices, so that adding an
observable, a replica or a device leaves everybody else's numbers as they were.
"""

import math
import zlib
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Int, Key

from dsm._errors import is_integer, require

Index = int | Int[Array, ""]


def root_key(seed: int) -> Key[Array, ""]:
    """The key of a run. Any integer from 0 to 2**32 - 1 is legal, 0 included.

    Raises:
        ConfigError: `seed` is not such an integer.
    """
    require(is_integer(seed) and 0 <= seed < 2**32, "seed", seed, "an integer from 0 to 2**32 - 1")
    return jax.random.key(seed)


def stream(key: Key[Array, ""], name: str, *indices: Index) -> Key[Array, ""]:
    """The stream `name` of `key`, descended by each of `indices` in turn (sample, beta, replica, sweep, ...)."""
    key = jax.random.fold_in(key, zlib.crc32(name.encode()))
    for index in indices:
        key = jax.random.fold_in(key, index)
    return key


def draw_flat(sampler: Callable[..., Array], key: Key[Array, ""], shape: tuple[int, ...], *options: Any) -> Array:
    """`sampler(key, shape, *options)` of `jax.random`, drawn as a vector: the same numbers, and less to compile.

    XLA writes out loops over short rows, and the code of one random number is long: of shape (60, 10) it takes five times as
    long to compile as of (600,), and ten times under `jax.vmap`.
    """
    return sampler(key, (math.prod(shape),), *options).reshape(shape)
