"""A student whose units are copies of the teacher's."""

import numpy as np
from jaxtyping import Array, Float, Key

from dsm.training.starts._base import OVERLAP_STARTS, AbstractOverlapStart, StartOverlaps, refuse_fewer_units


@OVERLAP_STARTS.register("denoise")
class Denoise(AbstractOverlapStart):
    """Unit k of the student is the teacher's unit k mod M, T = 1, and the copies of a unit share its second-layer weight:
    the student is the teacher, and averages the noise of its copies. Needs K >= M (arXiv:1906.08632).
    """

    sets_outputs = True

    def check(self, students: int, teachers: int) -> None:
        refuse_fewer_units("denoise", students, teachers)

    def overlaps(self, key: Key[Array, ""], width: int, students: int, teachers: int) -> StartOverlaps:
        R = np.eye(teachers)[np.arange(students) % teachers]
        return StartOverlaps(R @ R.T, R, np.eye(teachers))

    def outputs(
        self, outputs: Float[np.ndarray, " K"], teacher_outputs: Float[np.ndarray, " M"]
    ) -> Float[np.ndarray, " K"]:
        unit = np.arange(len(outputs)) % len(teacher_outputs)
        return teacher_outputs[unit] / np.bincount(unit)[unit]
