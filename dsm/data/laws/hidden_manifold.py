"""Inputs on a hidden manifold, labelled from their latent coordinates."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._errors import is_integer, require
from dsm._random import draw_flat
from dsm.data._manifold import manifold_features, manifold_fields
from dsm.data.laws._base import LAWS, AbstractLaw
from dsm.networks import sign_pm


class Nonlinearity(NamedTuple):
    """An odd function f of a standard normal u, with E u f(u) and E f(u)**2."""

    function: Callable[[Array], Array]
    gain: float
    square: float


NONLINEARITIES = {
    "sign": Nonlinearity(sign_pm, (2 / jnp.pi) ** 0.5, 1.0),
    "erf": Nonlinearity(lambda u: jax.lax.erf(u * 0.5**0.5), jnp.pi**-0.5, 1 / 3),
    "linear": Nonlinearity(lambda u: u, 1.0, 1.0),
}


@LAWS.register("hidden_manifold")
class ManifoldLaw(AbstractLaw):
    r"""x = f(F c / sqrt D), c standard normal in D dimensions (arXiv:1909.11500).

    Rows of F are Gaussian, with sum_r F[i,r]**2 = D, so that each argument of f has unit variance.

    Attributes:
        width: N, number of inputs.
        latent: D, dimension of the manifold.
        nonlinearity: f, one of sign, erf(u / sqrt 2), linear; odd, so that inputs have mean zero.
        teacher: the teacher's input, c ("latent") or x ("inputs").
    """

    width: int = eqx.field(static=True)
    latent: int = eqx.field(static=True)
    nonlinearity: str = eqx.field(static=True, default="sign")
    teacher: str = eqx.field(static=True, default="latent")
    gaussian_fields: ClassVar[bool] = False

    def __check_init__(self) -> None:
        require(is_integer(self.latent) and self.latent >= 1, "latent", self.latent, "an integer >= 1")
        require(
            self.nonlinearity in list(NONLINEARITIES),
            "nonlinearity",
            self.nonlinearity,
            f"one of {', '.join(NONLINEARITIES)}",
        )
        require(self.teacher in ("latent", "inputs"), "teacher", self.teacher, "one of latent, inputs")

    @property
    def teacher_width(self) -> int:
        return self.latent if self.teacher == "latent" else self.width

    @property
    def disorder_size(self) -> int:
        return self.width * self.latent

    def disorder(self, key: Key[Array, ""]) -> Float[Array, "N D"]:
        return manifold_features(key, self.width, self.latent)

    def draw(
        self, key: Key[Array, ""], disorder: Float[Array, "N D"], number: int
    ) -> tuple[Float[Array, "n N"], Float[Array, "n N_teacher"]]:
        latent = draw_flat(jax.random.normal, key, (number, self.latent), jnp.float32)
        inputs = NONLINEARITIES[self.nonlinearity].function(manifold_fields(disorder, latent))
        return inputs, latent if self.teacher == "latent" else inputs
