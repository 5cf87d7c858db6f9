"""How well each unit of the teacher is represented."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._correlation import by_layer
from dsm.observables.deep_network._snapshot import INPUT_SETS, OBSERVABLES, Snapshot


@OBSERVABLES.register("best_correlation")
class BestCorrelation(AbstractPairObservable):
    """max_k rho_jk over the student units of the same layer, for each teacher unit j.

    The baseline is the best correlation with a teacher that the student knows nothing of: a maximum over many units is
    not small by chance.
    """

    variables: ClassVar[dict[str, Variable]] = {
        "best_correlation": Variable(
            ("inputs", "layer", "teacher"),
            "best correlation of a teacher unit with any student unit, max_k rho_jk",
            label=r"$\max_k\rho_{jk}$",
        )
    }
    coordinates: ClassVar[dict[str, Coordinate]] = INPUT_SETS

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"best_correlation": by_layer(lambda matrix: matrix.max(1), a, b)}
