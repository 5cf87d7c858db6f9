"""Small normal weights, turned away from the weakest unit of the teacher."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Key

from dsm._errors import require
from dsm.networks import Affine, DeepNetwork
from dsm.training.network_starts._base import NETWORK_STARTS, AbstractNetworkStart
from dsm.training.network_starts.normal import Normal


@NETWORK_STARTS.register("away")
class Away(AbstractNetworkStart):
    """As `normal`, and each unit of the lowest layer whose weights have a positive product with those of the teacher's last
    unit, the weakest one, is turned round: the adversarial start of arXiv:1909.13458.

    Attributes:
        std: standard deviation of the weights.
    """

    std: float = eqx.field(static=True, default=0.005)

    def __check_init__(self) -> None:
        require(0 < self.std < float("inf"), "std", self.std, "positive and finite")

    def draw(self, key: Key[Array, ""], widths: tuple[int, ...], teacher: DeepNetwork) -> DeepNetwork:
        student = Normal(self.std).draw(key, widths, teacher)
        lowest = student.layers[0]
        product = jnp.matmul(lowest.weights, teacher.layers[0].weights[-1], precision="highest")
        turned = jnp.where(product[:, None] > 0, -lowest.weights, lowest.weights)
        layers = Affine(turned, lowest.bias), *student.layers[1:]
        return DeepNetwork(layers, student.activation, student.batch_norm)
