"""Which student units see the boundary of which teacher units."""

from collections.abc import Sequence
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._snapshot import INPUT_SETS, OBSERVABLES, Snapshot, on_both, stacked


@OBSERVABLES.register("observation")
class Observation(AbstractPairObservable):
    """Share of patterns on which student unit k is active and teacher unit j too, or those on which k alone is, whichever is
    less: k sees both sides of j's boundary where it is not zero (arXiv:1909.13458). Large: choose it for small networks."""

    variables: ClassVar[dict[str, Variable]] = {
        "observation": Variable(
            ("inputs", "layer", "teacher", "student"),
            "share of patterns on which a student unit is active, on the rarer side of a teacher unit",
        )
    }
    coordinates: ClassVar[dict[str, Coordinate]] = INPUT_SETS
    pairs: ClassVar[tuple[str, ...]] = ("teacher",)

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        def layers(teacher: Sequence[Array], student: Sequence[Array]) -> Array:
            return stacked([_seen(above, below) for above, below in zip(teacher, student, strict=True)])

        return {"observation": on_both(layers, b, a)}


def _seen(teacher: Array, student: Array) -> Array:
    active, seeing = ((units > 0).astype(jnp.float32) for units in (teacher, student))
    both = jnp.matmul(active.T, seeing, precision="highest")
    alone = seeing.sum(0)[None, :] - both
    return jnp.minimum(both, alone) / teacher.shape[0]
