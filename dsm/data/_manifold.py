"""The hidden manifold: D latent coordinates c, of which N inputs are functions (arXiv:1909.11500)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def manifold_features(key: Key[Array, ""], width: int, latent: int) -> Float[Array, "N D"]:
    """F: independent Gaussian rows with sum_r F[i,r]**2 = D, float32.

    With standard normal c each (F c)_i / sqrt D then has unit variance, whatever D is.
    """
    features = jax.random.normal(key, (width, latent), jnp.float32)
    square = jnp.sum(features**2, axis=1, keepdims=True)
    return features * (latent / jnp.maximum(square, jnp.finfo(jnp.float32).tiny)) ** 0.5


def manifold_fields(features: Float[Array, "N D"], latent: Float[Array, "n D"]) -> Float[Array, "n N"]:
    """F c / sqrt D for each row c of `latent`."""
    return jnp.matmul(latent, features.T, precision="highest") / features.shape[1] ** 0.5
