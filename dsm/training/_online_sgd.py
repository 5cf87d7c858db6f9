"""One step of online SGD."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.networks import TwoLayerNetwork


class OnlineSGD(eqx.Module):
    """Gradient descent on (phi(x) - y)**2 / 2 of one example at a time (arXiv:1906.08632, eqs. 3 and 4).

        w <- w - lr dE/dw - (weight_decay / N) w        v <- v - (lr_second / N) dE/dv

    Attributes:
        lr: learning rate of the first layer.
        lr_second: learning rate of the second layer.
        weight_decay: of the first layer.
    """

    lr: Float[Array, ""] | float
    lr_second: Float[Array, ""] | float = 0.0
    weight_decay: Float[Array, ""] | float = 0.0

    def step(self, network: TwoLayerNetwork, x: Float[Array, " N"], y: Float[Array, ""]) -> TwoLayerNetwork:
        """The network after the example (x, y)."""

        def error(network: TwoLayerNetwork) -> Float[Array, ""]:
            return (network(x) - y) ** 2 / 2

        gradient = eqx.filter_grad(error)(network)
        width = x.size
        decay = 1 - self.weight_decay / width
        return TwoLayerNetwork(
            decay * network.weights - self.lr * gradient.weights,
            network.outputs - (self.lr_second / width) * gradient.outputs,
            network.activation,
        )


def mean_error(network: TwoLayerNetwork, x: Float[Array, "n N"], y: Float[Array, " n"]) -> Float[Array, ""]:
    """Mean of (phi(x) - y)**2 / 2 over examples, in float64."""
    return jnp.mean((jax.vmap(network)(x) - y).astype(jnp.float64) ** 2) / 2
