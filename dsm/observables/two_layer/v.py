"""v, the student's second layer."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.two_layer._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("v")
class SecondLayer(AbstractMachineObservable):
    """v_k, the second-layer weights of the student."""

    variables: ClassVar[dict[str, Variable]] = {"v": Variable(("student",), "second-layer weight of the student")}

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"v": machine.overlaps.outputs}
