"""Overlaps as they are given."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Key

from dsm._errors import require
from dsm.theory import check_covariance
from dsm.training.starts._base import OVERLAP_STARTS, AbstractOverlapStart, StartOverlaps


@OVERLAP_STARTS.register("given")
class Given(AbstractOverlapStart):
    """Q, R and T, lists of rows; of larger ones the leading K and M rows and columns are taken. T null is the identity.

    Attributes:
        Q: student-student overlaps.
        R: student-teacher overlaps.
        T: teacher-teacher overlaps.
    """

    Q: Any = eqx.field(static=True)
    R: Any = eqx.field(static=True)
    T: Any = eqx.field(static=True, default=None)

    def check(self, students: int, teachers: int) -> None:
        check_covariance(*self._overlaps(students, teachers))

    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> StartOverlaps:
        return self._overlaps(students, teachers)

    def _overlaps(self, students: int, teachers: int) -> StartOverlaps:
        T = np.eye(teachers) if self.T is None else self.T
        Q = _leading("Q", self.Q, students, students)
        R = _leading("R", self.R, students, teachers)
        T = _leading("T", T, teachers, teachers)
        return StartOverlaps(Q, R, T)


def _leading(name: str, rows: Any, height: int, width: int) -> np.ndarray:
    try:
        matrix = np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        matrix = np.zeros(())
    fits = matrix.ndim == 2 and matrix.shape[0] >= height and matrix.shape[1] >= width and np.isfinite(matrix).all()
    require(bool(fits), name, rows, f"{height} or more rows of {width} or more finite numbers")
    return matrix[:height, :width]
