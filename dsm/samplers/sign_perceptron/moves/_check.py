"""A move that is not dsm's own, tried once: what it must keep is not left to its author's care."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsm._errors import ConfigError
from dsm._parts import blamed, is_own, name_of
from dsm._random import stream
from dsm.networks import AbstractPrior, outside
from dsm.samplers.sign_perceptron.moves._base import AbstractMove, Unit

KEY = "sampler.move"
MOVES_TRIED, PATTERNS = 32, 8


def check_move(move: AbstractMove, prior: AbstractPrior, fan_in: int) -> None:
    """Try a move on weights from the prior, in units of random patterns and costs. Moves of dsm are not tried.

    Raises:
        ConfigError: it gives anything but one float32 a weight, leaves the signs or the lattice, or an error arises in it.
    """
    if is_own(type(move)):
        return
    key = jax.random.key(0)
    rows = prior.sample(stream(key, "weights"), (MOVES_TRIED, fan_in))
    inputs = jax.random.rademacher(stream(key, "inputs"), (fan_in, PATTERNS), jnp.float32)
    cost = jax.random.randint(stream(key, "cost"), (PATTERNS,), -1, 2, jnp.int32)

    def one(draws: Any, row: jax.Array) -> jax.Array:
        return move.update(draws, row[0], Unit(row @ inputs, inputs[0], cost), fan_in)

    with blamed(KEY, type(move)):
        draws = move.draw(stream(key, "moves"), jnp.float32(1), (MOVES_TRIED,))
        moved = jax.jit(jax.vmap(one))(draws, rows)
    who = f"{KEY}: {name_of(type(move))}"
    if moved.shape != (MOVES_TRIED,) or moved.dtype != jnp.float32:
        raise ConfigError(f"{who}: a weight after a move must be one float32, got {moved.dtype}{list(moved.shape[1:])}")
    wrong, legal = outside(np.asarray(moved), move.continuous, fan_in)
    if wrong.size:
        raise ConfigError(f"{who}: a weight after a move must be {legal}, got {wrong[0]}")
