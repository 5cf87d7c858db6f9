"""Correlations of activations, which several observables read."""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm.observables.deep_network._snapshot import Snapshot, on_both, stacked


def correlations(teacher: Float[Array, "P M"], student: Float[Array, "P K"]) -> Float[Array, "M K"]:
    """Pearson's correlation of each teacher unit with each student unit over the patterns; 0 with a constant unit."""
    a, b = (units - units.mean(0, keepdims=True) for units in (teacher, student))
    products = jnp.matmul(a.T, b, precision="highest")
    square = (a**2).sum(0)[:, None] * (b**2).sum(0)[None, :]
    return jnp.where(square > 0, products / jnp.sqrt(jnp.where(square > 0, square, 1)), 0)


def by_layer(function: Callable[[Array], Array], student: Snapshot, teacher: Snapshot) -> Float[Array, "2 L *shape"]:
    """`function` of the correlation matrix [teacher, student] of each layer, on test and training inputs."""

    def layers(a: Sequence[Array], b: Sequence[Array]) -> Array:
        return stacked([function(correlations(above, below)) for above, below in zip(a, b, strict=True)])

    return on_both(layers, teacher, student)
