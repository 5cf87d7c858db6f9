"""Overlaps of the weights out of student and teacher units, two layers."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.data import DeepProblem
from dsm.observables._base import AbstractPairObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("fan_out_overlap")
class FanOutOverlap(AbstractPairObservable):
    """alpha_kj = v_k.v*_j, of weights to the layer above.

    With beta it makes the gradient of hidden units, g = D [alpha f* - beta f] (arXiv:1909.13458).
    """

    variables: ClassVar[dict[str, Variable]] = {
        "fan_out_overlap": Variable(
            ("student", "teacher"),
            "overlap of the weights out of student and teacher units, v_k.v*_j",
            label=r"$\alpha_{kj}$",
        )
    }
    pairs: ClassVar[tuple[str, ...]] = ("teacher",)

    def applies(self, problem: DeepProblem) -> bool:
        return problem.teacher.depth == 1

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        student, teacher = (machine.network.layers[-1].weights for machine in (a, b))
        return {"fan_out_overlap": jnp.matmul(student.T, teacher, precision="highest")}
