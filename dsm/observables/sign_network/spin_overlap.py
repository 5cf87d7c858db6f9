"""q(l), the overlap of spins."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Int8

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot


def patterns_of(spins: Int8[Array, "*layers M N"]) -> Float[Array, "*layers 1"]:
    """The number of patterns; where spins are 0 there is none (`dsm.data.first_patterns`)."""
    return jnp.sum(spins[..., :1] != 0, axis=-2, dtype=jnp.int32).astype(jnp.float32)


def share(counts: Int[Array, "..."], total: Float[Array, "..."]) -> Float[Array, "..."]:
    """counts / total, as a product with 1 / total. Of a division XLA makes that where it finds that `total` is a constant,
    which depends on how chains lie over devices."""
    return counts.astype(jnp.float32) * (1 / total)


def unit_overlaps(a: Int8[Array, "*layers M N"], b: Int8[Array, "*layers M N"]) -> Float[Array, "*layers N"]:
    """q_i(l) = mean over patterns of S_a S_b, unit by unit."""
    return share(summed_overlaps(a, b), patterns_of(a))


def summed_overlaps(a: Int8[Array, "*layers M N"], b: Int8[Array, "*layers M N"]) -> Int[Array, "*layers N"]:
    """Sum over patterns of S_a S_b, unit by unit."""
    return jnp.sum(a * b, axis=-2, dtype=jnp.int32)


def mean_over_units(sums: Int[Array, "*layers N"], spins: Int8[Array, "*layers M N"]) -> Float[Array, "*layers"]:
    """Mean of sums over patterns: a ratio of counts, which no order of summation rounds otherwise."""
    width = jnp.float32(sums.shape[-1])
    return share(jnp.sum(sums, axis=-1, dtype=jnp.int32), width * patterns_of(spins)[..., 0])


def spin_overlap(a: Int8[Array, "*layers M N"], b: Int8[Array, "*layers M N"]) -> Float[Array, "*layers"]:
    """q(l) = mean over units and patterns of S_a S_b (arXiv:2302.07419)."""
    return mean_over_units(summed_overlaps(a, b), a)


@OBSERVABLES.register("spin_overlap")
class SpinOverlap(AbstractPairObservable):
    """q(l), the overlap of spins by layer, on training and on test patterns.

    Neither gauge- nor permutation-invariant, except at the output.
    """

    variables: ClassVar[dict[str, Variable]] = {
        "spin_overlap_train": Variable(
            ("layer",), "spin overlap q(l), training patterns", label=r"$q(l)$ train", figures=("profile", "from_input")
        ),
        "spin_overlap_test": Variable(
            ("layer",),
            "spin overlap q(l), test patterns",
            label=r"$q(l)$ test",
            figures=("profile", "from_input", "two_time"),
        ),
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {
            "spin_overlap_train": spin_overlap(a.train, b.train),
            "spin_overlap_test": spin_overlap(a.test, b.test),
        }
