"""Two-layer networks: the committee machines of arXiv:1906.08632."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks.activations import AbstractActivation


class TwoLayerNetwork(eqx.Module):
    """phi(x) = sum_k v_k g(w_k.x / sqrt N). Acts on one input; use `jax.vmap` for many.

    Attributes:
        weights: w, [K, N].
        outputs: v, [K]; all 1 in a soft committee.
        activation: g.
    """

    weights: Float[Array, "K N"]
    outputs: Float[Array, " K"]
    activation: AbstractActivation

    def fields(self, x: Float[Array, " N"]) -> Float[Array, " K"]:
        """lam_k = w_k.x / sqrt N."""
        return jnp.matmul(self.weights, x, precision="highest") * (x.size**-0.5)

    def read(self, fields: Float[Array, " K"]) -> Float[Array, ""]:
        """The output for given fields."""
        return jnp.matmul(self.outputs, self.activation(fields), precision="highest")

    def __call__(self, x: Float[Array, " N"]) -> Float[Array, ""]:
        return self.read(self.fields(x))
