r"""The three students of a narrow teacher: the optimal one, a sample at finite temperature, the minimum of the loss.

Each is a free entropy of its order parameters, per K N (arXiv:2507.00629),

    Phi = sum over modes of share * S(mode) + alpha G(outputs),

whose stationarity in S is solved by hand: `update` is the map whose fixed points are the saddle points, from derivatives of
G alone. Modes are the units and, with dressing, the sum mode (`_outputs`).
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from dsm.theory.narrow._energy import LEAST, AbstractEnergy, Fields
from dsm.theory.narrow._outputs import Modes, Outputs, Scalar

#: Gaps 1 - q and Q - q below this are not resolved.
SMALLEST_GAP = 1e-10
#: Smallest self overlap, and smallest inverse gap: the map must not leave the domain of the equations.
SMALLEST = 1e-12


#: Values for the units and for the sum mode.
Both = Float[Array, "2"]


class State(NamedTuple):
    """Order parameters of a student and what follows from them.

    Attributes:
        own, student, teacher: overlaps Q, q, R of units and sum mode.
        test_error: of one student; for the Bayesian, of the mean over the posterior.
        mean_error: of the mean over the posterior.
        sample_error: of one student, a sample of the posterior.
        train_error: E (y - s)**2 for square losses of regression, else see `narrow_network`.
        replicon: stability of replica symmetry in the overlaps of units: stable if positive.
    """

    own: Both
    student: Both
    teacher: Both
    test_error: Scalar
    mean_error: Scalar
    sample_error: Scalar
    train_error: Scalar
    replicon: Scalar


class AbstractEstimator(eqx.Module):
    """A kind of student.

    Attributes:
        outputs: from overlaps to covariances.
        energy: what patterns say.
    """

    outputs: eqx.AbstractVar[Outputs]
    energy: eqx.AbstractVar[AbstractEnergy]

    @abc.abstractmethod
    def start(self, branch: str) -> PyTree:
        """Order parameters at which the search for a branch begins."""

    @abc.abstractmethod
    def update(self, order: PyTree, alpha: Scalar) -> PyTree:
        """One application of the saddle-point equations."""

    @abc.abstractmethod
    def teacher_overlap(self, order: PyTree) -> Scalar:
        """R of the units."""

    @abc.abstractmethod
    def followers(self, order: PyTree) -> PyTree:
        """Which order parameters follow those of the units at once: truth values in the shape of `order`."""

    @abc.abstractmethod
    def free_entropy(self, order: PyTree, alpha: Scalar) -> Scalar:
        """Phi; for the minimum of a loss, minus the minimum over K N."""

    @abc.abstractmethod
    def state(self, order: PyTree, alpha: Scalar) -> State:
        """The order parameters, and errors."""

    def _with_slaved(self, own: Modes, student: Modes, teacher: Modes, b: Scalar) -> tuple[Both, Both, Both]:
        """Overlaps with those of the sum mode, which for K -> infinity is parallel to the teacher's. It has none where
        the activation has no linear part."""
        if self.outputs.dressing != "none":
            return own, student, teacher
        slope = self.outputs.activation.mean_slope(own[0])
        along = jnp.where(slope > 0, b / jnp.where(slope > 0, slope, 1), jnp.nan)
        return jnp.append(own, along**2), jnp.append(student, along**2), jnp.append(teacher, along)


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
        return _sum_modes(order)

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
        slope, curvature = _kernel_derivatives(self.outputs, jnp.ones(()), overlap[0])
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
        return _slaved(slopes, self.outputs.teacher_slope)

    def teacher_overlap(self, order: GibbsOrder) -> Scalar:
        return order.teacher[0]

    def followers(self, order: GibbsOrder) -> GibbsOrder:
        return _sum_modes(order)

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
        slope, curvature = _kernel_derivatives(self.outputs, own[0], order.student[0])
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
        return _slaved(slopes, self.outputs.teacher_slope)

    def teacher_overlap(self, order: ERMOrder) -> Scalar:
        return order.teacher[0]

    def followers(self, order: ERMOrder) -> ERMOrder:
        return _sum_modes(order)

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


def _sum_modes(order: Any) -> Any:
    """True for the second of two modes, and for b: the sum mode, of which there are K times as many patterns."""
    return jax.tree.map(lambda leaf: np.arange(leaf.size) > 0 if leaf.ndim else np.ones((), bool), order)


def _slaved(slopes: Fields, teacher_slope: Scalar) -> Scalar:
    """b at which G is stationary: b**2 is a part of C_q, at fixed V, and mu1(1) b one of C_R."""
    falls = slopes.student < 0
    return jnp.where(falls, -teacher_slope * slopes.cross / (2 * jnp.where(falls, slopes.student, -1)), 0)


def _kernel_derivatives(outputs: Outputs, own: Scalar, overlap: Scalar) -> tuple[Scalar, Scalar]:
    """First and second derivative of psi(Q, Q; q) by q."""
    slope = jax.grad(lambda at: outputs.remainder(own, own, at))
    return slope(overlap), jax.grad(slope)(overlap)
