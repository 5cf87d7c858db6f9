"""The chain stage as a plain `lax` loop: it runs everywhere, and defines what is right."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from dsm.samplers.sign_perceptron.chains._base import CHAINS, AbstractChain
from dsm.samplers.sign_perceptron.moves import AbstractMove, Unit


@CHAINS.register("plain")
class PlainChain(AbstractChain):
    """One move a turn of the loop, in O(M) operations."""

    def __call__(
        self,
        move: AbstractMove,
        inner: int,
        draws: PyTree[Array],
        row: Float[Array, " c"],
        field: Float[Array, " M"],
        below: Float[Array, "N M"],
        cost: Int[Array, " M"],
        sources: Int[Array, " c"] | None,
    ) -> tuple[Float[Array, " c"], Float[Array, " M"], Int[Array, ""]]:
        fan_in = row.shape[0]

        def visit(carry, turn):
            field, changes = carry
            draws, weight, source = turn
            spins = below[source]
            new = move.update(draws, weight, Unit(field, spins, cost), fan_in)
            field = field + (new - weight) * spins
            return (field, changes + (new != weight).astype(jnp.int32)), new

        def visit_all(carry, draws):
            row, field, changes = carry
            (field, changes), row = lax.scan(visit, (field, changes), (draws, row, source))
            return (row, field, changes), None

        source = jnp.arange(fan_in, dtype=jnp.int32) if sources is None else sources
        start = (row, field, jnp.zeros((), jnp.int32))
        draws = jax.tree.map(lambda array: array.reshape(inner, fan_in, *array.shape[1:]), draws)
        return lax.scan(visit_all, start, draws)[0]
