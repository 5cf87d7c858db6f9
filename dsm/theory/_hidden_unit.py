r"""One sign unit between its inputs and the layer above.

The pre-activation overlap of teacher and student is lam. Given z ~ N(0, 1), the part of the teacher's field that the
student knows, the teacher's spin is s with probability H(-s X), X = z sqrt(lam/(1 - lam)). Sums run over t with
X = sqrt(lam) t and z = sqrt(1 - lam) t: in t all integrands are smooth and decay like exp(-t^2/4) or faster for every
lam in [0, 1), whereas Gauss-Hermite nodes in z fail as lam -> 1.

    E(lam)  = int Dz 2 H(X) ln H(X)
    E'(lam) = (1 - lam)^-1 int Dz G(X)^2 / H(X)

(Yoshino, arXiv:1910.09918.) Arguments are gaps 1 - lam. Labels may be noisy: see `dsm.theory.deep_student_machine`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc, xlogy
from jaxtyping import Array, Float

from dsm.theory._gaussian_channel import (
    SMALLEST,
    STEP,
    Scalar,
    posterior_entropy,
    relative_variance,
    with_local_jacobian,
)

#: t >= 0; integrands are even.
NODES = STEP * np.arange(38)
#: Closer to 1 than this, lam is 1 for all purposes; it keeps fields finite.
NEAREST = 1e-30


def known_field(gap: Scalar) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Nodes X >= 0 and the weights of Dz, for integrals of even functions over all X."""
    gap = jnp.maximum(gap, NEAREST)
    x = jnp.sqrt(1 - gap + SMALLEST) * NODES
    weights = 2 * STEP * jnp.sqrt(gap) * gauss(jnp.sqrt(gap) * NODES)
    return x, weights * np.where(NODES == 0, 0.5, 1.0)


def gauss(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """G(x)."""
    return jnp.exp(-(x**2) / 2) / jnp.sqrt(2 * jnp.pi)


def tail(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """H(x) = erfc(x / sqrt 2) / 2."""
    return erfc(x * 0.5**0.5) / 2


def label_probabilities(
    x: Float[Array, "..."], label_correlation: Scalar
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Probabilities of the labels +1 and -1 of a spin in the known field X = `x`.

    `label_correlation` is the mean of label times spin: 1 - 2 rho if labels are flipped with probability rho.
    """
    flip = (1 - label_correlation) / 2
    return flip + label_correlation * tail(-x), flip + label_correlation * tail(x)


@with_local_jacobian
def output_gain(gap: Scalar, label_correlation: Scalar) -> Scalar:
    """E'(lam) of a sign whose labels have this correlation with it."""
    x, weights = known_field(gap)
    up, down = label_probabilities(x, label_correlation)
    return label_correlation**2 * jnp.sum(weights * gauss(x) ** 2 / (up * down)) / (2 * jnp.maximum(gap, NEAREST))


def output_free_entropy(gap: Scalar, label_correlation: Scalar) -> Scalar:
    """E(lam) <= 0, the mean log likelihood of a label."""
    x, weights = known_field(gap)
    up, down = label_probabilities(x, label_correlation)
    flip = (1 - label_correlation) / 2
    noise = xlogy(1 - flip, 1 - flip) + xlogy(flip, flip)
    # What is left where the spin is certain, far out in X, is the noise: it does not decay, and is taken out of the sum.
    return noise + jnp.sum(weights * (xlogy(up, up) + xlogy(down, down) - noise))


@with_local_jacobian
def hidden_unit(gap: Scalar, field: Scalar) -> tuple[Scalar, Scalar]:
    """(1 - q, g) of a unit whose spin is also observed from above through a Gaussian channel of strength f = `field`.

    q = E[m^2] with m the posterior mean of the spin, g = E[d^2]/2 with d the derivative of the log likelihood with
    respect to the field (physics of the exact one-unit measure; g(f = 0) = 0 and g(f = infinity) = E'(lam)).
    """
    x, weights = known_field(gap)
    up, down = tail(-x), tail(x)
    variance, reduction = jax.vmap(relative_variance, (0, 0, None))(up, down, field)
    spin_gap = jnp.sum(weights * 4 * up * down * variance)
    gain = jnp.sum(weights * gauss(x) ** 2 / (up * down) * reduction) / (2 * jnp.maximum(gap, NEAREST))
    return spin_gap, gain


def hidden_free_entropy(gap: Scalar, field: Scalar, spin_gap: Scalar) -> Scalar:
    """Psi(lam, f) - f (1 + q)/2: the free entropy of the unit, less the field's coupling."""
    x, weights = known_field(gap)
    left = jax.vmap(posterior_entropy, (0, 0, None))(tail(-x), tail(x), field)
    return field * spin_gap / 2 + output_free_entropy(gap, jnp.ones_like(gap)) + jnp.sum(weights * left)
