"""Norm of the weights out of each hidden unit."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot, stacked


@OBSERVABLES.register("fan_out_norm")
class FanOutNorm(AbstractMachineObservable):
    """|v_k|, v_k the weights from unit k to the layer above."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher")
    variables: ClassVar[dict[str, Variable]] = {
        "fan_out_norm": Variable(("layer", "student"), "norm of the weights out of a unit, |v_k|", label="$|v_k|$")
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        above = machine.network.layers[1:]
        return {"fan_out_norm": stacked([jnp.sqrt((layer.weights**2).sum(0)) for layer in above])}
