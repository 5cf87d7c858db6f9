"""Nearly symmetric overlaps, for the specialisation plateau."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Key

from dsm.theory import check_covariance
from dsm.training.starts._base import OVERLAP_STARTS, AbstractOverlapStart, StartOverlaps


@OVERLAP_STARTS.register("symmetric")
class Symmetric(AbstractOverlapStart):
    """Q = length on the diagonal and `correlation` off it; R = overlap everywhere, and more by `asymmetry` where student k
    meets teacher k mod M; T = 1.

    Attributes:
        length: Q_kk.
        correlation: Q_kl, k != l.
        overlap: R_km.
        asymmetry: what breaks the symmetry; with 0 units never specialise.
    """

    length: float = eqx.field(static=True, default=0.25)
    correlation: float = eqx.field(static=True, default=0.0)
    overlap: float = eqx.field(static=True, default=0.0)
    asymmetry: float = eqx.field(static=True, default=1e-3)

    def check(self, students: int, teachers: int) -> None:
        check_covariance(*self._overlaps(students, teachers))

    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> StartOverlaps:
        return self._overlaps(students, teachers)

    def _overlaps(self, students: int, teachers: int) -> StartOverlaps:
        Q = np.full((students, students), self.correlation) + (self.length - self.correlation) * np.eye(students)
        R = np.full((students, teachers), self.overlap)
        R[np.arange(students), np.arange(students) % teachers] += self.asymmetry
        return StartOverlaps(Q, R, np.eye(teachers))
