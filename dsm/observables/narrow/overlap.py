"""Overlaps of matched units."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.narrow._matching import matched_overlaps
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("overlap")
class Overlap(AbstractPairObservable):
    """Of the signed overlaps R_kl = a_k a_l w_k.w'_l / N of two networks, with units in the best order: the mean of those on
    the diagonal, the mean of the others, and the difference.

    Units that are not specialised still have overlaps of order 1/K, the same on and off the diagonal; the difference is
    zero for them, apart from what matching gains by chance, which the baseline shows.
    """

    variables: ClassVar[dict[str, Variable]] = {
        "overlap": Variable(
            (), "overlap of matched units, mean over k of R_kk", label="$R_{kk}$", figures=("overlap",)
        ),
        "overlap_off_diagonal": Variable(
            (), "signed overlap of other units, mean over k != l of a_k a_l R_kl", label=r"$R_{k\neq l}$",
            figures=("overlap",),
        ),
        "overlap_specialised": Variable(
            (), "overlap of matched units above that of others, R_kk - R_kl", label=r"$R_{kk}-R_{k\neq l}$"
        ),
    }  # fmt: skip
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "baseline")

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        found = matched_overlaps(a, b)
        units = found.shape[0]
        diagonal = jnp.trace(found) / units
        rest = (found.sum() - jnp.trace(found)) / max(units * (units - 1), 1)
        return {"overlap": diagonal, "overlap_off_diagonal": rest, "overlap_specialised": diagonal - rest}
