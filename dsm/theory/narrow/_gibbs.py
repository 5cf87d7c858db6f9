"""Narrow students at a finite temperature."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsm.theory.narrow._energy import LEAST, AbstractEnergy, Fields
from dsm.theory.narrow._estimators import (
    SMALLEST,
    SMALLEST_GAP,
    AbstractEstimator,
    State,
    kernel_derivatives,
    slaved,
    sum_modes,
)
from dsm.theory.narrow._outputs import Modes, Outputs, Scalar


class GibbsOrder(NamedTuple):
    """log(Q - q), q and R of each mode, and the slaved share b of the sum mode."""

    log_gap: Modes
    student: Modes
    teacher: Modes
    b: Scalar


class Gibbs(AbstractEstimator):
    """A student with probability exp(-beta E), E the sum of losses and decay / 2 times the squared weights.

    Attributes:
        beta: inverse temperature.
        decay: lambda.
    """

    outputs: Outputs
    energy: AbstractEnergy
    beta: Scalar
    decay: Scalar

    def start(self, branch: str) -> GibbsOrder:
        units = {"specialised": (0.01, 0.99, 0.99), "rotated": (0.1, 0.9, 0.9), "glassy": (0.01, 0.99, 0.0)}
        gap, student, teacher = units.get(branch, (1.0, 0.0, 0.0))
        modes = self.outputs.teacher.size
        return GibbsOrder(
            jnp.log(
                jnp.minimum(jnp.asarray([gap, 0.01])[:modes], jnp.maximum(1 / self.beta, 1.0 if gap == 1 else 0.0))
            ),
            jnp.asarray([student, 0.99])[:modes],
            jnp.asarray([teacher, 0.99])[:modes],
            self.outputs.teacher_slope,
        )

    def _fields(self, gap: Modes, student: Modes, teacher: Modes, b: Scalar) -> Fields:
        own, linear = student + gap, b**2
        between = self.outputs.between(own, own, student, linear)
        cross = self.outputs.between(own, self.outputs.teacher, teacher, self.outputs.teacher_slope * b)
        spread = jnp.maximum(self.outputs.within(own, linear) - between, LEAST)
        return Fields(spread, between, cross, self.outputs.teacher_variance)

    def _energy(self, gap: Modes, student: Modes, teacher: Modes, b: Scalar) -> Scalar:
        return self.energy.posterior(self._fields(gap, student, teacher, b), self.beta)

    def update(self, order: GibbsOrder, alpha: Scalar) -> GibbsOrder:
        gap, share = jnp.exp(order.log_gap), self.outputs.shares
        by_gap, by_student, by_teacher = (
            alpha * slope / share
            for slope in jax.grad(self._energy, (0, 1, 2))(gap, order.student, order.teacher, order.b)
        )
        # S = log(gap) / 2 + (q - R**2) / (2 gap) - beta lambda Q / 2
        gap = 1 / jnp.maximum(self.beta * self.decay - 2 * by_student, SMALLEST)
        gap = jnp.maximum(gap, SMALLEST_GAP)
        teacher = gap * by_teacher
        student = teacher**2 + 2 * gap**2 * (by_gap - by_student)
        student = jnp.maximum(student, SMALLEST - gap)
        return GibbsOrder(jnp.log(gap), student, teacher, self._slaved(order))

    def _slaved(self, order: GibbsOrder) -> Scalar:
        """b at which G is stationary; not looked at with dressing."""
        if self.outputs.dressing != "none":
            return self.outputs.teacher_slope
        fields = self._fields(jnp.exp(order.log_gap), order.student, order.teacher, order.b)
        slopes = jax.grad(lambda fields: self.energy.posterior(fields, self.beta))(fields)
        return slaved(slopes, self.outputs.teacher_slope)

    def teacher_overlap(self, order: GibbsOrder) -> Scalar:
        return order.teacher[0]

    def followers(self, order: GibbsOrder) -> GibbsOrder:
        return sum_modes(order)

    def free_entropy(self, order: GibbsOrder, alpha: Scalar) -> Scalar:
        gap = jnp.exp(order.log_gap)
        spread = (gap + order.student - order.teacher**2) / gap
        entropy = (jnp.log(2 * jnp.pi) + order.log_gap + spread) / 2
        entropy = entropy - self.beta * self.decay * (gap + order.student) / 2
        return self.outputs.shares @ entropy + alpha * self._energy(gap, order.student, order.teacher, order.b)

    def state(self, order: GibbsOrder, alpha: Scalar) -> State:
        gap = jnp.exp(order.log_gap)
        own = order.student + gap
        fields = self._fields(gap, order.student, order.teacher, order.b)
        loss = -jax.grad(lambda beta: self.energy.posterior(fields, beta))(self.beta)
        sample = self.energy.error(fields.student + fields.spread, fields.cross, fields.teacher)
        response = self.energy.response(fields, self.beta, minimised=False)
        slope, curvature = kernel_derivatives(self.outputs, own[0], order.student[0])
        replicon = 1 - alpha * gap[0] ** 2 * (slope**2 * response.slope_square + curvature * response.square)
        overlaps = self._with_slaved(own, order.student, order.teacher, order.b)
        return State(
            *overlaps,
            test_error=sample,
            mean_error=self.energy.error(fields.student, fields.cross, fields.teacher),
            sample_error=sample,
            train_error=self.energy.loss_factor * loss,
            replicon=replicon,
        )
