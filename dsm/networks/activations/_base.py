"""What an activation provides: its values, and the averages over Gaussian fields that theory needs.

Whoever has closed forms overrides the averages; for everybody else they are quadratures.
"""

import abc
import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dsm._errors import ConfigError
from dsm._registry import Registry
from dsm.networks.activations._mehler import at_nodes, hermite_coefficients, mehler_sum

#: Gauss-Hermite nodes a dimension. Averages of erf and tanh are then right to some 1e-6 for variances up to about 1;
#: variances that are much larger than the square of the scale on which g bends need more.
NODES = 32


class AbstractActivation(eqx.Module):
    """A function g of one variable.

    Averages are over P jointly Gaussian fields x with mean zero and covariance C, and come for all pairs at once. C may be
    singular: fields may coincide or vanish.
    """

    #: Whether it has a slope that learning by gradients can follow.
    sloped: ClassVar[bool] = True

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """g(x), elementwise."""

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """g'(x), elementwise."""
        return jax.jvp(self, (x,), (jnp.ones_like(x),))[1]

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        """E g(x_i) g(x_k), the I2 of Saad and Solla (1995)."""
        return _over_pairs(lambda x, y: self(x) * self(y), covariance)

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        """E g'(x_i) g'(x_k), their J2."""
        return _over_pairs(lambda x, y: self.slope(x) * self.slope(y), covariance)

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        """E g'(x_i) x_i g(x_k). Their I3 follows from it and J2 by conditioning x_j on x_i and Stein's lemma:

        E g'(x_i) x_j g(x_k) = C_ij / C_ii E g'(x_i) x_i g(x_k) + (C_jk - C_ij C_ik / C_ii) E g'(x_i) g'(x_k).
        """
        return _over_pairs(lambda x, y: self.slope(x) * x * self(y), covariance)

    def slope_slope_error(
        self, covariance: Float[Array, "P P"], outputs: Float[Array, " P"], students: int
    ) -> Float[Array, "K K"]:
        """E g'(x_i) g'(x_k) (sum_p outputs_p g(x_p))**2 for i, k < `students`: their I4, summed over its last two indices.

        Given x_i and x_k the other fields are Gaussian, and E g(x_p) g(x_q) follows from the Hermite coefficients of g
        around their conditional means (Mehler's formula).
        """
        nodes, weights, hermite = _hermite()
        first, second = np.triu_indices(students)

        def pair(i: Array, k: Array) -> Array:
            column_i, column_k = covariance[:, i], covariance[:, k]
            along_first = column_i * _inverse_root(column_i[i])
            rest = column_k - along_first * along_first[k]
            along_second = rest * _inverse_root(rest[k], column_k[k])
            grid = jnp.meshgrid(nodes, nodes, indexing="ij")
            mean = along_first[:, None, None] * grid[0][None] + along_second[:, None, None] * grid[1][None]
            within = covariance - jnp.outer(along_first, along_first) - jnp.outer(along_second, along_second)
            scale = _inverse_root(jnp.diag(within), jnp.diag(covariance))
            spread = _root(jnp.diag(within), jnp.diag(covariance))
            correlation = jnp.clip(within * scale[:, None] * scale[None, :], -1, 1)
            values = self(mean[..., None] + (spread[:, None] * nodes[None, :])[:, None, None, :])
            coefficients = outputs[:, None, None, None] * jnp.matmul(values, weights[:, None] * hermite)
            shape = (*correlation.shape, nodes.size - 1)
            powers = jnp.cumprod(jnp.broadcast_to(correlation[..., None], shape), axis=-1)
            powers = jnp.concatenate([jnp.ones_like(powers[..., :1]), powers], axis=-1)
            square = jnp.einsum("pabr,qabr,pqr->ab", coefficients, coefficients, powers)
            slopes = self.slope(mean[i]) * self.slope(mean[k])
            return jnp.einsum("ab,ab,a,b->", slopes, square, weights, weights)

        return from_upper(jax.vmap(pair)(jnp.asarray(first), jnp.asarray(second)), students)

    # What a unit does beyond its mean and its linear part: the kernel of networks of many units (arXiv:2507.00629). Fields
    # u, v have variances Q1, Q2 and covariance c. Functions with kinks need closed forms: their coefficients fall slowly.

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        """E g'(sqrt(Q) z) with z ~ N(0, 1)."""
        return hermite_coefficients(self, variance)[1] / jnp.sqrt(variance)

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        """E g''(sqrt(Q) z)."""
        return hermite_coefficients(self, variance)[2] * 2**0.5 / variance

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        """psi(Q1, Q2; c) = E g(u) g(v) - E g(u) E g(v) - E g'(u) E g'(v) c, which is of order c**2."""
        return mehler_sum(self, first, second, covariance)

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        """psi(Q, Q; Q), of fields that coincide."""
        values, weights = at_nodes(self, variance)
        return weights @ values**2 - (weights @ values) ** 2 - hermite_coefficients(self, variance)[1] ** 2

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        """d psi / d c at c = Q1 = Q2 = Q."""
        slopes, weights = at_nodes(self.slope, variance)
        return weights @ slopes**2 - (weights @ slopes) ** 2

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        """d2 psi / d c2 at c = Q1 = Q2 = Q; inf for functions with kinks."""
        curvatures, weights = at_nodes(lambda x: jax.jvp(self.slope, (x,), (jnp.ones_like(x),))[1], variance)
        return weights @ curvatures**2


