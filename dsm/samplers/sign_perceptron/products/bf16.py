r"""Products of continuous weights on bfloat16 matrix units, without rounding.

A lattice weight has at most 24 significant bits: it is the sum of three bfloat16 numbers of 8 bits each, its leading bits,
those of the rest, and what is left. Side by side, [N x 3N] times the spins three times over, [3N x M], they are one product.

Every product of a part and a spin is exact. So are their sums in float32, in whatever order: parts are multiples of the
lattice spacing s, as the weight is (one whose last bit is finer than s has fewer than 8 bits in all, and no rest), and each
rest is at most 2**-8 of what it is the rest of. Sums stay below (1 + 2**-8 + 2**-16) sum |J|, which is less than 2**24 s
where the lattice allows sum |J| (`dsm.networks.spacing`), up to 0.4 percent of room that rows never come near.
"""

from typing import ClassVar

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, BFloat16, Float

from dsm.samplers.sign_perceptron.products._base import PRODUCTS, AbstractProducts

#: Bits of exponent and mantissa of bfloat16.
BITS = 8, 7


@PRODUCTS.register("bf16")
class BFloat16Products(AbstractProducts):
    """Weights as sums of three bfloat16 numbers, sums as float32: exact on the lattice."""

    for_gpus: ClassVar[bool] = True

    def factors(self, matrices: Float[Array, "L N N"]) -> BFloat16[Array, "L N N_3"]:
        parts, rest = [], matrices
        for _ in range(3):
            # Not a conversion there and back: compilers leave these out, as excess precision.
            part = lax.reduce_precision(rest, *BITS)
            parts.append(part)
            rest = rest - part
        return jnp.concatenate(parts, axis=-1).astype(jnp.bfloat16)

    def fields(self, factor: BFloat16[Array, "N N_3"], spins: Float[Array, "N M"]) -> Float[Array, "N M"]:
        thrice = jnp.tile(spins.astype(jnp.bfloat16), (3, 1))
        return jnp.matmul(factor, thrice, preferred_element_type=jnp.float32)
