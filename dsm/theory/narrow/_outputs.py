r"""Covariances of the outputs of narrow networks, from the overlaps of their weights (arXiv:2507.00629).

Overlap matrices of K units have two eigenvalues: that of the units, K - 1 times, and that of the sum mode
v = K**(-1/2) sum_k a_k w_k, once. Overlaps come as vectors (units, sum mode), or (units,) for K -> infinity, where the sum
mode is parallel to that of the teacher and its share of the output is b = mu1(Q) M_R. Outputs are sums of many units and
taken for Gaussian.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations import AbstractActivation

#: How 1/K enters: not at all, by the entropy of the sum mode (the paper's), or by its share in diagonal and off-diagonal
#: overlaps as well.
DRESSINGS = ("none", "entropy", "full")
#: Signs of the second layer: half +1 and half -1, or all +1 with the mean subtracted. They differ for `full` alone, and
#: there not for odd activations.
SECOND_LAYERS = ("balanced", "equal")

Scalar = Float[Array, ""]
Modes = Float[Array, " modes"]


class Outputs(eqx.Module):
    """From overlaps to covariances of outputs.

    Attributes:
        activation: phi.
        dressing: one of `DRESSINGS`.
        units: K; inf without dressing.
        second_layer: one of `SECOND_LAYERS`.
        rotated: units of two networks are rotated against each other at random, so that only the second Hermite order of
            each is seen by the other.
    """

    activation: AbstractActivation
    dressing: str = eqx.field(static=True)
    units: Scalar
    second_layer: str = eqx.field(static=True, default="balanced")
    rotated: bool = eqx.field(static=True, default=False)

    @property
    def shares(self) -> Modes:
        """Number of eigenvalues of each mode, over K."""
        if self.dressing == "none":
            return jnp.ones(1)
        return jnp.stack([1 - 1 / self.units, 1 / self.units])

    @property
    def teacher(self) -> Modes:
        """Overlaps of the teacher with itself."""
        return jnp.ones(1 if self.dressing == "none" else 2)

    @property
    def teacher_slope(self) -> Scalar:
        """mu1(1)."""
        return self.activation.mean_slope(jnp.ones(()))

    @property
    def teacher_variance(self) -> Scalar:
        """Variance of the teacher's output."""
        return self.activation.remainder_variance(jnp.ones(())) + self.teacher_slope**2

    def between(self, first: Modes, second: Modes, overlap: Modes, linear: Scalar) -> Scalar:
        """Covariance of the outputs of two networks.

        Arguments:
            first, second: overlaps of each with itself.
            overlap: of one with the other.
            linear: covariance of the sum modes' shares for K -> infinity; not looked at otherwise.
        """
        if self.dressing == "none":
            return self.remainder(first[0], second[0], overlap[0]) + linear
        if self.dressing == "entropy":
            slopes = self.activation.mean_slope(first[0]) * self.activation.mean_slope(second[0])
            return self.remainder(first[0], second[0], overlap[0]) + slopes * overlap[1]
        own, other = self._entries(first)[0], self._entries(second)[0]
        diagonal, off = self._entries(overlap)
        return self._sum(
            own, other, jnp.concatenate([diagonal[None], self._signed(off)]), jnp.append(1.0, self._counts)
        )

    def within(self, own: Modes, linear: Scalar) -> Scalar:
        """Variance of the output of one network; arguments as in `between`."""
        if self.dressing == "none":
            return self.activation.remainder_variance(own[0]) + linear
        if self.dressing == "entropy":
            return self.activation.remainder_variance(own[0]) + self.activation.mean_slope(own[0]) ** 2 * own[1]
        diagonal, off = self._entries(own)
        alone = self.activation.remainder_variance(diagonal) + self.activation.mean_slope(diagonal) ** 2 * diagonal
        return alone + self._sum(diagonal, diagonal, self._signed(off), self._counts)

    def response(self, own: Modes, chi: Modes) -> Scalar:
        """beta times the variance of the output over the posterior for beta -> infinity, from chi = beta (Q - q)."""
        if self.dressing == "none":
            return self.activation.remainder_slope(own[0]) * chi[0]
        if self.dressing == "entropy":
            linear = self.activation.mean_slope(own[0]) ** 2 * chi[1]
            return self.activation.remainder_slope(own[0]) * chi[0] + linear
        diagonal, off = self._entries(own)
        chi_diagonal, chi_off = self._entries(chi)
        slope = self.activation.remainder_slope(diagonal) + self.activation.mean_slope(diagonal) ** 2
        others = jax.grad(lambda at: self._sum(diagonal, diagonal, self._signed(at), self._counts))(off)
        return slope * chi_diagonal + others * chi_off

    def _entries(self, modes: Modes) -> tuple[Scalar, Scalar]:
        """Diagonal and signed off-diagonal entries of the matrix with these eigenvalues."""
        return self.shares @ modes, (modes[1] - modes[0]) / self.units

    def remainder(self, first: Scalar, second: Scalar, overlap: Scalar) -> Scalar:
        """psi between a unit of one network and the matching one of another."""
        if self.rotated:
            return self.activation.mean_curvature(first) * self.activation.mean_curvature(second) * overlap**2 / 2
        return self.activation.remainder(first, second, overlap)

    @property
    def _counts(self) -> Float[Array, " kinds"]:
        """Number of other units with the same and with the opposite sign, times that sign."""
        if self.second_layer == "equal":
            return (self.units - 1)[None]
        return jnp.stack([self.units / 2 - 1, -self.units / 2])

    def _signed(self, off: Scalar) -> Float[Array, " kinds"]:
        """Overlaps with these units."""
        return off[None] if self.second_layer == "equal" else jnp.stack([off, -off])

    def _sum(self, first: Scalar, second: Scalar, overlaps: Float[Array, " n"], counts: Float[Array, " n"]) -> Scalar:
        """Covariance of a unit of one network with units of the other at these overlaps, so many of each."""
        slopes = self.activation.mean_slope(first) * self.activation.mean_slope(second)
        remainders = jax.vmap(lambda overlap: self.remainder(first, second, overlap))(overlaps)
        return counts @ (remainders + slopes * overlaps)
