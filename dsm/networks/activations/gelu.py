"""The Gaussian error linear unit (Hendrycks and Gimpel, arXiv:1606.08415)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation


@ACTIVATIONS.register("gelu")
class GELU(AbstractActivation):
    """g(x) = x Phi(x), with the normal distribution function Phi itself and no approximation of it."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return x * (1 + jax.lax.erf(x * 0.5**0.5)) / 2

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return (1 + jax.lax.erf(x * 0.5**0.5)) / 2 + x * jnp.exp(-(x**2) / 2) / (2 * jnp.pi) ** 0.5
