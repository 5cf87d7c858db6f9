"""Inputs on a hidden manifold of low dimension."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int8, Key

from dsm._errors import is_integer, require
from dsm._random import draw_flat
from dsm.data._manifold import manifold_features, manifold_fields
from dsm.data.inputs._base import INPUTS, AbstractInputs
from dsm.networks import sign_pm


@INPUTS.register("hidden_manifold")
class HiddenManifold(AbstractInputs):
    r"""x_i = sgn( D**(-1/2) sum_d F[i,d] xi_d ), xi standard normal, F Gaussian and shared by train and test
    (arXiv:1909.11500; for the deep student machine arXiv:2302.07419).

    Rows of F are normalised as in `dsm.data.laws`; their length does not change the signs.

    Attributes:
        width: N, number of inputs.
        latent: D, latent dimension; D > N is legal.
    """

    width: int = eqx.field(static=True)
    latent: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        require(is_integer(self.latent) and self.latent >= 1, "latent", self.latent, "an integer >= 1")

    def sample(self, key: Key[Array, ""], train: int, test: int) -> tuple[Int8[Array, "M N"], Int8[Array, "M_test N"]]:
        feature_key, train_key, test_key = jax.random.split(key, 3)
        features = manifold_features(feature_key, self.width, self.latent)

        def patterns(key: Key[Array, ""], number: int) -> Int8[Array, "number N"]:
            latent = draw_flat(jax.random.normal, key, (number, self.latent), jnp.float32)
            return sign_pm(manifold_fields(features, latent)).astype(jnp.int8)

        return patterns(train_key, train), patterns(test_key, test)
