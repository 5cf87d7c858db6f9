"""A move that is not dsm's own, tried once: what it must keep is not left to its author's care."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsm._errors import ConfigError
from dsm._parts import blamed, is_own, name_of
from dsm._random import stream
from dsm.networks import AbstractPrior, outside
from dsm.samplers.sign_perceptron.moves._base import AbstractMove, AbstractProposal, Unit

KEY = "sampler.move"
#: Moves as a layer has them, in units and in each unit.
TRIED, PATTERNS = (4, 8), 8


def check_move(move: AbstractMove, prior: AbstractPrior, fan_in: int) -> None:
    """Try a move on weights from the prior, in units of random patterns and costs. Moves of dsm are not tried.

    Raises:
        ConfigError: its random numbers are not as many as the moves, it gives anything but one float32 a weight, leaves the
            signs or the lattice, or an error arises in it.
    """
    if is_own(type(move)):
        return
    key = jax.random.key(0)
    rows = prior.sample(stream(key, "weights"), (*TRIED, fan_in))
    inputs = jax.random.rademacher(stream(key, "inputs"), (fan_in, PATTERNS), jnp.float32)
    cost = jax.random.randint(stream(key, "cost"), (PATTERNS,), -1, 2, jnp.int32)

    def one(draws: Any, row: jax.Array) -> jax.Array:
        return move.update(draws, row[0], Unit(row @ inputs, inputs[0], cost), fan_in)

    who = f"{KEY}: {name_of(type(move))}"
    with blamed(KEY, type(move)):
        draws = move.draw(stream(key, "moves"), jnp.float32(1), TRIED)
    for numbers in jax.tree.leaves(draws):
        if jnp.shape(numbers)[:2] != TRIED:
            method = "draw_proposal" if isinstance(move, AbstractProposal) else "draw"
            legal = f"arrays whose first axes are its argument shape, {TRIED} here"
            raise ConfigError(f"{who}: {method} must give {legal}, got an array of shape {jnp.shape(numbers)}")
    with blamed(KEY, type(move)):
        moved = jax.jit(jax.vmap(jax.vmap(one)))(draws, rows)
    if moved.shape != TRIED or moved.dtype != jnp.float32:
        raise ConfigError(f"{who}: a weight after a move must be one float32, got {moved.dtype}{list(moved.shape[2:])}")
    wrong, legal = outside(np.asarray(moved), move.continuous, fan_in)
    if wrong.size:
        raise ConfigError(f"{who}: a weight after a move must be {legal}, got {wrong[0]}")
