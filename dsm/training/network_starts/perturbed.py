"""The teacher with noise."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from dsm._errors import require
from dsm._random import draw_flat, stream
from dsm.networks import Affine, DeepNetwork
from dsm.training.network_starts._base import NETWORK_STARTS, AbstractNetworkStart


@NETWORK_STARTS.register("perturbed")
class Perturbed(AbstractNetworkStart):
    """All weights and biases of the teacher, with independent normal noise; 0 is the teacher itself.

    Attributes:
        std: standard deviation of the noise.
    """

    std: float = eqx.field(static=True, default=0.1)

    def __check_init__(self) -> None:
        require(0 <= self.std < float("inf"), "std", self.std, "finite and not negative")

    def check(self, multi: int) -> None:
        require(multi == 1, "name", "perturbed", f"another start with network.multi = {multi}: it needs multi = 1")

    def draw(self, key: Key[Array, ""], widths: tuple[int, ...], teacher: DeepNetwork) -> DeepNetwork:
        def noisy(level: int, layer: Affine) -> Affine:
            noise = [
                self.std * draw_flat(jax.random.normal, stream(key, name, level), leaf.shape, jnp.float32)
                for name, leaf in (("layer", layer.weights), ("bias", layer.bias))
            ]
            return Affine(layer.weights + noise[0], layer.bias + noise[1])

        layers = tuple(noisy(level, layer) for level, layer in enumerate(teacher.layers))
        return DeepNetwork(layers, teacher.activation, teacher.batch_norm)
