"""Binary weights."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._random import draw_flat
from dsm.networks.priors._base import PRIORS, AbstractPrior


@PRIORS.register("ising")
class Ising(AbstractPrior):
    """J = +1 or -1 with equal probability."""

    continuous: ClassVar[bool] = False

    def sample(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return draw_flat(jax.random.rademacher, key, shape, jnp.float32)

    def normalise(self, weights: Float[Array, "... c"]) -> Float[Array, "... c"]:
        return weights
