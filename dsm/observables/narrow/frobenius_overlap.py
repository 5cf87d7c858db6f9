"""An overlap that knows of no order of the units."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.narrow._matching import overlaps
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("frobenius_overlap")
class FrobeniusOverlap(AbstractPairObservable):
    """sqrt(sum_kl R_kl**2 / K), R_kl = w_k.w'_l / N, and its square: no permutation or rotation of the units changes
    them. By chance the square is of order K / N."""

    variables: ClassVar[dict[str, Variable]] = {
        "frobenius_overlap": Variable((), "overlap without matching, sqrt(sum_kl R_kl**2 / K)", label="$q_F$"),
        "frobenius_overlap_square": Variable((), "its square, sum_kl R_kl**2 / K", label="$q_F^2$"),
    }
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "baseline")

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        square = (overlaps(a, b) ** 2).sum() / a.network.weights.shape[0]
        return {"frobenius_overlap": jnp.sqrt(square), "frobenius_overlap_square": square}
