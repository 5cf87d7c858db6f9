"""Narrow networks: one hidden layer of K units, with a second layer that is fixed (arXiv:2507.00629)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dsm.networks.activations import AbstractActivation

#: Second layers: all weights +1, or the first half +1 and the second half -1.
SECOND_LAYERS = ("equal", "balanced")


class NarrowNetwork(eqx.Module):
    """f(x) = K**-1/2 sum_k a_k g(w_k.x / sqrt N), with fixed signs a_k.

    Attributes:
        weights: w, of the hidden units.
        activation: g.
        second_layer: a, one of `SECOND_LAYERS`; balanced needs an even K.
        mean_subtraction: subtract from the outputs their mean over the patterns at hand.
    """

    weights: Float[Array, "*axes K N"]
    activation: AbstractActivation
    second_layer: str = eqx.field(static=True, default="equal")
    mean_subtraction: bool = eqx.field(static=True, default=False)

    @property
    def signs(self) -> Float[Array, " K"]:
        """The second layer a."""
        return second_layer_signs(self.second_layer, self.weights.shape[-2])

    def fields(self, inputs: Float[Array, "P N"]) -> Float[Array, "P K"]:
        """w_k.x / sqrt N."""
        scale = self.weights.shape[-1] ** -0.5
        return scale * jnp.matmul(inputs, self.weights.T, precision="highest")

    def __call__(self, inputs: Float[Array, "P N"], shown: Bool[Array, " P"] | None = None) -> Float[Array, " P"]:
        """f of each pattern. A mean that is subtracted is over the patterns that are `shown`; all by default."""
        units = self.activation(self.fields(inputs))
        outputs = (self.signs * self.weights.shape[-2] ** -0.5)[None, :] * units
        outputs = outputs.sum(1)
        return outputs - mean_over(outputs, shown) if self.mean_subtraction else outputs


def second_layer_signs(second_layer: str, units: int) -> Float[Array, " K"]:
    """The signs a_k of so many units."""
    signs = np.ones(units, np.float32)
    if second_layer == "balanced":
        signs[units // 2 :] = -1
    return jnp.asarray(signs)


def mean_over(values: Float[Array, " P"], shown: Bool[Array, " P"] | None = None) -> Float[Array, ""]:
    """Mean over the entries that are `shown`, at least one; all by default."""
    if shown is None:
        return values.mean()
    mask = shown.astype(values.dtype)
    return (mask * values).sum() / mask.sum()


def mean_of(activation: AbstractActivation) -> float:
    """E g(z) over a standard normal z, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    with jax.ensure_compile_time_eval():
        values = np.asarray(activation(jnp.asarray(nodes, jnp.float32)), np.float64)
    return float(values @ weights / weights.sum())


def is_odd(activation: AbstractActivation) -> bool:
    """Whether g(-x) = -g(x), as seen at a few points."""
    points = np.linspace(0.1, 3, 30, dtype=np.float32)
    with jax.ensure_compile_time_eval():
        right, left = (np.asarray(activation(jnp.asarray(side))) for side in (points, -points))
    return bool(np.allclose(left, -right, rtol=0, atol=1e-5))