def make_activation(activation: Any) -> AbstractActivation:
    """An activation from its name, or from any elementwise and differentiable JAX function (averages by quadrature).

    Raises:
        ConfigError: unknown name, or not a function.
    """
    if isinstance(activation, AbstractActivation):
        return activation
    if isinstance(activation, str):
        return ACTIVATIONS.get(activation, "activation")()
    if not callable(activation):
        raise ConfigError(f"activation = {activation}: must be a function or one of {', '.join(ACTIVATIONS.names)}")
    return _Function(activation)


class _Function(AbstractActivation):
    """Any function."""

    function: Callable = eqx.field(static=True)

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return self.function(x)


def from_upper(values: Float[Array, " pairs"], size: int) -> Float[Array, "size size"]:
    """The symmetric matrix whose upper triangle, row by row, is `values`."""
    order = np.zeros((size, size), int)
    order[np.triu_indices(size)] = np.arange(size * (size + 1) // 2)
    return values[np.maximum(order, order.T)]


def _over_pairs(function: Callable[[Array, Array], Array], covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
    """E function(x_i, x_k) for all i, k."""
    nodes, weights, _ = _hermite()
    first, second = jnp.asarray(nodes)[:, None], jnp.asarray(nodes)[None, :]

    def pair(here: Array, there: Array, between: Array) -> Array:
        along = between * _inverse_root(here)
        rest = _root(there - along**2, there)
        x = jnp.broadcast_to(_root(here, here) * first, (nodes.size, nodes.size))
        return jnp.einsum("ab,a,b->", function(x, along * first + rest * second), weights, weights)

    variance = jnp.diag(covariance)
    over_second = jax.vmap(pair, (None, 0, 0))
    return jax.vmap(over_second, (0, None, 0))(variance, variance, covariance)


def _root(variance: Float[Array, "*n"], scale: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """variance**(1/2), and 0 (with derivative 0) where the variance is no more than rounding of `scale`."""
    there = variance > 1e-13 * scale
    return jnp.where(there, jnp.sqrt(jnp.where(there, variance, 1)), 0)


def _inverse_root(variance: Float[Array, "*n"], scale: Float[Array, "*n"] | None = None) -> Float[Array, "*n"]:
    """variance**(-1/2), and 0 where the variance is no more than rounding of `scale`."""
    least = 0.0 if scale is None else 1e-13 * scale
    there = variance > least
    return jnp.where(there, 1 / jnp.sqrt(jnp.where(there, variance, 1)), 0)


@functools.cache
def _hermite() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes and weights of the standard normal law, and the orthonormal Hermite polynomials at the nodes, [node, degree]."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    norms = np.sqrt([float(math.factorial(degree)) for degree in range(NODES)])
    return nodes, weights / weights.sum(), np.polynomial.hermite_e.hermevander(nodes, NODES - 1) / norms


ACTIVATIONS: Registry[AbstractActivation] = Registry("activation", AbstractActivation)
