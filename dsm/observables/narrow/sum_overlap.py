"""Overlap of the sum modes."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("sum_overlap")
class SumOverlap(AbstractPairObservable):
    """v.v' / N of the sum modes v = K**-1/2 sum_k a_k w_k: what is learnt before units specialise."""

    variables: ClassVar[dict[str, Variable]] = {
        "sum_overlap": Variable((), "overlap of the sums of units, v.v' / N", label="$v.v'/N$")
    }
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "baseline")

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"sum_overlap": (a.sum_mode * b.sum_mode).sum() / a.network.weights.shape[1]}
