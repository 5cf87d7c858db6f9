"""Spin overlaps that see neither the sign gauge nor permutations of hidden units."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int8

from dsm._variables import Variable
from dsm.data import Problem
from dsm.observables._base import AbstractPairObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot


def overlap_matrix(a: Int8[Array, "M N"], b: Int8[Array, "M N"]) -> Float[Array, "N N"]:
    """q_ij = mean over patterns of S_a[i] S_b[j]."""
    product = jnp.matmul(a.T.astype(jnp.float32), b.astype(jnp.float32), precision="highest")
    return product / jnp.float32(a.shape[0])


def matched_overlap(a: Int8[Array, "M N"], b: Int8[Array, "M N"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Of one layer: the mean |q_ij| under the assignment of units that makes it largest, and sum_ij q_ij**2 / N.

    Units see the same inputs, so that both are above zero for independent machines too: read them beside the baseline.
    """
    matrix = jnp.abs(overlap_matrix(a, b))
    rows, columns = optax.assignment.hungarian_algorithm(-matrix.astype(float))  # it computes in the default type
    return jnp.mean(matrix[rows, columns]), jnp.sum(matrix**2) / matrix.shape[0]


@OBSERVABLES.register("matched_overlap")
class MatchedOverlap(AbstractPairObservable):
    """Best-matched |q_ij| and sum_ij q_ij**2 / N by layer on the test patterns; for dense wiring.

    The assignment costs O(N**3) a layer and pair.
    """

    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "baseline")
    variables: ClassVar[dict[str, Variable]] = {
        "matched_overlap": Variable(
            ("layer",),
            "matched overlap, mean of |q_ij| under optimal assignment, test patterns",
            label=r"matched $|q_{ij}|$ test (gauge- and permutation-invariant)",
            figures=("profile",),
        ),
        "overlap_matrix_square": Variable(("layer",), "sum_ij q_ij^2 / N, test patterns"),
    }

    def applies(self, problem: Problem) -> bool:
        return problem.teacher.wiring.is_dense

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        matched, square = jax.vmap(matched_overlap)(a.test, b.test)
        return {"matched_overlap": matched, "overlap_matrix_square": square}
