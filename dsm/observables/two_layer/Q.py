"""Q, overlaps of the student's units with each other."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.two_layer._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("Q")
class StudentOverlap(AbstractMachineObservable):
    """Q_kl = w_k.w_l / N, overlaps of the student's units."""

    variables: ClassVar[dict[str, Variable]] = {
        "Q": Variable(
            ("student", "student_2"),
            "overlap of student units, w_i.w_k / N (on a hidden manifold the covariance of fields)",
            label="$Q_{kk}$",
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"Q": machine.overlaps.student}
