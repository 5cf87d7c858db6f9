"""A student that begins at the teacher."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Key

from dsm._errors import require
from dsm.training.starts._base import OVERLAP_STARTS, AbstractOverlapStart, StartOverlaps, refuse_fewer_units


@OVERLAP_STARTS.register("informed")
class Informed(AbstractOverlapStart):
    """The first M units of the student are the teacher's, T = 1; those beyond are orthogonal to them, and to each other, and
    short. Needs K >= M (arXiv:1906.08632).

    Attributes:
        rest: length of the other units, sqrt(Q_kk).
    """

    rest: float = eqx.field(static=True, default=1e-9)

    def __check_init__(self) -> None:
        require(0 <= self.rest < float("inf"), "rest", self.rest, "finite and not negative")

    def check(self, students: int, teachers: int) -> None:
        refuse_fewer_units("informed", students, teachers)

    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> StartOverlaps:
        beyond = np.arange(students) >= teachers
        return StartOverlaps(np.diag(np.where(beyond, self.rest**2, 1.0)), np.eye(students, teachers), np.eye(teachers))
