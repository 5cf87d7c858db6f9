"""No annealing."""

from typing import ClassVar

from jaxtyping import Array, Float, Int

from dsm.samplers.schedules._base import SCHEDULES, AbstractSchedule


@SCHEDULES.register("constant")
class Constant(AbstractSchedule):
    """The target beta throughout."""

    needs_finite: ClassVar[bool] = False

    def beta(self, sweep: Int[Array, ""], target: Float[Array, ""]) -> Float[Array, ""]:
        return target
