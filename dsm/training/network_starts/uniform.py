"""Uniform weights, the default of a common framework."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from dsm._random import draw_flat, stream
from dsm.networks import Affine, DeepNetwork
from dsm.training.network_starts._base import NETWORK_STARTS, AbstractNetworkStart


@NETWORK_STARTS.register("uniform")
class Uniform(AbstractNetworkStart):
    """Weights and biases uniform between -K**(-1/2) and K**(-1/2), K the number of units below: PyTorch's default, with
    which the deep students of arXiv:1909.13458 start."""

    def draw(self, key: Key[Array, ""], widths: tuple[int, ...], teacher: DeepNetwork) -> DeepNetwork:
        layers = []
        for level, (columns, rows) in enumerate(zip(widths, widths[1:], strict=False)):
            bound = columns**-0.5
            weights, bias = (
                draw_flat(jax.random.uniform, stream(key, name, level), shape, jnp.float32, -bound, bound)
                for name, shape in (("layer", (rows, columns)), ("bias", (rows,)))
            )
            layers.append(Affine(weights, bias))
        return DeepNetwork(tuple(layers), teacher.activation, teacher.batch_norm)
