"""The hyperbolic tangent."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation


@ACTIVATIONS.register("tanh")
class Tanh(AbstractActivation):
    """g(x) = tanh(x)."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.tanh(x)

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return 1 - jnp.tanh(x) ** 2
