"""Length of the sum mode."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("sum_self_overlap")
class SumSelfOverlap(AbstractMachineObservable):
    """v.v / N of the sum mode v = K**-1/2 sum_k a_k w_k."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher")
    variables: ClassVar[dict[str, Variable]] = {
        "sum_self_overlap": Variable((), "squared length of the sum of units, v.v / N", label="$v.v/N$")
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"sum_self_overlap": (machine.sum_mode**2).sum() / machine.network.weights.shape[1]}
