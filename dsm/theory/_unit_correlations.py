"""Correlations of the units of student and teacher, from order parameters."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations import AbstractActivation
from dsm.theory._order_parameters import Overlaps


def unit_correlations(activation: AbstractActivation, overlaps: Overlaps) -> Float[Array, "M K"]:
    """Pearson's correlation of g(rho_m) with g(lam_k) over Gaussian inputs, teacher units first; 0 with a constant unit.

    It is what is measured of deep ReLU students (arXiv:1909.13458), in the limit of many inputs.
    """
    covariance = overlaps.covariance
    students, fields = overlaps.outputs.size, len(covariance)
    # The averages over an independent copy of all fields are products of means.
    nothing = jnp.zeros_like(covariance)
    averages = activation.value_value(jnp.block([[covariance, nothing], [nothing, covariance]]))
    centred = averages[:fields, :fields] - averages[:fields, fields:]
    variances = jnp.diag(centred)
    square = variances[students:, None] * variances[None, :students]
    there = square > 0
    return jnp.where(there, centred[students:, :students] / jnp.sqrt(jnp.where(there, square, 1)), 0)
