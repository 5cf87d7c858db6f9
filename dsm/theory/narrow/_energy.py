r"""What patterns say of the outputs: the energetic part of the free entropy, per pattern.

Outputs s* of the teacher (variance C0) and omega of the student's mean over its posterior (variance C_q) are Gaussian with
covariance C_R; the student's own output is omega + sqrt(V) z. Labels are y = s* + sqrt(D) xi or their sign.
"""

import abc
import math
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Float

from dsm.theory.output_channels import AbstractOutputChannel

#: Ends of integrals over standard normal variables, and Gauss-Legendre nodes between two kinks.
END, NODES = 9.5, 40
#: Smallest share of the teacher's output that the student leaves unexplained, and smallest variance.
LEAST = 1e-14

Scalar = Float[Array, ""]


class Fields(NamedTuple):
    """Law of the outputs.

    Attributes:
        spread: V, variance of the student's output around omega; beta times it for beta -> infinity.
        student: C_q, variance of omega.
        cross: C_R.
        teacher: C0.
    """

    spread: Scalar
    student: Scalar
    cross: Scalar
    teacher: Scalar


class Response(NamedTuple):
    """Averages of g = d/d omega log Z: what stability needs."""

    square: Scalar
    slope_square: Scalar


class AbstractEnergy(eqx.Module):
    """The part of the free entropy that the patterns make.

    Attributes:
        noise: D.
    """

    noise: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def posterior(self, fields: Fields, beta: Scalar) -> Scalar:
        """E log of the mean of exp(-beta l) over the student's output."""

    @abc.abstractmethod
    def minimum(self, fields: Fields, weight: Scalar) -> Scalar:
        """Its limit for beta -> infinity, over beta: -E min (s - omega)**2 / (2 V) + weight l."""

    @abc.abstractmethod
    def evidence(self, covariance: Scalar, teacher: Scalar) -> Scalar:
        """E log P(y | omega) of the optimal student, whose C_q = C_R = `covariance`."""

    @abc.abstractmethod
    def evidence_response(self, covariance: Scalar, teacher: Scalar) -> Response:
        """Of `evidence`."""

    @abc.abstractmethod
    def response(self, fields: Fields, beta: Scalar, minimised: bool) -> Response:
        """Of `posterior`, or of `minimum` at weight `beta` = 1."""

    @abc.abstractmethod
    def error(self, student: Scalar, cross: Scalar, teacher: Scalar) -> Scalar:
        """Test error of an output with variance `student` and covariance `cross` with the teacher's: E (s - s*)**2, or the
        probability of the wrong sign."""

    @property
    @abc.abstractmethod
    def loss_factor(self) -> float:
        """What the mean loss is multiplied by to be the training error."""

    @abc.abstractmethod
    def contradicted(self, teacher: Scalar) -> Scalar:
        """Training error of a sample of the optimal posterior: E (y - s)**2, or the fraction of labels it gets wrong."""


class Regression(AbstractEnergy):
    """Square loss (y - s)**2 / 2."""

    noise: Scalar

    @property
    def loss_factor(self) -> float:
        return 2.0

    def _misfit(self, fields: Fields) -> Scalar:
        """E (y - omega)**2."""
        return self.noise + fields.teacher - 2 * fields.cross + fields.student

    def posterior(self, fields: Fields, beta: Scalar) -> Scalar:
        return -jnp.log1p(beta * fields.spread) / 2 + self.minimum(fields, beta)

    def minimum(self, fields: Fields, weight: Scalar) -> Scalar:
        return -weight * self._misfit(fields) / 2 / (1 + weight * fields.spread)

    def evidence(self, covariance: Scalar, teacher: Scalar) -> Scalar:
        return -(1 + jnp.log(2 * jnp.pi * self._unexplained(covariance, teacher))) / 2

    def evidence_response(self, covariance: Scalar, teacher: Scalar) -> Response:
        inverse = 1 / self._unexplained(covariance, teacher)
        return Response(inverse, inverse**2)

    def _unexplained(self, covariance: Scalar, teacher: Scalar) -> Scalar:
        return jnp.maximum(self.noise + teacher - covariance, LEAST)

    def response(self, fields: Fields, beta: Scalar, minimised: bool) -> Response:
        slope = beta / (1 + beta * fields.spread)
        return Response(slope**2 * self._misfit(fields), slope**2)

    def error(self, student: Scalar, cross: Scalar, teacher: Scalar) -> Scalar:
        return student - 2 * cross + teacher

    def contradicted(self, teacher: Scalar) -> Scalar:
        return self.noise


