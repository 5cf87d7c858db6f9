"""Error on the patterns that are learnt."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("train_error")
class TrainError(AbstractMachineObservable):
    """Regression: the mean of (y - f)**2, without 1/2; that of the teacher is the noise. Classification: the share of
    patterns on which the sign of f is not the label."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher", "baseline")
    variables: ClassVar[dict[str, Variable]] = {
        "train_error": Variable(
            (), "error on training patterns, mean of (y - f)**2 or share of wrong signs", label="training error",
            figures=("error",),
        )
    }  # fmt: skip

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"train_error": machine.train_error}
