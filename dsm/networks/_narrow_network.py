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

    def __call__(self, inputs: Float[Array, "P N"], shown: Bool[Array, " P"] | None = None) -> Float[Array, " P"]:
        """f of each pattern. A mean that is subtracted is over the patterns that are `shown`; all by default."""
        return self.outputs(jnp.matmul(self.weights, inputs.T, precision="highest"), shown)

    def outputs(self, products: Float[Array, "K P"], shown: Bool[Array, " P"] | None = None) -> Float[Array, " P"]:
        """f of each pattern from the products w_k.x."""
        units, inputs = self.weights.shape[-2:]
        values = self.activation(inputs**-0.5 * products)
        positive = units if self.second_layer == "equal" else units // 2
        total = values[:positive].sum(0)
        if positive < units:
            total = total - values[positive:].sum(0)
        outputs = units**-0.5 * total
        return outputs - mean_over(outputs, shown) if self.mean_subtraction else outputs


@jax.custom_vjp
def products_of(
    weights: Float[Array, "K N"], rows: Float[Array, "P N"], columns: Float[Array, "N P"]
) -> Float[Array, "K P"]:
    """w_k.x of patterns that are given twice, as rows and as columns. Patterns have no gradient.

    Neither the product nor its gradient by the weights then transposes the patterns: inside the driver's loops XLA on a CPU
    would do so at every step, which takes longer than the products. Units come first: vectors of the processor are filled
    along patterns, not along a few units.
    """
    return jnp.matmul(weights, columns, precision="highest")


def _products(weights: Array, rows: Array, columns: Array) -> tuple[Array, Array]:
    return jnp.matmul(weights, columns, precision="highest"), rows


def _back(rows: Array, along: Array) -> tuple[Array, None, None]:
    return jnp.matmul(along, rows, precision="highest"), None, None


products_of.defvjp(_products, _back)


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
