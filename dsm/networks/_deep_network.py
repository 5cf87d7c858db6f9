"""Deep networks of continuous units: teachers and students of arXiv:1909.13458."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key

from dsm._random import draw_flat
from dsm.networks.activations import AbstractActivation

#: Where a hidden layer is normalised.
BATCH_NORMS = ("none", "before", "after")
#: Added to the variance of a unit that is normalised.
VARIANCE_FLOOR = 1e-5


class Affine(eqx.Module):
    """inputs -> W inputs + b, on a batch of patterns.

    Attributes:
        weights: W, one row a unit.
        bias: b.
    """

    weights: Float[Array, "K K_below"]
    bias: Float[Array, " K"]

    def __call__(self, inputs: Float[Array, "P K_below"]) -> Float[Array, "P K"]:
        return jnp.matmul(inputs, self.weights.T, precision="highest") + self.bias[None, :]


class DeepNetwork(eqx.Module):
    """h_0 = x, h_l = g(W_l h_{l-1} + b_l) for l = 1..L, and the output W_{L+1} h_L + b_{L+1}. Acts on a batch of patterns.

    With batch normalisation each hidden unit is shifted and scaled to mean 0 and variance 1 over the batch at hand, before
    or after g: over a mini-batch in training, over all patterns that are looked at together in evaluation. There are no
    running averages and no trained scales.

    Attributes:
        layers: W_l and b_l, l = 1..L+1.
        activation: g.
        batch_norm: one of none, before, after.
    """

    layers: tuple[Affine, ...]
    activation: AbstractActivation
    batch_norm: str = eqx.field(static=True, default="none")

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of inputs, of units in each hidden layer, and of outputs."""
        return self.layers[0].weights.shape[1], *(layer.bias.shape[0] for layer in self.layers)

    @property
    def depth(self) -> int:
        """L, the number of hidden layers."""
        return len(self.layers) - 1

    def __call__(self, inputs: Float[Array, "P N"]) -> Float[Array, "P C"]:
        return self.propagate(inputs)[1]

    def propagate(
        self,
        inputs: Float[Array, "P N"],
        fields: Sequence[Float[Array, "P _"]] = (),
        units: Sequence[Float[Array, "P _"]] = (),
    ) -> tuple[tuple[Float[Array, "P _"], ...], Float[Array, "P C"]]:
        """Activations h_1..h_L and outputs.

        `fields` and `units` are added to the fields and the activations of the hidden layers. At zero they change nothing;
        derivatives by them are those of each pattern by itself.
        """
        hidden, below = [], inputs
        for level, layer in enumerate(self.layers[:-1]):
            field = layer(below)
            if fields:
                field = field + fields[level]
            below = activate(field, self.activation, self.batch_norm)
            if units:
                below = below + units[level]
            hidden.append(below)
        return tuple(hidden), self.layers[-1](below)


def activate(field: Float[Array, "P K"], activation: AbstractActivation, batch_norm: str) -> Float[Array, "P K"]:
    """The activations of a hidden layer with these fields; see `DeepNetwork`."""
    if batch_norm == "before":
        return activation(_normalised(field))
    after = activation(field)
    return _normalised(after) if batch_norm == "after" else after


def _normalised(values: Float[Array, "P K"]) -> Float[Array, "P K"]:
    centred = values - values.mean(0, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(0, keepdims=True) + VARIANCE_FLOOR)


def distinct_rows(
    key: Key[Array, ""], rows: int, columns: int, values: Sequence[float]
) -> Float[Array, "{rows} {columns}"]:
    """Different rows of entries from a finite set of values, none of them zero throughout, uniformly among all such choices.

    `available_rows` says how many rows there are; with more than that this never ends.
    """
    alphabet = jnp.asarray(values, jnp.float32)

    def drawn(turn: Int[Array, ""]) -> Int[Array, "rows columns"]:
        return draw_flat(jax.random.randint, jax.random.fold_in(key, turn), (rows, columns), 0, len(values), jnp.int32)

    def repeated(codes: Int[Array, "rows columns"]) -> Array:
        # Rows that equal an earlier one, or vanish.
        alike = (codes[:, None, :] == codes[None, :, :]).all(-1)
        return jnp.tril(alike, -1).any(1) | (alphabet[codes] == 0).all(1)

    def again(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        turn, codes = carry
        return turn + 1, jnp.where(repeated(codes)[:, None], drawn(turn), codes)

    first = jnp.int32(1), drawn(jnp.int32(0))
    return alphabet[lax.while_loop(lambda carry: repeated(carry[1]).any(), again, first)[1]]


def available_rows(columns: int, values: Sequence[float]) -> int:
    """Number of different rows that `distinct_rows` can draw from."""
    return len(set(values)) ** columns - (0.0 in values)