class Classification(AbstractEnergy):
    """A loss of the margin y s, for labels y = sign(s* + sqrt(D) xi)."""

    noise: Scalar
    channel: AbstractOutputChannel

    @property
    def loss_factor(self) -> float:
        return 1.0 if self.channel.minimised else math.nan

    def posterior(self, fields: Fields, beta: Scalar) -> Scalar:
        return self._mean(lambda w: self.channel.log_partition(w, fields.spread, beta), fields, beta, smooth=True)

    def minimum(self, fields: Fields, weight: Scalar) -> Scalar:
        return -self._mean(lambda w: self.channel.envelope(w, fields.spread, weight), fields, weight, smooth=False)

    def response(self, fields: Fields, beta: Scalar, minimised: bool) -> Response:
        part = self.channel.envelope if minimised else self.channel.log_partition

        def of(w: Scalar) -> Scalar:
            return part(w, fields.spread, beta)

        slope = jax.grad(of)
        square = self._mean(lambda w: slope(w) ** 2, fields, beta, smooth=not minimised)
        slope_square = self._mean(lambda w: jax.grad(slope)(w) ** 2, fields, beta, smooth=not minimised)
        return Response(square, slope_square)

    def _mean(self, function: Callable[[Scalar], Scalar], fields: Fields, beta: Scalar, smooth: bool) -> Scalar:
        """E function(w), w = y omega: 2 int Dz P(y = 1 | omega) f(sqrt(C_q) z) by symmetry."""
        student = jnp.maximum(fields.student, LEAST)
        correlation = fields.cross / jnp.sqrt(student * (fields.teacher + self.noise))
        rest = jnp.sqrt(jnp.maximum(1 - correlation**2, LEAST))
        width = jnp.sqrt(student)
        kinks = self.channel.kinks(fields.spread, beta)
        turn = 8 * jnp.sqrt(fields.spread) if smooth else jnp.zeros(())
        bends = jnp.concatenate([kinks - turn, kinks, kinks + turn]) if smooth else kinks
        steep = 8 * rest / jnp.maximum(jnp.abs(correlation), 8 / END)
        ends = jnp.concatenate([bends / width, jnp.stack([-steep, jnp.zeros(()), steep])])
        nodes, weights = _panels(ends)
        values = jax.vmap(function)(width * nodes)
        density = jnp.exp(-(nodes**2) / 2 + log_ndtr(correlation * nodes / rest)) * (2 / jnp.pi) ** 0.5
        return weights @ (density * values)

    def evidence(self, covariance: Scalar, teacher: Scalar) -> Scalar:
        return self._mean_of_evidence(lambda t: jnp.exp(log_ndtr(t)) * log_ndtr(t), covariance, teacher)

    def evidence_response(self, covariance: Scalar, teacher: Scalar) -> Response:
        unexplained = self._unexplained(covariance, teacher)
        slope = jax.grad(log_ndtr)
        square = self._mean_of_evidence(lambda t: jnp.exp(log_ndtr(t)) * slope(t) ** 2, covariance, teacher)
        bend = self._mean_of_evidence(lambda t: jnp.exp(log_ndtr(t)) * jax.grad(slope)(t) ** 2, covariance, teacher)
        return Response(square / unexplained, bend / unexplained**2)

    def _unexplained(self, covariance: Scalar, teacher: Scalar) -> Scalar:
        return jnp.maximum(self.noise + teacher - covariance, LEAST)

    def _mean_of_evidence(self, function: Callable[[Scalar], Scalar], covariance: Scalar, teacher: Scalar) -> Scalar:
        """2 int Dz f(sqrt(gamma) z) for functions that vanish beyond some units: nodes in the field, not in z."""
        root = jnp.sqrt(jnp.maximum(covariance, LEAST) / self._unexplained(covariance, teacher))
        scale = jnp.minimum(root, 1.0)
        nodes, weights = _panels(jnp.zeros(1))
        at = scale * nodes
        density = jnp.exp(-((at / root) ** 2) / 2) * scale / root * (2 / jnp.pi) ** 0.5
        return weights @ (density * jax.vmap(function)(at))

    def error(self, student: Scalar, cross: Scalar, teacher: Scalar) -> Scalar:
        correlation = cross / jnp.sqrt(jnp.maximum(student, LEAST) * teacher)
        return jnp.arccos(jnp.clip(correlation, -1, 1)) / jnp.pi

    def contradicted(self, teacher: Scalar) -> Scalar:
        return jnp.arctan(jnp.sqrt(self.noise / teacher)) / jnp.pi


def _panels(inner: Float[Array, " ends"]) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Gauss-Legendre nodes and weights on (-END, END), divided at the `inner` ends."""
    ends = jnp.sort(jnp.concatenate([jnp.clip(inner, -END, END), jnp.asarray([-END, -3.0, 3.0, END])]))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    middle, half = (ends[1:] + ends[:-1]) / 2, (ends[1:] - ends[:-1]) / 2
    at = middle[:, None] + half[:, None] * jnp.asarray(nodes)[None, :]
    return at.ravel(), (half[:, None] * jnp.asarray(weights)[None, :]).ravel()
