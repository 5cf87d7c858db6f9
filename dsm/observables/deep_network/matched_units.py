"""How many student units represent each unit of the teacher."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._correlation import by_layer
from dsm.observables.deep_network._snapshot import INPUT_SETS, OBSERVABLES, Snapshot

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@OBSERVABLES.register("matched_units")
class MatchedUnits(AbstractPairObservable):
    """Number of student units of the same layer whose correlation with teacher unit j is above a threshold; j is covered
    where that is at least one."""

    variables: ClassVar[dict[str, Variable]] = {
        "matched_units": Variable(
            ("inputs", "layer", "threshold", "teacher"), "number of student units with rho_jk above the threshold"
        )
    }
    coordinates: ClassVar[dict[str, Coordinate]] = INPUT_SETS | {
        "threshold": Coordinate(list(THRESHOLDS), "least correlation of units that count")
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        levels = jnp.asarray(THRESHOLDS, jnp.float32)[:, None, None]
        return {"matched_units": by_layer(lambda matrix: (matrix[None] > levels).sum(2), a, b)}
