"""The rectifier. Averages over two fields are closed; that over four is an integral over one variable."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dsm.networks.activations._arcsin import arcsin, arcsin_excess
from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation, from_upper

#: Gauss-Legendre nodes of the integral; it is then right to 1e-8 where no two units nearly coincide.
NODES = 16
#: Variances below this fraction of what they are the rest of count as zero.
ROUNDING = 1e-13


@ACTIVATIONS.register("relu")
class ReLU(AbstractActivation):
    """g(x) = max(x, 0), g'(0) = 1/2 where it is averaged."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.maximum(x, 0)

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return (x > 0).astype(x.dtype)

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        variance = jnp.diag(covariance)
        return _ramps(covariance, variance[:, None], variance[None, :])

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        variance = jnp.diag(covariance)
        return _both_positive(covariance, variance[:, None], variance[None, :])

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return self.value_value(covariance)

    def slope_slope_error(
        self, covariance: Float[Array, "P P"], outputs: Float[Array, " P"], students: int
    ) -> Float[Array, "K K"]:
        first, second = np.triu_indices(students)
        p, q = np.triu_indices(covariance.shape[0])
        over_ramps = jax.vmap(functools.partial(_four, covariance), (None, None, 0, 0))
        averages = jax.vmap(over_ramps, (0, 0, None, None))(*map(jnp.asarray, (first, second, p, q)))
        twice = jnp.where(p == q, 1.0, 2.0).astype(outputs.dtype)
        return from_upper(averages @ (twice * outputs[p] * outputs[q]), students)

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, 0.5)

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return 1 / jnp.sqrt(2 * jnp.pi * variance)

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        # sqrt(1 - r**2) - 1 + r arcsin r, as a sum of positive terms.
        sine, cosine = _sine_cosine(covariance, first * second)
        bracket = sine**2 * cosine / (1 + cosine) + sine * arcsin_excess(sine)
        return jnp.sqrt(first * second) * bracket / (2 * jnp.pi)

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return variance * (0.25 - 0.5 / jnp.pi)

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, 0.25)

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, jnp.inf)


def _four(covariance: Float[Array, "P P"], a: Array, b: Array, c: Array, d: Array) -> Float[Array, ""]:
    """E theta(a) theta(b) c+ d+ (letters are fields, by index).

    Multiply the covariances of a and b with c and d by t. At t = 0 the average factorises. Its derivative (Price's theorem)
    has a delta in place of one theta, and is closed. In phi, t = sin(phi), it is smooth up to t = 1, where a or b may
    coincide with c or d.
    """
    angles, measure = _legendre()
    t, weights = (jnp.asarray(values, covariance.dtype) for values in (np.sin(angles), measure * np.cos(angles)))

    def derivative(zero: Array, other: Array, kinked: Array, ramp: Array) -> Float[Array, " nodes"]:
        """C[zero, kinked] E delta(zero) theta(other) theta(kinked) ramp+."""
        variances = [covariance[x, x] for x in (zero, other, kinked, ramp)]
        to_other, to_kinked, to_ramp = covariance[zero, other], t * covariance[zero, kinked], t * covariance[zero, ramp]
        inverse = _inverse(variances[0])
        mean = _ramp_with_two_positive(
            _rest(variances[1], to_other, to_other, inverse=inverse),
            _rest(variances[2], to_kinked, to_kinked, inverse=inverse),
            _rest(variances[3], to_ramp, to_ramp, inverse=inverse),
            _rest(t * covariance[other, kinked], to_other, to_kinked, variances[1], variances[2], inverse=inverse),
            _rest(t * covariance[other, ramp], to_other, to_ramp, variances[1], variances[3], inverse=inverse),
            _rest(covariance[kinked, ramp], to_kinked, to_ramp, variances[2], variances[3], inverse=inverse),
        )
        return covariance[zero, kinked] * jnp.sqrt(inverse / (2 * jnp.pi)) * mean

    slopes = derivative(a, b, c, d) + derivative(a, b, d, c) + derivative(b, a, c, d) + derivative(b, a, d, c)
    positive = _both_positive(covariance[a, b], covariance[a, a], covariance[b, b])
    return positive * _ramps(covariance[c, d], covariance[c, c], covariance[d, d]) + slopes @ weights


def _ramps(covariance: Array, first: Array, second: Array) -> Array:
    """E x+ y+."""
    product = first * second
    sine, cosine = _sine_cosine(covariance, product)
    return jnp.sqrt(product) * (cosine + sine * (jnp.pi / 2 + _arcsin(sine))) / (2 * jnp.pi)


def _ramp_with_two_positive(xx: Array, yy: Array, zz: Array, xy: Array, xz: Array, yz: Array) -> Array:
    """E theta(x) theta(y) z+ of three Gaussians: sum over w in (x, y, z) of C_zw times the density of w at 0 times the
    probability that the other two are positive there."""

    def term(covariance: Array, ww: Array, uu: Array, vv: Array, uv: Array, wu: Array, wv: Array) -> Array:
        inverse = _inverse(ww)
        positive = _both_positive(
            _rest(uv, wu, wv, uu, vv, inverse=inverse),
            _rest(uu, wu, wu, inverse=inverse),
            _rest(vv, wv, wv, inverse=inverse),
        )
        return covariance * jnp.sqrt(inverse / (2 * jnp.pi)) * positive

    return term(zz, zz, xx, yy, xy, xz, yz) + term(xz, xx, zz, yy, yz, xz, xy) + term(yz, yy, zz, xx, xz, yz, xy)


def _inverse(variance: Array) -> Array:
    """1 / variance, and 0 where there is none: a constant has no density at 0 to speak of."""
    there = variance > 0
    return jnp.where(there, 1 / jnp.where(there, variance, 1), 0)


def _rest(
    whole: Array, u: Array, v: Array, uu: Array | None = None, vv: Array | None = None, *, inverse: Array
) -> Array:
    """Covariance `whole` less what a third variable explains, u v / var; 0 where that is rounding of `whole`, or of its
    bound sqrt(uu vv)."""
    left = whole - u * v * inverse
    bound = jnp.abs(whole) if uu is None or vv is None else jnp.sqrt(jnp.abs(uu * vv))
    return jnp.where(jnp.abs(left) > ROUNDING * bound, left, 0)


def _both_positive(covariance: Array, first: Array, second: Array) -> Array:
    """P(x > 0, y > 0), a variable without variance being positive half of the time."""
    sine, _ = _sine_cosine(covariance, first * second)
    return 0.25 + _arcsin(sine) / (2 * jnp.pi)


def _sine_cosine(covariance: Array, product: Array) -> tuple[Array, Array]:
    """Correlation C / sqrt(product) and sqrt(1 - correlation**2), 0 where there is no variance."""
    there = product > 0
    sine = jnp.where(there, covariance / jnp.sqrt(jnp.where(there, product, 1)), 0)
    inside = jnp.abs(sine) < 1
    return jnp.clip(sine, -1, 1), jnp.where(inside, jnp.sqrt(jnp.where(inside, 1 - sine**2, 1)), 0)


def _arcsin(sine: Array) -> Array:
    """arcsin, with derivative 0 instead of infinity at the ends."""
    inside = jnp.abs(sine) < 1
    return jnp.where(inside, arcsin(jnp.where(inside, sine, 0)), jnp.where(sine > 0, jnp.pi / 2, -jnp.pi / 2))


@functools.cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, pi/2)."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.pi / 4 * (nodes + 1), np.pi / 4 * weights
