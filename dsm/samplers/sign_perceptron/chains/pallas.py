"""The chain stage as one kernel for NVIDIA GPUs, written in Pallas.

As a plain loop, each move is some launches of small kernels. Here a program does all moves on a unit: it loads the unit's
field, cost and weights once, keeps them in registers, loads the spins of the layer below row by row, and writes weights,
field and the number of changes back once. A program belongs to one unit of one chain; every `jax.vmap` around the call
(output units, replicas, betas, samples) adds an axis to the grid of programs.

A move is the code of the plain stage, `AbstractMove.update`, and its random numbers were drawn before. Sums of costs are
integers, and the only products that are not exact are rounded to the lattice by themselves, so that no contraction to
multiply-adds can change them: trajectories are those of the plain stage, bit for bit.

Pallas has two lowerings for GPUs. Mosaic GPU holds an array in a warpgroup of 128 threads, and refuses one whose size is no
multiple of 128; it needs a Hopper card too. Triton takes any power of two (the rest is masked, with cost 0), one warp a
program, and all cards since Ampere: this kernel uses Triton.
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jaxtyping import Array, Float, Int, Int8, PyTree

from dsm._errors import is_integer, require
from dsm.samplers.sign_perceptron.chains._base import CHAINS, AbstractChain, Workload
from dsm.samplers.sign_perceptron.chains.plain import PlainChain
from dsm.samplers.sign_perceptron.moves import AbstractMove, Unit
from dsm.samplers.sign_perceptron.moves.gaussian import GaussianMove
from dsm.samplers.sign_perceptron.moves.spin_flip import SpinFlip

#: Moves whose code Triton takes, and that rounding cannot change there.
MOVES = (GaussianMove, SpinFlip)
#: Patterns of a program: 32 numbers of each kind in a thread.
MOST_PATTERNS = 8192
#: Spins of a layer in all programs: Pallas counts the bytes of such an array in 32 bits, one of which is a sign.
MOST_SPINS = 2**31
#: Compute capability of Ampere.
LEAST_CAPABILITY = 8.0


@CHAINS.register("pallas")
class PallasChain(AbstractChain):
    """All moves on a unit in one kernel, for NVIDIA GPUs.

    Attributes:
        warps: warps of 32 threads a program; None: one for 128 patterns, and 8 at most. With 4 patterns a thread, fields and
            spins are loaded in the same order, and need no exchange between threads.
        interpret: run it as plain JAX operations, on any device and very slowly: for tests.
    """

    warps: int | None = eqx.field(static=True, default=None)
    interpret: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        legal = self.warps is None or (is_integer(self.warps) and self.warps in (1, 2, 4, 8, 16))
        require(legal, "warps", self.warps, "null or one of 1, 2, 4, 8, 16")

    def refuses(self, work: Workload) -> str | None:
        if type(work.move) not in MOVES:
            return f"takes {' and '.join(move.__name__ for move in MOVES)}, not {type(work.move).__name__}"
        if work.patterns > MOST_PATTERNS:
            return f"takes {MOST_PATTERNS} patterns, not {work.patterns}"
        if work.chains * work.width * work.patterns >= MOST_SPINS:
            return f"takes less than 2**31 spins of a layer, not {work.chains} chains of {work.width * work.patterns}"
        if self.interpret or work.device is None:
            return None
        return _refuses_device(work.device) or self._fails(work.move)

    def _fails(self, move: AbstractMove) -> str | None:
        """Try a small unit on the device: what is wrong with it; None if its numbers are those of the plain stage."""
        below = jax.random.rademacher(jax.random.key(1), (5, 33), jnp.float32)
        row = jnp.where(jnp.arange(5, dtype=jnp.int32) % 2 == 0, jnp.float32(1), jnp.float32(-1))
        cost = jnp.arange(33, dtype=jnp.int32) % 5 - 2
        draws = move.draw(jax.random.key(0), jnp.float32(1), (10,))

        def run(chain: AbstractChain) -> Any:
            stage = jax.jit(lambda draws: chain(move, 2, draws, row, row @ below, chain.spins(below), cost, None))
            return jax.device_get(stage(draws))

        try:
            same = jax.tree.map(lambda one, other: bool((one == other).all()), run(self), run(PlainChain()))
        except Exception as error:  # whatever a compiler may raise
            return f"cannot be compiled here ({(str(error).splitlines() or [''])[0][:200]})"
        return None if all(jax.tree.leaves(same)) else "gives other numbers than the plain stage on this device"

    def spins(self, below: Float[Array, "N M"]) -> Int8[Array, "N M"]:
        return below.astype(jnp.int8)

    def __call__(
        self,
        move: AbstractMove,
        inner: int,
        draws: PyTree[Array],
        row: Float[Array, " c"],
        field: Float[Array, " M"],
        below: Int8[Array, "N M"],
        cost: Int[Array, " M"],
        sources: Int[Array, " c"] | None,
    ) -> tuple[Float[Array, " c"], Float[Array, " M"], Int[Array, ""]]:
        like = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (row, field)]
        warps = self.warps or min(max(pl.next_power_of_2(field.size) // 128, 1), 8)
        return pl.pallas_call(
            functools.partial(_program, move, inner),
            out_shape=(*like, jax.ShapeDtypeStruct((), jnp.int32)),
            interpret=self.interpret,
            compiler_params=None if self.interpret else triton.CompilerParams(num_warps=warps),
            name="chain_stage",
        )(draws, row, field, below, cost, sources)


def _program(
    move: AbstractMove,
    inner: int,
    draws: PyTree[Any],
    row: Any,
    field: Any,
    below: Any,
    cost: Any,
    sources: Any | None,
    new_row: Any,
    new_field: Any,
    changes: Any,
) -> None:
    """All moves on one unit; arrays are references to memory, and indices 32-bit integers."""
    fan_in, turns = row.shape[0], row.shape[0] * inner
    load_row, store_row = _vector(fan_in)
    load, store = _vector(field.shape[0])
    costs, place = load(cost), lax.iota(jnp.int32, _padded(fan_in))

    def ahead(turn: Array) -> tuple[Array, PyTree[Array], Array]:
        """What move `turn` needs and no move before it changes, so that it can be loaded while that one is at work."""
        k = lax.rem(turn, jnp.int32(fan_in))
        spins = load(below, k if sources is None else sources[k])
        turn = jnp.minimum(turn, jnp.int32(turns - 1))
        return spins, jax.tree.map(lambda numbers: numbers[turn], draws), row[k]

    def visit(turn: Array, carry: Any) -> Any:
        (spins, numbers, weight), weights, field, changes = carry
        following = ahead(turn + jnp.int32(1))
        here = place == lax.rem(turn, jnp.int32(fan_in))
        if inner > 1:  # it may have changed; registers have no numbers, so that one of them is found by a sum
            weight = jnp.sum(jnp.where(here, weights, jnp.float32(0)))
        spins = spins.astype(jnp.float32)
        new = move.update(numbers, weight, Unit(field, spins, costs), fan_in)
        changed = jnp.where(new != weight, jnp.int32(1), jnp.int32(0))
        return following, jnp.where(here, new, weights), field + (new - weight) * spins, changes + changed

    start = ahead(jnp.int32(0)), load_row(row), load(field), jnp.int32(0)
    _, weights, fields, count = lax.fori_loop(jnp.int32(0), jnp.int32(turns), visit, start)
    store_row(new_row, weights)
    store(new_field, fields)
    changes[...] = count


def _padded(size: int) -> int:
    """A power of two, as Triton wants it, and one number a thread at least."""
    return max(pl.next_power_of_2(size), 32)


def _vector(size: int) -> tuple[Callable[..., Array], Callable[[Any, Array], None]]:
    """How vectors of `size` numbers are loaded, with zeros behind them, and stored, without what is behind them."""
    inside = lax.iota(jnp.int32, _padded(size)) < jnp.int32(size)
    there = pl.ds(0, _padded(size))

    def load(reference: Any, *index: Array) -> Array:
        return triton.load(reference.at[(*index, there)], mask=inside, other=jnp.zeros((), reference.dtype))

    def store(reference: Any, values: Array) -> None:
        triton.store(reference.at[there], values, mask=inside)

    return load, store


def _refuses_device(device: Any) -> str | None:
    kind = str(device.device_kind)
    capability: float | None
    try:
        capability = float(device.compute_capability)  # of AMD cards it is a word
    except (AttributeError, ValueError):
        capability = LEAST_CAPABILITY if "NVIDIA" in kind.upper() else None  # compiling will tell
    if device.platform != "gpu" or capability is None:
        return f"is for NVIDIA GPUs, not for {kind}"
    if capability < LEAST_CAPABILITY:
        return f"needs compute capability {LEAST_CAPABILITY}, and {kind} has {capability}"
    return None
