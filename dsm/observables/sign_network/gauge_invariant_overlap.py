"""Spin overlaps that do not see the sign gauge."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot
from dsm.observables.sign_network.spin_overlap import mean_over_units, patterns_of, share, summed_overlaps


def gauge_invariant_overlap(
    a: Int8[Array, "*layers M N"], b: Int8[Array, "*layers M N"]
) -> tuple[Float[Array, "*layers"], Float[Array, "*layers"]]:
    """Means over units of |q_i| and of q_i**2, the latter without bias: q_i**2 - (1 - q_i**2)/(M - 1).

    Turning the sign of a hidden unit, with the weights into and out of it, changes neither. With one pattern the bias is
    unknown and the plain q_i**2 is returned.
    """
    sums, patterns = summed_overlaps(a, b), patterns_of(a)
    square = share(sums, patterns) ** 2
    bias = jnp.where(patterns > 1, (1 - square) * (1 / jnp.maximum(patterns - 1, 1)), 0)
    return mean_over_units(jnp.abs(sums), a), jnp.mean(square - bias, axis=-1)


@OBSERVABLES.register("gauge_invariant_overlap")
class GaugeInvariantOverlap(AbstractPairObservable):
    """Mean |q_i| and unbiased mean q_i**2 by layer."""

    variables: ClassVar[dict[str, Variable]] = {
        "gauge_invariant_overlap_train": Variable(
            ("layer",), "gauge-invariant overlap, mean of |q_i|, training patterns"
        ),
        "gauge_invariant_overlap_test": Variable(
            ("layer",),
            "gauge-invariant overlap, mean of |q_i|, test patterns",
            label=r"$\langle|q_i|\rangle$ test (gauge-invariant)",
            figures=("profile",),
        ),
        "gauge_invariant_overlap_squared_train": Variable(
            ("layer",), "gauge-invariant overlap, unbiased mean of q_i^2, training patterns"
        ),
        "gauge_invariant_overlap_squared_test": Variable(
            ("layer",), "gauge-invariant overlap, unbiased mean of q_i^2, test patterns"
        ),
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        train, square_train = gauge_invariant_overlap(a.train, b.train)
        test, square_test = gauge_invariant_overlap(a.test, b.test)
        return {
            "gauge_invariant_overlap_train": train,
            "gauge_invariant_overlap_test": test,
            "gauge_invariant_overlap_squared_train": square_train,
            "gauge_invariant_overlap_squared_test": square_test,
        }
