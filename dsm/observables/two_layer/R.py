"""R, overlaps of the student's units with the teacher's."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.two_layer._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("R")
class TeacherOverlap(AbstractMachineObservable):
    """R_km = w_k.wt_m / N, overlaps of the student's units with the teacher's."""

    variables: ClassVar[dict[str, Variable]] = {
        "R": Variable(
            ("student", "teacher"),
            "overlap of student and teacher units, w_i.wt_m / N (on a hidden manifold the covariance)",
            label="$R_{km}$",
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"R": machine.overlaps.cross}
