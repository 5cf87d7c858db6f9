"""How much each unit of the student is like one of the teacher."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._correlation import by_layer
from dsm.observables.deep_network._snapshot import INPUT_SETS, OBSERVABLES, Snapshot


@OBSERVABLES.register("specialisation")
class Specialisation(AbstractPairObservable):
    """max_j rho_jk over the teacher units of the same layer, for each student unit k. The baseline is that with an unknown
    teacher."""

    variables: ClassVar[dict[str, Variable]] = {
        "specialisation": Variable(
            ("inputs", "layer", "student"),
            "best correlation of a student unit with any teacher unit, max_j rho_jk",
            label=r"$\max_j\rho_{jk}$",
        )
    }
    coordinates: ClassVar[dict[str, Coordinate]] = INPUT_SETS

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"specialisation": by_layer(lambda matrix: matrix.max(0), a, b)}
