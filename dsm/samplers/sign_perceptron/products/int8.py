"""Products of signs on integer matrix units."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm.samplers.sign_perceptron.products._base import PRODUCTS, AbstractProducts


@PRODUCTS.register("int8")
class Int8Products(AbstractProducts):
    """Weights and spins as int8, sums as int32: exact. For ising weights."""

    continuous: ClassVar[bool] = False
    for_gpus: ClassVar[bool] = True

    def factors(self, matrices: Float[Array, "L N N"]) -> Int8[Array, "L N N"]:
        return matrices.astype(jnp.int8)

    def fields(self, factor: Int8[Array, "N N"], spins: Float[Array, "N M"]) -> Float[Array, "N M"]:
        return jnp.matmul(factor, spins.astype(jnp.int8), preferred_element_type=jnp.int32).astype(jnp.float32)
