"""What the replica theory needs of a loss of the margin u = y f: two integrals over the part of f that is not yet fixed."""

import abc
import functools
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from dsm._registry import Registry

#: Gauss-Hermite nodes around the mode of a log-concave integrand.
NODES = 64
#: Steps of the bracketed Newton search for the proximal point.
PROXIMAL_STEPS = 60

Scalar = Float[Array, ""]


class AbstractOutputChannel(eqx.Module):
    """A loss l(u), convex and not increasing in the margin.

    The defaults serve smooth losses; those with kinks have closed forms.
    """

    #: Whether learning may minimise it (beta -> inf); a likelihood that changes with beta has no such limit.
    minimised: ClassVar[bool] = True
    #: Whether decay shrinks the minimum of it to zero weights.
    collapses: ClassVar[bool] = False

    @abc.abstractmethod
    def value(self, margin: Scalar) -> Scalar:
        """l(u)."""

    def kinks(self, variance: Scalar, beta: Scalar) -> Float[Array, " kinks"]:
        """Fields w at which `envelope` bends, and around which `log_partition` turns within sqrt(V)."""
        return jnp.zeros(0)

    def log_partition(self, field: Scalar, variance: Scalar, beta: Scalar) -> Scalar:
        """log E exp(-beta l(w + sqrt(V) z)) over z ~ N(0, 1)."""
        mode = lax.stop_gradient(self._proximal(field, variance, beta))
        curvature = jax.grad(jax.grad(self.value))(mode)
        width = lax.stop_gradient(1 / jnp.sqrt(1 / variance + beta * curvature))
        nodes, weights = _hermite()
        at = mode + width * jnp.asarray(nodes)
        losses = jax.vmap(self.value)(at)
        exponents = -beta * losses - (at - field) ** 2 / (2 * variance) + jnp.asarray(nodes) ** 2 / 2
        scale = jnp.log(width) - jnp.log(variance) / 2
        return jax.scipy.special.logsumexp(exponents, b=jnp.asarray(weights)) + scale

    def envelope(self, field: Scalar, variance: Scalar, weight: Scalar) -> Scalar:
        """Moreau envelope min_u (u - w)**2 / (2 V) + weight l(u)."""
        point = self._proximal(field, variance, weight)
        return (point - field) ** 2 / (2 * variance) + weight * self.value(point)

    def _proximal(self, field: Scalar, variance: Scalar, weight: Scalar) -> Scalar:
        """The u of the envelope, which grows with w. Differentiable: the last step is Newton's."""
        slope, curvature = jax.grad(self.value), jax.grad(jax.grad(self.value))
        strength = variance * weight

        def excess(u: Scalar) -> Scalar:
            return u - field + strength * slope(u)

        def step(_: Any, bracket: tuple[Scalar, Scalar, Scalar]) -> tuple[Scalar, Scalar, Scalar]:
            low, high, u = bracket
            above = excess(u) > 0
            low, high = jnp.where(above, low, u), jnp.where(above, u, high)
            newton = u - excess(u) / (1 + strength * curvature(u))
            return low, high, jnp.where((newton > low) & (newton < high), newton, (low + high) / 2)

        # l' is negative and rises: the point lies between w and w - V l'(w).
        high = field - strength * slope(field)
        _, _, u = lax.fori_loop(0, PROXIMAL_STEPS, step, lax.stop_gradient((field, high, field)))
        u = lax.stop_gradient(u)
        return u - excess(u) / (1 + strength * lax.stop_gradient(curvature(u)))


@functools.cache
def _hermite() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / weights.sum()


OUTPUT_CHANNELS: Registry[AbstractOutputChannel] = Registry("loss", AbstractOutputChannel)
