"""Correlations between the units of one layer: how many dimensions its representation has."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm.observables._base import OBSERVABLES, AbstractObservable, Snapshot, Variable


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
class SameLayerCorrelation(AbstractObservable):
    """Mean square correlation and effective dimension by layer on the test patterns, of the student and of the teacher."""

    pairs: ClassVar[tuple[str, ...]] = ("teacher",)
    variables: ClassVar[dict[str, Variable]] = {
        f"{machine}_{name}": Variable(f"{text} of the {machine}, test patterns")
        for machine in ("student", "teacher")
        for name, text in (
            ("square_correlation", "unbiased mean of C_ij^2 over pairs of units"),
            ("effective_dimension", "effective dimension (Tr C)^2 / Tr C^2"),
        )
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for machine, snapshot in (("student", a), ("teacher", b)):
            square, dimension = jax.vmap(same_layer_correlation)(snapshot.test)
            found |= {f"{machine}_square_correlation": square, f"{machine}_effective_dimension": dimension}
        return found
