"""Who reads whom: the connections of a layered network with c inputs a unit."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from dsm._errors import is_integer, require


class Wiring(eqx.Module):
    """Inputs of every unit. Teacher and students share one wiring.

    Attributes:
        width: N, units a layer and inputs of the network.
        depth: L, layers of weights.
        fan_in: c, inputs a unit.
        neighbours: [L, N, c], the unit of the layer below that input k of unit (l, i) comes from; None if dense, where
            it is k itself.
    """

    width: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    fan_in: int = eqx.field(static=True)
    neighbours: Int[Array, "L N c"] | None

    def __check_init__(self) -> None:
        for name in ("width", "depth", "fan_in"):
            value = getattr(self, name)
            require(is_integer(value) and value >= 1, name, value, "an integer >= 1")
        require(self.fan_in <= self.width, "fan_in", self.fan_in, f"at most width = {self.width}: inputs are distinct")
        if self.neighbours is None:
            require(self.fan_in == self.width, "fan_in", self.fan_in, f"width = {self.width} when the wiring is dense")

    @property
    def is_dense(self) -> bool:
        """True if every unit reads the whole layer below; hidden units may then be permuted."""
        return self.neighbours is None

    def matrices(self, weights: Float[Array, "L N c"]) -> Float[Array, "L N N"]:
        """The weights as matrices that map a layer to the next, with zeros where there is no connection."""
        if self.neighbours is None:
            return weights
        layer, unit = jnp.ogrid[: self.depth, : self.width]
        empty = jnp.zeros((self.depth, self.width, self.width), weights.dtype)
        return empty.at[layer[..., None], unit[..., None], self.neighbours].set(weights)


def dense_wiring(width: int, depth: int) -> Wiring:
    """Every unit reads all N units of the layer below (c = N)."""
    return Wiring(width, depth, width, None)


def random_wiring(key: Key[Array, ""], width: int, depth: int, fan_in: int) -> Wiring:
    """Every unit reads `fan_in` distinct units of the layer below, drawn uniformly and independently of other units.

    Raises:
        ConfigError: `fan_in` > `width`, or a size below 1.
    """
    Wiring(width, depth, fan_in, jnp.zeros((0, 0, 0), jnp.int32))  # checks the sizes before anything is drawn
    keys = jax.random.split(key, depth * width)  # one axis compiles in half the time of two
    sources = jax.vmap(lambda k: jax.random.permutation(k, width)[:fan_in])(keys)
    return Wiring(width, depth, fan_in, sources.reshape(depth, width, fan_in).astype(jnp.int32))
