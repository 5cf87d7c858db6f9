"""Overlaps of the weights out of the student's units, two layers."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.data import DeepProblem
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("fan_out_self_overlap")
class FanOutSelfOverlap(AbstractMachineObservable):
    """beta_kk' = v_k.v_k', of weights to the layer above (arXiv:1909.13458)."""

    variables: ClassVar[dict[str, Variable]] = {
        "fan_out_self_overlap": Variable(
            ("student", "student_2"), "overlap of the weights out of student units, v_k.v_k'", label=r"$\beta_{kk'}$"
        )
    }

    def applies(self, problem: DeepProblem) -> bool:
        return problem.teacher.depth == 1

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        out = machine.network.layers[-1].weights
        return {"fan_out_self_overlap": jnp.matmul(out.T, out, precision="highest")}
