"""Projection of each unit on the sum direction of another network."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("sum_projection")
class SumProjection(AbstractPairObservable):
    """a_k w_k.v' / (|v'| sqrt N) for each unit k, v' = K**-1/2 sum_l a_l w'_l: of order K**-1/2 where units have their share
    of the sum, of order 1 where they condense on it. Units are in no particular order."""

    variables: ClassVar[dict[str, Variable]] = {
        "sum_projection": Variable(
            ("unit",), "projection of each unit on the other's sum direction, a_k w_k.v / (|v| sqrt N)"
        )
    }
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "baseline")

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        mode, inputs = b.sum_mode, a.network.weights.shape[1]
        along = jnp.matmul(a.signed_weights, mode, precision="highest")
        return {"sum_projection": along / jnp.sqrt(inputs * (mode**2).sum())}
