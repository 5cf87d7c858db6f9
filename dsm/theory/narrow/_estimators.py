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
from jaxtyping import Array, Float, PyTree

from dsm.theory.narrow._energy import AbstractEnergy, Fields
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


def sum_modes(order: Any) -> Any:
    """True for the second of two modes, and for b: the sum mode, of which there are K times as many patterns."""
    return jax.tree.map(lambda leaf: np.arange(leaf.size) > 0 if leaf.ndim else np.ones((), bool), order)


def slaved(slopes: Fields, teacher_slope: Scalar) -> Scalar:
    """b at which G is stationary: b**2 is a part of C_q, at fixed V, and mu1(1) b one of C_R."""
    falls = slopes.student < 0
    return jnp.where(falls, -teacher_slope * slopes.cross / (2 * jnp.where(falls, slopes.student, -1)), 0)


def kernel_derivatives(outputs: Outputs, own: Scalar, overlap: Scalar) -> tuple[Scalar, Scalar]:
    """First and second derivative of psi(Q, Q; q) by q."""
    slope = jax.grad(lambda at: outputs.remainder(own, own, at))
    return slope(overlap), jax.grad(slope)(overlap)
