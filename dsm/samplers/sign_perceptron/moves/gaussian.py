"""Gaussian moves of continuous weights."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._errors import require
from dsm._random import draw_flat
from dsm.networks import to_lattice
from dsm.samplers.sign_perceptron.moves._base import MOVES, AbstractProposal


@MOVES.register("gaussian")
class GaussianMove(AbstractProposal):
    """J -> sqrt(1 - d**2) J + d xi with xi ~ N(0, 1): an autoregression, reversible with respect to N(0, 1).

    Both terms are rounded to the lattice, which disturbs detailed balance by (spacing/d)**2 only, and makes their sum
    exact: the same numbers give the same move wherever and however it is compiled.

    Attributes:
        step_std: d, a standard deviation, in (0, 1]; 1 draws afresh from the prior. The same move in the form
            (J + e xi)/sqrt(1 + e**2) has d = e/sqrt(1 + e**2).
    """

    step_std: float = eqx.field(static=True, default=0.3)
    continuous: ClassVar[bool] = True
    on_lattice: ClassVar[bool] = True

    def __check_init__(self) -> None:
        require(0.01 <= self.step_std <= 1, "step_std", self.step_std, "at least 0.01 and at most 1")

    def draw_proposal(self, key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jnp.float32(self.step_std) * draw_flat(jax.random.normal, key, shape, jnp.float32)

    def propose(self, draws: Float[Array, ""], weight: Float[Array, ""], fan_in: int) -> Float[Array, ""]:
        shrink = jnp.float32((1 - self.step_std**2) ** 0.5)
        return to_lattice(shrink * weight, fan_in) + to_lattice(draws, fan_in)
