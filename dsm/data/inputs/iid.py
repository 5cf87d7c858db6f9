"""Unstructured inputs."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int8, Key

from dsm._random import draw_flat
from dsm.data.inputs._base import INPUTS, AbstractInputs


@INPUTS.register("iid")
class IIDSigns(AbstractInputs):
    """Independent signs, +1 or -1 with equal probability."""

    width: int = eqx.field(static=True)

    def sample(self, key: Key[Array, ""], train: int, test: int) -> tuple[Int8[Array, "M N"], Int8[Array, "M_test N"]]:
        train_key, test_key = jax.random.split(key)
        return (
            draw_flat(jax.random.rademacher, train_key, (train, self.width), jnp.int8),
            draw_flat(jax.random.rademacher, test_key, (test, self.width), jnp.int8),
        )
