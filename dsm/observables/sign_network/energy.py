"""Training error."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Int, Int8

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot


def wrong_outputs(output: Int8[Array, "M N"], label: Int8[Array, "M N"]) -> Int[Array, ""]:
    """E, the number of wrong output signs; the label 0 is nobody's."""
    return jnp.sum(output * label < 0, dtype=jnp.int32)


@OBSERVABLES.register("energy")
class Energy(AbstractMachineObservable):
    """E/(MN), the fraction of wrong output signs on the training patterns, and E itself, which a float32 could not hold."""

    variables: ClassVar[dict[str, Variable]] = {
        "energy": Variable(
            (),
            "energy per pattern and output, E/(MN)",
            label="energy per pattern and output $E/(MN)$",
            figures=("curve",),
            guess=0.5,
        ),
        "wrong_outputs": Variable((), "energy E, number of wrong outputs on the training patterns"),
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        wrong = wrong_outputs(machine.train[-1], machine.labels)
        labels = jnp.sum(machine.labels != 0, dtype=jnp.int32)
        return {"energy": wrong.astype(jnp.float32) * (1 / labels.astype(jnp.float32)), "wrong_outputs": wrong}
