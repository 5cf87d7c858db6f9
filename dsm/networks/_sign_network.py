"""The deep sign perceptron: teacher and students of arXiv:2302.07419."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int8, Key

from dsm._errors import require
from dsm.networks._signs import sign_pm
from dsm.networks._wiring import Wiring, dense_wiring, random_wiring
from dsm.networks.priors import AbstractPrior, make_prior


class SignNetwork(eqx.Module):
    r"""L layers of N sign units with c inputs each (arXiv:2302.07419, section II).

        h[l,i] = c**(-1/2) sum_k J[l,i,k] S[l-1, nbr[l,i,k]],      S[l,i] = sgn(h[l,i]),  sgn(0) = +1,  S[0] = input

    Acts on one pattern; use `jax.vmap` for many, and again for replicas. Fields are exact (`dsm.networks.spacing`).

    Attributes:
        weights: J, [L, N, c], float32 on the lattice. Signs for the prior "ising"; for "spherical" Gaussian rows, of
            which only the direction matters (`normalised_weights` has sum_k J**2 = c).
        wiring: which unit reads which.
        prior: the law from which weights are drawn.
    """

    weights: Float[Array, "L N c"]
    wiring: Wiring
    prior: AbstractPrior

    def __init__(
        self,
        width: int,
        depth: int,
        fan_in: int | None = None,
        *,
        weights: str | AbstractPrior = "spherical",
        wiring: str | Wiring = "dense",
        key: Key[Array, ""],
    ) -> None:
        """Draw a network.

        Arguments:
            width: N.
            depth: L.
            fan_in: c; None means N. Only random wiring may have c < N.
            weights: "ising" or "spherical", or a prior.
            wiring: "dense" or "random", or a wiring to share with another network.
            key: random key; wiring and weights have separate streams.

        Raises:
            ConfigError: an illegal size or an unknown name.
        """
        wiring_key, weight_key = jax.random.split(key)
        if isinstance(wiring, Wiring):
            own, given = (width, depth, fan_in or wiring.fan_in), (wiring.width, wiring.depth, wiring.fan_in)
            require(own == given, "(width, depth, fan_in)", own, f"{given}, that of the wiring")
            self.wiring = wiring
        else:
            self.wiring = make_wiring(wiring_key, wiring, width, depth, fan_in)
        self.prior = weights if isinstance(weights, AbstractPrior) else make_prior(weights, "weights")
        shape = (self.wiring.depth, self.wiring.width, self.wiring.fan_in)
        self.weights = self.prior.sample(weight_key, shape)

    @property
    def normalised_weights(self) -> Float[Array, "L N c"]:
        """J with sum_k J[l,i,k]**2 = c."""
        return self.prior.normalise(self.weights)

    def with_weights(self, weights: Float[Array, "L N c"]) -> "SignNetwork":
        """The same machine with other weights."""
        return eqx.tree_at(lambda network: network.weights, self, weights)

    def redraw(self, key: Key[Array, ""]) -> "SignNetwork":
        """An independent machine: same wiring and prior, fresh weights."""
        return self.with_weights(self.prior.sample(key, self.weights.shape))

    def fields(self, pattern: Int8[Array, " N"] | Float[Array, " N"]) -> Float[Array, "L N"]:
        """Pre-activations h of all layers for one pattern of signs."""
        scale = jnp.asarray(self.wiring.fan_in**-0.5, self.weights.dtype)
        _, fields = lax.scan(_layer, pattern.astype(self.weights.dtype), self.wiring.matrices(self.weights))
        return scale * fields

    def __call__(self, pattern: Int8[Array, " N"] | Float[Array, " N"]) -> Int8[Array, "L_plus_1 N"]:
        """Spins S of all layers for one pattern of signs, the input S[0] included."""
        spins = sign_pm(self.fields(pattern)).astype(jnp.int8)
        return jnp.concatenate([pattern.astype(jnp.int8)[None], spins])


def _layer(spins: Float[Array, " N"], matrix: Float[Array, "N N"]) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """The spins of the next layer, and sqrt(c) h. Not inside `fields`, or each call outside of jit would compile anew."""
    field = jnp.matmul(matrix, spins, precision=lax.Precision.HIGHEST)
    return sign_pm(field), field


def make_wiring(key: Key[Array, ""], name: str, width: int, depth: int, fan_in: int | None) -> Wiring:
    """Wiring by name, "dense" or "random".

    Raises:
        ConfigError: unknown name, or sizes that it does not allow.
    """
    require(name in ("dense", "random"), "wiring", name, "one of dense, random")
    if name == "dense":
        require(fan_in in (None, width), "fan_in", fan_in, f"width = {width} (or null) when the wiring is dense")
        return dense_wiring(width, depth)
    return random_wiring(key, width, depth, width if fan_in is None else fan_in)
