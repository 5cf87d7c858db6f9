"""Hermite coefficients of smooth functions of a Gaussian field, and covariances from them (Mehler's formula).

Integrals over the field are trapezoidal sums, which converge exponentially for functions analytic around the real line
(Trefethen & Weideman, SIAM Review 56 (2014) 385).
"""

import functools
import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

#: Highest degree, ends and number of the nodes: tanh and erf are then right to 1e-12 at correlations up to 1.
DEGREES, END, NODES = 160, 14.0, 601

Function = Callable[[Array], Array]


def at_nodes(function: Function, variance: Float[Array, ""]) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Values of `function`(sqrt(variance) z) at the nodes z, and the weights of their mean over z ~ N(0, 1)."""
    nodes, weights, _ = _basis()
    return function(jnp.sqrt(variance) * jnp.asarray(nodes)), jnp.asarray(weights)


def hermite_coefficients(function: Function, variance: Float[Array, ""]) -> Float[Array, " degrees"]:
    """E function(sqrt(variance) z) He_k(z) / sqrt(k!) for k = 0, 1, ..."""
    values, _ = at_nodes(function, variance)
    return jnp.asarray(_basis()[2]) @ values


def mehler_sum(
    function: Function, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
) -> Float[Array, ""]:
    """Covariance of function(u) and function(v) without its constant and its linear part: sum over k >= 2 of
    c_k(Q1) c_k(Q2) rho**k."""
    correlation = covariance / jnp.sqrt(first * second)
    product = hermite_coefficients(function, first) * hermite_coefficients(function, second)
    powers = jnp.cumprod(jnp.full(product.size - 1, correlation))
    return product[2:] @ powers[1:]


@functools.cache
def _basis() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, weights of the mean, and weights of the coefficients by degree."""
    nodes = np.linspace(-END, END, NODES)
    # Orthonormal Hermite functions times the root of the weight, by their stable recursion: numbers of order one.
    root = np.exp(-(nodes**2) / 4) * ((nodes[1] - nodes[0]) / math.sqrt(2 * math.pi)) ** 0.5
    functions = [root, nodes * root]
    for degree in range(2, DEGREES + 1):
        functions.append((nodes * functions[-1] - math.sqrt(degree - 1) * functions[-2]) / math.sqrt(degree))
    return nodes, root**2, np.stack(functions) * root
