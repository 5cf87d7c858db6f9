"""Training inputs at the teacher's hyperplanes (arXiv:1909.13458)."""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._errors import require
from dsm._random import draw_flat, stream
from dsm.data.datasets._base import DATASETS, AbstractDataset, Examples
from dsm.data.datasets.gaussian import Gaussian
from dsm.networks import DeepNetwork


@DATASETS.register("teacher_aware")
class TeacherAware(AbstractDataset):
    """Training inputs in equal parts for each unit of the teacher's lowest layer: a third on its hyperplane, and the same
    moved along +w and along -w by a uniform distance; then all are scaled to norm std sqrt(N). Test inputs are normal.

    Points on the hyperplane are those of normal inputs, projected along the augmented weights (w, b) and divided by their
    last component, as in the authors' code. A set whose size is no multiple of 3 times the number of units is cut to size.

    Attributes:
        width: N, number of inputs.
        std: of the test inputs.
        near: least distance from the hyperplane, before scaling.
        far: largest distance.
    """

    width: int = eqx.field(static=True)
    std: float = eqx.field(static=True, default=1.0)
    near: float = eqx.field(static=True, default=2.0)
    far: float = eqx.field(static=True, default=4.0)
    teacher_aware: ClassVar[bool] = True

    def __check_init__(self) -> None:
        require(0 < self.std < float("inf"), "std", self.std, "positive and finite")
        require(0 <= self.near < float("inf"), "near", self.near, "finite and not negative")
        require(self.near <= self.far < float("inf"), "far", self.far, f"finite and at least near = {self.near}")

    def test(self, key: Key[Array, ""], number: int) -> Examples:
        return Gaussian(self.width, self.std).test(key, number)

    def train(self, key: Key[Array, ""], number: int, teacher: DeepNetwork) -> Examples:
        lowest = teacher.layers[0]
        units = lowest.bias.shape[0]
        each = math.ceil(number / (3 * units))
        keys = jax.random.split(stream(key, "train"), units)
        near = jax.vmap(lambda key, w, b: self._around(key, w, b, each))(keys, lowest.weights, lowest.bias)
        # Cut across the units and the sides, not the last unit.
        inputs = near.transpose(2, 1, 0, 3).reshape(-1, self.width)[:number]
        norms = jnp.sqrt((inputs**2).sum(1, keepdims=True))
        return Examples(inputs * (self.std * self.width**0.5 / norms))

    def _around(
        self, key: Key[Array, ""], w: Float[Array, " N"], b: Float[Array, ""], number: int
    ) -> Float[Array, "3 number N"]:
        """Inputs on the hyperplane w.x + b = 0 and on its two sides."""
        normal = self.std * draw_flat(jax.random.normal, stream(key, "points"), (number, self.width), jnp.float32)
        square = (w**2).sum() + b**2
        excess = (jnp.matmul(normal, w, precision="highest") + b) / square
        on = (normal - excess[:, None] * w[None, :]) / (1 - excess * b)[:, None]
        distance = jax.random.uniform(stream(key, "distance"), (number, 1), jnp.float32, self.near, self.far)
        return jnp.stack([on, on + distance * w[None, :], on - distance * w[None, :]])
