"""Overlap of each unit with its match."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.narrow._matching import matched_overlaps
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("unit_overlap")
class UnitOverlap(AbstractPairObservable):
    """R_kk for each unit of the other network, units in the best order."""

    variables: ClassVar[dict[str, Variable]] = {
        "unit_overlap": Variable(("unit",), "overlap of each unit with the one that matches it, R_kk", label="$R_{kk}$")
    }
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "baseline")

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"unit_overlap": jnp.diag(matched_overlaps(a, b))}
