"""Overlaps of random weights."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from dsm._errors import require
from dsm.training.starts._base import OVERLAP_STARTS, AbstractOverlapStart, StartOverlaps


@OVERLAP_STARTS.register("random")
class Random(AbstractOverlapStart):
    """Gaussian student weights in N dimensions, the units of the teacher orthonormal (T = 1): R is of order N**(-1/2), and
    so is what distinguishes the units of the student. On a hidden manifold teacher weights are normal too.

    Attributes:
        scale: standard deviation of the student's weights.
    """

    scale: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        require(0 <= self.scale < float("inf"), "scale", self.scale, "finite and not negative")

    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> StartOverlaps:
        student = self.scale * np.asarray(jax.random.normal(key, (students, width), jnp.float64))
        # Only the components along the teacher matter for R; any orthonormal teacher has the same law.
        return StartOverlaps(student @ student.T / width, student[:, :teachers] / width**0.5, np.eye(teachers))
