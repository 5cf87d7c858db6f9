"""Lengths of the units, and their overlaps with one another."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.narrow._matching import overlaps
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("self_overlap")
class SelfOverlap(AbstractMachineObservable):
    """Q_kl = w_k.w_l / N: the mean of Q_kk, and the mean of a_k a_l Q_kl over k != l."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher")
    variables: ClassVar[dict[str, Variable]] = {
        "self_overlap": Variable(
            (), "squared length of the units, mean over k of Q_kk", label="$Q_{kk}$", figures=("overlap",)
        ),
        "self_overlap_off_diagonal": Variable(
            (), "signed overlap of different units, mean over k != l of a_k a_l Q_kl", label=r"$Q_{k\neq l}$"
        ),
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        found = overlaps(machine, machine)
        units = found.shape[0]
        rest = (found.sum() - jnp.trace(found)) / max(units * (units - 1), 1)
        return {"self_overlap": jnp.trace(found) / units, "self_overlap_off_diagonal": rest}
