"""Small normal weights."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from dsm._errors import require
from dsm._random import draw_flat, stream
from dsm.networks import Affine, DeepNetwork
from dsm.training.network_starts._base import NETWORK_STARTS, AbstractNetworkStart


@NETWORK_STARTS.register("normal")
class Normal(AbstractNetworkStart):
    """Independent normal weights, biases 0; the two-layer runs of arXiv:1909.13458.

    Attributes:
        std: standard deviation of the weights.
    """

    std: float = eqx.field(static=True, default=0.005)

    def __check_init__(self) -> None:
        require(0 < self.std < float("inf"), "std", self.std, "positive and finite")

    def draw(self, key: Key[Array, ""], widths: tuple[int, ...], teacher: DeepNetwork) -> DeepNetwork:
        layers = []
        for level, (columns, rows) in enumerate(zip(widths, widths[1:], strict=False)):
            weights = self.std * draw_flat(jax.random.normal, stream(key, "layer", level), (rows, columns), jnp.float32)
            layers.append(Affine(weights, jnp.zeros((rows,), jnp.float32)))
        return DeepNetwork(tuple(layers), teacher.activation, teacher.batch_norm)
