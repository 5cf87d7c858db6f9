"""The minimum of the loss of narrow networks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dsm.theory.narrow._energy import AbstractEnergy, Fields
from dsm.theory.narrow._estimators import (
    SMALLEST,
    SMALLEST_GAP,
    AbstractEstimator,
    State,
    slaved,
    sum_modes,
)
from dsm.theory.narrow._outputs import Modes, Outputs, Scalar


class ERMOrder(NamedTuple):
    """log(chi), chi = beta (Q - q), Q and R of each mode, and the slaved share b of the sum mode."""

    log_chi: Modes
    own: Modes
    teacher: Modes
    b: Scalar


class ERM(AbstractEstimator):
    """The minimum of the losses plus decay / 2 times the squared weights: Gibbs for beta -> infinity.

    Attributes:
        decay: lambda.
    """

    outputs: Outputs
    energy: AbstractEnergy
    decay: Scalar

    def start(self, branch: str) -> ERMOrder:
        units = {"specialised": (1.0, 0.99), "rotated": (1.0, 0.9)}
        own, teacher = units.get(branch, (0.9, 0.0))
        modes = self.outputs.teacher.size
        return ERMOrder(
            jnp.zeros(modes),
            jnp.asarray([own, 1.0])[:modes],
            jnp.asarray([teacher, 0.99])[:modes],
            self.outputs.teacher_slope,
        )

    def _fields(self, chi: Modes, own: Modes, teacher: Modes, b: Scalar) -> Fields:
        cross = self.outputs.between(own, self.outputs.teacher, teacher, self.outputs.teacher_slope * b)
        spread = jnp.maximum(self.outputs.response(own, chi), SMALLEST_GAP)
        return Fields(spread, self.outputs.within(own, b**2), cross, self.outputs.teacher_variance)

    def _energy(self, chi: Modes, own: Modes, teacher: Modes, b: Scalar) -> Scalar:
        return self.energy.minimum(self._fields(chi, own, teacher, b), jnp.ones(()))

    def update(self, order: ERMOrder, alpha: Scalar) -> ERMOrder:
        chi, share = jnp.exp(order.log_chi), self.outputs.shares
        by_chi, by_own, by_teacher = (
            alpha * slope / share for slope in jax.grad(self._energy, (0, 1, 2))(chi, order.own, order.teacher, order.b)
        )
        # S = (Q - R**2) / (2 chi) - lambda Q / 2
        chi = 1 / jnp.maximum(self.decay - 2 * by_own, SMALLEST)
        teacher = chi * by_teacher
        own = jnp.maximum(teacher**2 + 2 * chi**2 * by_chi, SMALLEST)
        return ERMOrder(jnp.log(chi), own, teacher, self._slaved(order))

    def _slaved(self, order: ERMOrder) -> Scalar:
        """b at which G is stationary; not looked at with dressing."""
        if self.outputs.dressing != "none":
            return self.outputs.teacher_slope
        fields = self._fields(jnp.exp(order.log_chi), order.own, order.teacher, order.b)
        slopes = jax.grad(lambda fields: self.energy.minimum(fields, jnp.ones(())))(fields)
        return slaved(slopes, self.outputs.teacher_slope)

    def teacher_overlap(self, order: ERMOrder) -> Scalar:
        return order.teacher[0]

    def followers(self, order: ERMOrder) -> ERMOrder:
        return sum_modes(order)

    def free_entropy(self, order: ERMOrder, alpha: Scalar) -> Scalar:
        chi = jnp.exp(order.log_chi)
        entropy = (order.own - order.teacher**2) / (2 * chi) - self.decay * order.own / 2
        return self.outputs.shares @ entropy + alpha * self._energy(chi, order.own, order.teacher, order.b)

    def state(self, order: ERMOrder, alpha: Scalar) -> State:
        chi, one = jnp.exp(order.log_chi), jnp.ones(())
        fields = self._fields(chi, order.own, order.teacher, order.b)
        loss = -jax.grad(lambda weight: self.energy.minimum(fields, weight))(one)
        error = self.energy.error(fields.student, fields.cross, fields.teacher)
        response = self.energy.response(fields, one, minimised=True)
        activation = self.outputs.activation
        slope, curvature = activation.remainder_slope(order.own[0]), activation.remainder_curvature(order.own[0])
        replicon = 1 - alpha * chi[0] ** 2 * (slope**2 * response.slope_square + curvature * response.square)
        overlaps = self._with_slaved(order.own, order.own, order.teacher, order.b)
        return State(*overlaps, error, error, error, self.energy.loss_factor * loss, replicon)
