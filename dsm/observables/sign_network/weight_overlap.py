"""Q(l), the overlap of weights."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot


def weight_overlap(a: Float[Array, "*layers N c"], b: Float[Array, "*layers N c"]) -> Float[Array, "*layers"]:
    """Q(l) = mean over units and inputs of J_a J_b, for weights with sum_k J_k**2 = c (arXiv:2302.07419)."""
    return jnp.mean(a * b, axis=(-2, -1))


@OBSERVABLES.register("weight_overlap")
class WeightOverlap(AbstractPairObservable):
    """Q(l), the overlap of weights by layer. Neither gauge- nor permutation-invariant."""

    variables: ClassVar[dict[str, Variable]] = {
        "weight_overlap": Variable(("layer",), "weight overlap Q(l)", label=r"$Q(l)$ weights", figures=("profile",))
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"weight_overlap": weight_overlap(a.weights, b.weights)}
