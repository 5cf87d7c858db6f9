"""The chain stage as a plain `lax` loop: it runs everywhere, and defines what is right."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from dsm.samplers.sign_perceptron.chains._base import CHAINS, AbstractChain, at
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

        def visit(turn, carry):
            row, field, changes = carry
            k = turn % fan_in
            spins = below[k if sources is None else sources[k]]
            weight = row[k]
            new = move.update(at(draws, turn), weight, Unit(field, spins, cost), fan_in)
            return (
                lax.dynamic_update_index_in_dim(row, new, k, 0),
                field + (new - weight) * spins,
                changes + (new != weight).astype(jnp.int32),
            )

        return lax.fori_loop(0, fan_in * inner, visit, (row, field, jnp.zeros((), jnp.int32)))
