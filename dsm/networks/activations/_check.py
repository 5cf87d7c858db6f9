"""An activation that is not dsm's own, tried once."""

import jax
import jax.numpy as jnp

from dsm._errors import ConfigError
from dsm._parts import blamed, is_own, name_of
from dsm.networks.activations._base import AbstractActivation

KEY = "network.activation"
SHAPE = (2, 3)


def check_activation(activation: AbstractActivation) -> None:
    """Take an activation, and its slope where it has one, of an array, from shapes alone. Those of dsm are not tried.

    Raises:
        ConfigError: it gives anything but one real number an entry, or an error arises in it.
    """
    if is_own(type(activation)):
        return
    functions = {"__call__": activation.__call__} | ({"slope": activation.slope} if activation.sloped else {})
    for name, function in functions.items():
        with blamed(KEY, type(activation)):
            given = jax.eval_shape(lambda x, of=function: jnp.asarray(of(x)), jax.ShapeDtypeStruct(SHAPE, jnp.float32))
        if given.shape != SHAPE or not jnp.issubdtype(given.dtype, jnp.floating):
            got = f"{given.dtype}{list(given.shape)} of an array {list(SHAPE)}"
            who = f"{KEY}: {name_of(type(activation))}"
            raise ConfigError(f"{who}: {name} must give one real number for each entry, got {got}")
