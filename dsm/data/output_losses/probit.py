"""The likelihood of labels whose outputs have normal noise."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.data.output_losses._base import OUTPUT_LOSSES, AbstractOutputLoss


@OUTPUT_LOSSES.register("probit")
class Probit(AbstractOutputLoss):
    """l = -T log Phi(y f / sqrt T), Phi the normal distribution function.

    At T = D, l / T is minus the log-likelihood of y = sgn(f + sqrt(D) xi): the student knows the noise.
    """

    thermal: ClassVar[bool] = True

    def __call__(
        self, outputs: Float[Array, " P"], labels: Float[Array, " P"], temperature: Float[Array, ""]
    ) -> Float[Array, " P"]:
        return -temperature * jax.scipy.stats.norm.logcdf(labels * outputs / jnp.sqrt(temperature))
