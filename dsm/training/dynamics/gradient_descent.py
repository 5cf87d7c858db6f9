"""Gradient descent on all patterns."""

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._system import Record
from dsm.training.dynamics._base import DYNAMICS, AbstractDynamics, Landscape
from dsm.training.optimisers import OPTIMISERS, AbstractOptimiser
from dsm.training.optimisers.sgd import SGD


def _built(optimiser: Any) -> AbstractOptimiser:
    """An optimiser from its options, or as it is."""
    return OPTIMISERS.build(optimiser, "optimiser") if isinstance(optimiser, Mapping) else optimiser


@DYNAMICS.register("gradient_descent")
class GradientDescent(AbstractDynamics):
    """w <- w - lr grad E(w), or the direction of another optimiser in place of the gradient.

    Attributes:
        optimiser: from gradients to directions.
    """

    optimiser: AbstractOptimiser = eqx.field(converter=_built, default=SGD())
    thermal: ClassVar[bool] = False

    def begin(self, weights: Float[Array, "K N"], landscape: Landscape) -> PyTree:
        return self.optimiser.direction().init(weights)

    def step(
        self,
        key: Key[Array, ""],
        t: Int[Array, ""],
        weights: Float[Array, "K N"],
        memory: PyTree,
        landscape: Landscape,
    ) -> tuple[Float[Array, "K N"], PyTree, Record]:
        with jax.numpy_dtype_promotion("standard"):  # optax mixes floats and counts
            direction, memory = self.optimiser.direction().update(landscape.gradient(weights), memory, weights)
        return weights - landscape.lr * direction, memory, {}
