"""Correlation matrix of the units of teacher and student."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._correlation import by_layer
from dsm.observables.deep_network._snapshot import INPUT_SETS, OBSERVABLES, Snapshot


@OBSERVABLES.register("correlation")
class Correlation(AbstractPairObservable):
    """Centred and normalised correlation of activations (arXiv:1909.13458). Large: choose it for small networks."""

    variables: ClassVar[dict[str, Variable]] = {
        "correlation": Variable(
            ("inputs", "layer", "teacher", "student"), "correlation of activations, rho_jk", label=r"$\rho_{jk}$"
        )
    }
    coordinates: ClassVar[dict[str, Coordinate]] = INPUT_SETS
    pairs: ClassVar[tuple[str, ...]] = ("teacher",)

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"correlation": by_layer(lambda matrix: matrix, a, b)}
