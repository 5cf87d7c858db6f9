"""The energy that learning lowers."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("energy")
class Energy(AbstractMachineObservable):
    """E / (K N), the summed loss with weight decay for each weight."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher")
    variables: ClassVar[dict[str, Variable]] = {
        "energy": Variable((), "energy for each weight, E / (K N)", label="$E/KN$", figures=("curve",))
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"energy": machine.energy / machine.network.weights.size}
