"""The chain stage as one GPU kernel: a unit stays on chip while its weights move.

One program a chain and unit. Field and cost are loaded once and stay in registers for all `inner` c moves; spins of the
layer below are loaded row by row, as int8; weights, field and the number of changes are written once. The moves are those of
the plain stage, with the same random numbers and the same acceptance rule, and fields are exact: trajectories are equal,
bit for bit.

It is written in Pallas and lowered by way of Triton. Pallas' other lowering, Mosaic GPU, is for Hopper and newer only, and
wants arrays in tiles: this kernel loads single numbers and rows at places that it computes, and sums over all threads.
"""

import functools
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Array, Float, Int, PyTree

from dsm.samplers.sign_perceptron.chains._base import CHAINS, AbstractChain
from dsm.samplers.sign_perceptron.chains.plain import PlainChain
from dsm.samplers.sign_perceptron.moves import AbstractMove, AbstractProposal, Unit

#: Patterns that a thread holds, and threads in a warp.
EACH, WARP = 4, 32
#: Compute capability of the oldest cards that Triton supports.
OLDEST = 8.0


@CHAINS.register("pallas")
class PallasChain(AbstractChain):
    """One kernel a unit, for moves that propose and accept.

    Attributes:
        interpret: run the kernel's operations one by one, on any device and slowly: for tests.
    """

    interpret: bool = eqx.field(static=True, default=False)
    for_gpus: ClassVar[bool] = True

    def takes(self, move: AbstractMove) -> bool:
        return isinstance(move, AbstractProposal)

    def missing(self, move: AbstractMove) -> str | None:
        """A card of compute capability 8.0 (Triton's oldest), and that a small unit comes out as the plain stage has it."""
        device = jax.devices()[0]
        capability = getattr(device, "compute_capability", None)
        if device.platform != "gpu" or capability is None:
            return "an NVIDIA GPU"
        if float(capability) < OLDEST:
            return f"compute capability {OLDEST} or newer, and this {device.device_kind} has {capability}"
        try:
            return None if self._agrees(move) else "sums that this card does not give"
        except Exception as error:  # whatever a compiler may raise
            return f"what its compiler refuses ({(str(error).splitlines() or [''])[0][:200]})"

    def _agrees(self, move: AbstractMove) -> bool:
        """Whether 2 sweeps of a unit of 5 weights and 33 patterns are those of the plain stage."""
        signs = jnp.where(jnp.arange(5 * 33, dtype=jnp.int32).reshape(5, 33) ** 2 % 7 < 3, 1.0, -1.0).astype(
            jnp.float32
        )
        row = jnp.where(jnp.arange(5) % 2 == 0, 1.0, -1.0).astype(jnp.float32)
        cost = jnp.arange(33, dtype=jnp.int32) % 5 - 2
        draws = move.draw(jax.random.key(0), jnp.float32(1), (10,))

        def run(chain: AbstractChain) -> Any:
            stage = jax.jit(lambda draws: chain(move, 2, draws, row, row @ signs, signs, cost, None))
            return jax.device_get(stage(draws))

        return all((one == other).all() for one, other in zip(run(self), run(PlainChain()), strict=True))

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
        fan_in, patterns = row.shape[0], field.shape[0]
        slots, room = _power_of_two(fan_in), _power_of_two(patterns)
        more = room - patterns  # these are no patterns: their cost is 0
        numbers, structure = jax.tree.flatten(draws)
        inputs = (
            jnp.pad(row, (0, slots - fan_in)),
            jnp.pad(field, (0, more)),
            jnp.pad(below.astype(jnp.int8), ((0, 0), (0, more))),
            jnp.pad(cost, (0, more)),
            jnp.arange(fan_in, dtype=jnp.int32) if sources is None else sources,
            *numbers,
        )
        shapes = (
            jax.ShapeDtypeStruct((slots,), row.dtype),
            jax.ShapeDtypeStruct((room,), field.dtype),
            jax.ShapeDtypeStruct((1,), jnp.int32),
        )
        row, field, changes = pl.pallas_call(
            functools.partial(_visit_all, move, inner, fan_in, structure),
            out_shape=shapes,
            compiler_params=plgpu.CompilerParams(num_warps=min(max(room // (EACH * WARP), 1), 8), num_stages=1),
            interpret=self.interpret,
            name="chain",
        )(*inputs)
        return row[:fan_in], field[:patterns], changes[0]


def _power_of_two(number: int) -> int:
    """The smallest power of two from `number` on: Triton's arrays have no other sizes."""
    return 1 << (number - 1).bit_length()


def _visit_all(move: AbstractMove, inner: int, fan_in: int, structure: Any, *refs: Any) -> None:
    """The kernel: what `PlainChain` does."""
    row_in, field_in, below, cost_in, sources, *numbers, row_out, field_out, changes_out = refs
    cost, slots = cost_in[...], lax.broadcasted_iota(jnp.int32, row_in.shape, 0)

    def visit(turn: Any, carry: Any) -> Any:
        row, field, changes = carry
        k = lax.rem(turn, jnp.int32(fan_in))
        here = slots == k
        # What was written in this call is read from registers. A first visit can do without the sum.
        weight = row_in[k] if inner == 1 else jnp.sum(jnp.where(here, row, jnp.zeros_like(row)))
        spins = below[sources[k], :].astype(field.dtype)
        draws = jax.tree.unflatten(structure, [ref[turn] for ref in numbers])
        new = move.update(draws, weight, Unit(field, spins, cost), fan_in)
        changed = jnp.where(new != weight, jnp.int32(1), jnp.int32(0))
        return jnp.where(here, new, row), field + (new - weight) * spins, changes + changed

    start = (row_in[...], field_in[...], jnp.int32(0))
    row, field, changes = lax.fori_loop(jnp.int32(0), jnp.int32(fan_in * inner), visit, start)
    row_out[...] = row
    field_out[...] = field
    changes_out[0] = changes
