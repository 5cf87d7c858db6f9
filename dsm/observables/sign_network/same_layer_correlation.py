"""Correlations between the units of one layer: how many dimensions its representation has."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot


def same_layer_correlation(spins: Int8[Array, "M N"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Mean of C_ij**2 over pairs i != j, without bias, and the effective dimension (Tr C)**2 / Tr C**2, where
    C_ij = mean over patterns of S_i S_j.

    Like q_i**2, C_ij**2 is biased by (1 - C_ij**2)/(M - 1). The dimension is N for independent units, 1 for equal ones; use
    more patterns than units, since the unbiased denominator may vanish otherwise. The replica theory of the dense limit
    neglects these correlations (loops; arXiv:2302.07419). With one unit there is no pair and the mean is 0.
    """
    patterns, width = spins.shape
    signs = spins.astype(jnp.float32)
    matrix = jnp.matmul(signs.T, signs, precision="highest") / patterns
    square = matrix**2
    unbiased = square - (1 - square) / max(patterns - 1, 1)  # 1 on the diagonal
    total = jnp.sum(unbiased)
    return (total - width) / max(width * (width - 1), 1), width**2 / total


@OBSERVABLES.register("same_layer_correlation")
class SameLayerCorrelation(AbstractMachineObservable):
    """Mean square correlation and effective dimension by layer on the test patterns."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher")
    variables: ClassVar[dict[str, Variable]] = {
        "same_layer_correlation": Variable(("layer",), "unbiased mean of C_ij^2 over pairs of units, test patterns"),
        "effective_dimension": Variable(("layer",), "effective dimension (Tr C)^2 / Tr C^2, test patterns"),
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        square, dimension = jax.vmap(same_layer_correlation)(machine.test)
        return {"same_layer_correlation": square, "effective_dimension": dimension}
