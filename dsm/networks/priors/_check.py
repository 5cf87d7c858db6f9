"""A weight prior that is not dsm's own, tried once."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dsm._errors import ConfigError
from dsm._parts import blamed, is_own, name_of
from dsm.networks._lattice import outside
from dsm.networks.priors._base import KEY, AbstractPrior

LAYERS, UNITS = 2, 16


def check_prior(prior: AbstractPrior, fan_in: int) -> None:
    """Draw rows of weights from a prior, and scale them. Priors of dsm are not tried.

    Raises:
        ConfigError: weights are not as many float32 as asked for, or off the lattice, or not +1 and -1; scaled, they have
            another direction or length than they should; or an error arises in the prior.
    """
    if is_own(type(prior)):
        return
    who, shape = f"{KEY}: {name_of(type(prior))}", (LAYERS, UNITS, fan_in)

    def given(method: Callable[..., Any], *arguments: Any) -> np.ndarray:
        with blamed(KEY, type(prior)):
            array = jnp.asarray(jax.jit(method)(*arguments))
        if array.shape != shape or array.dtype != jnp.float32:
            wanted, got = f"float32{list(shape)}", f"{array.dtype}{list(array.shape)}"
            raise ConfigError(f"{who}: {method.__name__} must give {wanted} where this is asked for, got {got}")
        return np.asarray(array)

    def sample(key: jax.Array) -> jax.Array:
        return prior.sample(key, shape)

    def normalise(weights: jax.Array) -> jax.Array:
        return prior.normalise(weights)

    weights = given(sample, jax.random.key(0))
    wrong, legal = outside(weights, prior.continuous, fan_in)
    if wrong.size:
        raise ConfigError(f"{who}: a weight must be {legal}, got {wrong[0]}")
    square = np.sum(weights**2, axis=-1, keepdims=True)
    wanted = weights * np.sqrt(fan_in / np.where(square > 0, square, np.inf))
    scaled = given(normalise, weights)
    off = ~np.isclose(scaled, wanted, rtol=1e-3, atol=1e-3)
    if off.any():
        same = f"the same directions with sum_k J_k**2 = {fan_in}"
        values = f"{scaled[off][0]:g} instead of {wanted[off][0]:g}"
        raise ConfigError(f"{who}: normalise must give {same}, got {values} for {weights[off][0]:g}")
