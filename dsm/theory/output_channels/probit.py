"""The likelihood of a sign behind Gaussian noise."""

from typing import ClassVar

import jax.numpy as jnp
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Float

from dsm.theory.output_channels._base import OUTPUT_CHANNELS, AbstractOutputChannel

Scalar = Float[Array, ""]


@OUTPUT_CHANNELS.register("probit")
class Probit(AbstractOutputChannel):
    """exp(-beta l(u)) = P(u + noise > 0) with noise of variance 1/beta: the likelihood of labels y = sign(f + noise)."""

    minimised: ClassVar[bool] = False

    def value(self, margin: Scalar) -> Scalar:
        return -log_ndtr(margin)

    def log_partition(self, field: Scalar, variance: Scalar, beta: Scalar) -> Scalar:
        return log_ndtr(field / jnp.sqrt(1 / beta + variance))
