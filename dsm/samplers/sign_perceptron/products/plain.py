"""Products in float32: they run everywhere, and define what is right."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from dsm.samplers.sign_perceptron.products._base import PRODUCTS, AbstractProducts


@PRODUCTS.register("plain")
class PlainProducts(AbstractProducts):
    """float32 throughout; on a GPU outside the matrix units, whose TF32 would round."""

    def factors(self, matrices: Float[Array, "L N N"]) -> Float[Array, "L N N"]:
        return matrices

    def fields(self, factor: Float[Array, "N N"], spins: Float[Array, "N M"]) -> Float[Array, "N M"]:
        return jnp.matmul(factor, spins, precision=lax.Precision.HIGHEST)
