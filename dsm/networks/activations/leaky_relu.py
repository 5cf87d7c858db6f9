"""The leaky rectifier. Averages over two fields are closed; that over four is a quadrature."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._errors import require
from dsm.networks.activations._base import ACTIVATIONS, AbstractActivation
from dsm.networks.activations.relu import ReLU


@ACTIVATIONS.register("leaky_relu")
class LeakyReLU(AbstractActivation):
    """g(x) = x where x > 0, else leak x: a mixture of the identity and the rectifier.

    Attributes:
        leak: slope at negative x, from 0 to 1.
    """

    leak: float = eqx.field(static=True, default=0.01)

    def __check_init__(self) -> None:
        require(0 <= self.leak <= 1, "leak", self.leak, "from 0 to 1")

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.where(x > 0, x, self.leak * x)

    def slope(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.where(x > 0, jnp.ones_like(x), jnp.full_like(x, self.leak))

    def value_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        # E x_i relu(x_k) = C_ik / 2, so that both mixed terms together give leak (1 - leak) C_ik.
        leak = self.leak
        return leak * covariance + (1 - leak) ** 2 * ReLU().value_value(covariance)

    def slope_slope(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        leak = self.leak
        return leak + (1 - leak) ** 2 * ReLU().slope_slope(covariance)

    def slope_field_value(self, covariance: Float[Array, "P P"]) -> Float[Array, "P P"]:
        return self.value_value(covariance)  # g'(x) x = g(x)

    # The linear part drops out of the remainder.

    def mean_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return jnp.full_like(variance, (1 + self.leak) / 2)

    def mean_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return (1 - self.leak) * ReLU().mean_curvature(variance)

    def remainder(
        self, first: Float[Array, ""], second: Float[Array, ""], covariance: Float[Array, ""]
    ) -> Float[Array, ""]:
        return (1 - self.leak) ** 2 * ReLU().remainder(first, second, covariance)

    def remainder_variance(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return (1 - self.leak) ** 2 * ReLU().remainder_variance(variance)

    def remainder_slope(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return (1 - self.leak) ** 2 * ReLU().remainder_slope(variance)

    def remainder_curvature(self, variance: Float[Array, ""]) -> Float[Array, ""]:
        return (1 - self.leak) ** 2 * ReLU().remainder_curvature(variance)
