"""The optimal student: the posterior of a narrow teacher."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from dsm.theory.narrow._energy import AbstractEnergy
from dsm.theory.narrow._estimators import (
    SMALLEST_GAP,
    AbstractEstimator,
    State,
    kernel_derivatives,
    sum_modes,
)
from dsm.theory.narrow._outputs import Modes, Outputs, Scalar


class BayesOrder(NamedTuple):
    """log(1 - q): on the Nishimori line Q = 1 and R = q."""

    log_gap: Modes


class Bayes(AbstractEstimator):
    """The posterior of the teacher given the labels."""

    outputs: Outputs
    energy: AbstractEnergy

    def start(self, branch: str) -> BayesOrder:
        units = {"specialised": 1e-6, "rotated": 0.1}.get(branch, 1.0)
        return BayesOrder(jnp.log(jnp.asarray([units, 0.01])[: self.outputs.teacher.size]))

    def _covariance(self, overlap: Modes) -> Scalar:
        teacher = self.outputs.teacher
        return self.outputs.between(teacher, teacher, overlap, self.outputs.teacher_slope**2)

    def _energy(self, overlap: Modes) -> Scalar:
        return self.energy.evidence(self._covariance(overlap), self.outputs.teacher_variance)

    def update(self, order: BayesOrder, alpha: Scalar) -> BayesOrder:
        field = 2 * alpha * jax.grad(self._energy)(-jnp.expm1(order.log_gap)) / self.outputs.shares
        return BayesOrder(-jnp.log1p(jnp.clip(field, 0, 1 / SMALLEST_GAP)))

    def teacher_overlap(self, order: BayesOrder) -> Scalar:
        return -jnp.expm1(order.log_gap[0])

    def followers(self, order: BayesOrder) -> BayesOrder:
        return sum_modes(order)

    def free_entropy(self, order: BayesOrder, alpha: Scalar) -> Scalar:
        overlap = -jnp.expm1(order.log_gap)
        value = self.outputs.shares @ (overlap + order.log_gap) / 2 + alpha * self._energy(overlap)
        return jnp.where(self._perfect(order), jnp.inf, value)

    def _perfect(self, order: BayesOrder) -> Bool[Array, ""]:
        """Whether the teacher is recovered exactly, as it can be without noise."""
        resolved = order.log_gap[0] > jnp.log(2 * SMALLEST_GAP)
        return ~resolved & (self.energy.noise == 0)

    def state(self, order: BayesOrder, alpha: Scalar) -> State:
        overlap, gap = -jnp.expm1(order.log_gap), jnp.exp(order.log_gap[0])
        covariance, variance = self._covariance(overlap), self.outputs.teacher_variance
        mean = jnp.where(self._perfect(order), 0, self.energy.error(covariance, covariance, variance))
        one, other, square = self.outputs.teacher, overlap, self.energy.evidence_response(covariance, variance)
        slope, curvature = kernel_derivatives(self.outputs, jnp.ones(()), overlap[0])
        replicon = 1 - alpha * gap**2 * (slope**2 * square.slope_square + curvature * square.square)
        own, student, teacher = self._with_slaved(one, other, other, self.outputs.teacher_slope)
        return State(
            own,
            student,
            teacher,
            test_error=mean,
            mean_error=mean,
            sample_error=self.energy.error(variance, covariance, variance),
            train_error=self.energy.contradicted(variance),
            replicon=replicon,
        )
