"""Spin overlaps that do not see the sign gauge."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm.observables._base import OBSERVABLES, AbstractObservable, Snapshot, Variable
from dsm.observables.spin_overlap import unit_overlaps


def gauge_invariant_overlap(
    a: Int8[Array, "*layers M N"], b: Int8[Array, "*layers M N"]
) -> tuple[Float[Array, "*layers"], Float[Array, "*layers"]]:
    """Means over units of |q_i| and of q_i**2, the latter without bias: q_i**2 - (1 - q_i**2)/(M - 1).

    Turning the sign of a hidden unit, with the weights into and out of it, changes neither. With one pattern the bias is
    unknown and the plain q_i**2 is returned.
    """
    overlaps, patterns = unit_overlaps(a, b), a.shape[-2]
    square = overlaps**2
    bias = (1 - square) / (patterns - 1) if patterns > 1 else 0
    return jnp.mean(jnp.abs(overlaps), axis=-1), jnp.mean(square - bias, axis=-1)


@OBSERVABLES.register("gauge_invariant_overlap")
class GaugeInvariantOverlap(AbstractObservable):
    """Mean |q_i| and unbiased mean q_i**2 by layer."""

    variables: ClassVar[dict[str, Variable]] = {
        "abs_spin_overlap_train": Variable("gauge-invariant overlap, mean of |q_i|, training patterns"),
        "abs_spin_overlap_test": Variable("gauge-invariant overlap, mean of |q_i|, test patterns"),
        "square_spin_overlap_train": Variable("gauge-invariant overlap, unbiased mean of q_i^2, training patterns"),
        "square_spin_overlap_test": Variable("gauge-invariant overlap, unbiased mean of q_i^2, test patterns"),
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        train, square_train = gauge_invariant_overlap(a.train, b.train)
        test, square_test = gauge_invariant_overlap(a.test, b.test)
        return {
            "abs_spin_overlap_train": train,
            "abs_spin_overlap_test": test,
            "square_spin_overlap_train": square_train,
            "square_spin_overlap_test": square_test,
        }
