r"""What one learns of a sign through Gaussian noise: averages that stay accurate from no signal to certainty.

A sign s = +1 with probability `up`, -1 with probability `down` = 1 - up, is observed as b = s f + sqrt(f) eta with
eta ~ N(0, 1). The law of b is N(b; 0, f) exp(-f/2) Z(b) with Z = up e^b + down e^-b, and the posterior of s given b is
up e^b / Z, down e^-b / Z. Two averages are all that saddle points need:

    I = E[1/Z^2] = exp(-f/2) int db N(b; 0, f) / Z, the mean posterior variance of s relative to its prior variance
        4 up down: 1 at f = 0, exponentially small at large f;
    S = E[-sum_s p(s|b) ln p(s|b)], the mean posterior entropy.

The mean square of the posterior mean is 1 - 4 up down I. All integrands are positive, so small differences from 1 keep
their digits. Integrals are trapezoidal sums, which converge exponentially for functions analytic around the real line
(Trefethen & Weideman, SIAM Review 56 (2014) 385): step and range below leave errors near 1e-13.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

STEP = 0.3
#: Nodes for b in units of min(sqrt(f), 1): tails are exp(-|b|).
NODES = STEP * np.arange(-100, 101)
#: Added under square roots: it changes averages by as much, and keeps derivatives at zero finite.
SMALLEST = 1e-14

Scalar = Float[Array, ""]


def with_local_jacobian(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of scalars, differentiated through its matrix of partial derivatives.

    The matrix depends on the point only. Under `jax.jacfwd` of something larger it is computed once and not once a
    tangent, which makes Jacobians of saddle-point equations about as cheap as the equations.
    """
    wrapped = jax.custom_jvp(function)

    @wrapped.defjvp
    def rule(point: tuple[Scalar, ...], tangents: tuple[Scalar, ...]) -> tuple[Any, Any]:
        partials = jax.jacfwd(function, tuple(range(len(point))))(*point)

        def total(row: tuple[Array, ...]) -> Array:
            return sum((partial * tangent for partial, tangent in zip(row, tangents, strict=True)), jnp.zeros(()))

        is_row = lambda node: isinstance(node, tuple) and len(node) == len(point) and not isinstance(node[0], tuple)  # noqa: E731
        return wrapped(*point), jax.tree.map(total, partials, is_leaf=is_row)

    return wrapped


def field_measure(field: Scalar) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Nodes b and the weights of exp(-f/2) N(b; 0, f) db."""
    field = field + SMALLEST
    weights = jnp.exp(-(NODES**2) / (2 * (1 + field)) - field / 2) * STEP / jnp.sqrt(2 * jnp.pi * (1 + field))
    return jnp.asarray(NODES) * jnp.sqrt(field / (1 + field)), weights


def relative_variance(up: Scalar, down: Scalar, field: Scalar) -> tuple[Scalar, Scalar]:
    """I and 1 - I, to full relative accuracy where they are small."""
    b, weights = field_measure(field)
    grown = jnp.exp(b)
    partition = up * grown + down / grown
    variance = jnp.sum(weights / partition)
    # 1 - I = up down E[(e^b - e^-b)^2 / Z^2], the better form while it is small.
    reduction = up * down * jnp.sum(weights * (grown - 1 / grown) ** 2 / partition)
    return variance, jnp.where(field < 1, reduction, 1 - variance)


def posterior_entropy(up: Scalar, down: Scalar, field: Scalar) -> Scalar:
    """S, in nats."""
    b, weights = field_measure(field)
    grown = jnp.exp(b)
    odds = up * grown**2 / down
    return jnp.sum(weights * (up * grown * jnp.log1p(1 / odds) + down / grown * jnp.log1p(odds)))


@with_local_jacobian
def unbiased_gap(field: Scalar) -> Scalar:
    """1 - q of a sign with even odds: 1 - int Dz tanh(sqrt(f) z + f)."""
    half = jnp.full_like(field, 0.5)
    return relative_variance(half, half, field)[0]


def unbiased_free_entropy(field: Scalar) -> Scalar:
    """int Dz ln cosh(sqrt(f) z + f) - f (1 + q)/2: 0 at f = 0, -ln 2 at f = infinity."""
    half = jnp.full_like(field, 0.5)
    gap = unbiased_gap(field)
    return field * gap / 2 + posterior_entropy(half, half, field) - jnp.log(2.0)
