"""How well each unit of the teacher is represented."""

from typing import ClassVar

from jaxtyping import Array

from dsm import theory
from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.two_layer._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("best_correlation")
class BestCorrelation(AbstractMachineObservable):
    """max_k rho_mk, the best correlation of the activation of teacher unit m with that of any student unit, over inputs
    whose fields are Gaussian with the covariances Q, R, T: as of deep networks (arXiv:1909.13458)."""

    variables: ClassVar[dict[str, Variable]] = {
        "best_correlation": Variable(
            ("teacher",),
            "best correlation of a teacher unit with any student unit, max_k rho_mk",
            label=r"$\max_k\rho_{mk}$",
            figures=("curve",),
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"best_correlation": theory.unit_correlations(machine.student.activation, machine.overlaps).max(1)}
