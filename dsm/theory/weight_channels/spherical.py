"""Continuous weights of fixed total length."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.theory.weight_channels._base import WEIGHT_CHANNELS, AbstractWeightChannel


@WEIGHT_CHANNELS.register("spherical")
class SphericalChannel(AbstractWeightChannel):
    """sum_k J_k**2 = c: one of many weights is standard normal, Q = e / (1 + e)."""

    def overlap_gap(self, field: Float[Array, ""]) -> Float[Array, ""]:
        return 1 / (1 + field)

    def free_entropy(self, field: Float[Array, ""]) -> Float[Array, ""]:
        return (field / (1 + field) - jnp.log1p(field)) / 2  # (ln(1 - Q) + Q)/2
