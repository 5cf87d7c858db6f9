"""Heat bath for continuous weights: hit-and-run along one coordinate, without rejections."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Float, Int, Key

from dsm._random import draw_flat
from dsm.networks import spacing, to_lattice
from dsm.samplers.sign_perceptron.moves._base import MOVES, AbstractMove, Unit

#: The prior has no mass in float32 beyond this many standard deviations. A lattice point at every fan-in.
BEYOND = 12.0
#: Below this width an interval's mass is its width times the density at its middle, to 2e-5; differences of the
#: distribution function would lose their digits there.
NARROW = 0.02


@MOVES.register("heat_bath")
class HeatBath(AbstractMove):
    r"""Draw a weight from its law given all others, prior(J) exp(-beta E(J)).

    As a function of one weight the energy is constant between break points, where the field of some pattern crosses
    zero. So the law is a Gaussian cut into M + 1 pieces, each with its factor exp(-beta E_j): sort the break points, draw
    the piece, draw from the truncated Gaussian. At beta = inf only the pieces of least energy remain.

    Break points lie half a spacing beside a lattice point, and a piece is a set of whole lattice cells, at the ends too. A
    draw is therefore a lattice point and never lands on a wall, whatever the rounding: at E = 0 the energy stays exactly 0.
    """

    continuous: ClassVar[bool] = True

    def draw(
        self, key: Key[Array, ""], beta: Float[Array, ""], shape: tuple[int, ...]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
        piece_key, position_key = jax.random.split(key)
        return (
            draw_flat(jax.random.uniform, piece_key, shape, jnp.float32),
            draw_flat(jax.random.uniform, position_key, shape, jnp.float32),
            jnp.broadcast_to(jnp.asarray(beta, jnp.float32), shape),
        )

    def update(
        self,
        draws: tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]],
        weight: Float[Array, ""],
        unit: Unit,
        fan_in: int,
    ) -> Float[Array, ""]:
        which, where, beta = draws
        walls, jumps = lax.sort(
            (break_points(weight, unit, fan_in), unit.cost * unit.spins.astype(jnp.int32)), num_keys=1
        )
        edge = jnp.full((1,), end(fan_in), walls.dtype)
        low, high = jnp.concatenate([-edge, walls]), jnp.concatenate([walls, edge])
        energy = jnp.concatenate([jnp.zeros((1,), jnp.int32), jnp.cumsum(jumps, dtype=jnp.int32)])
        piece = choose_piece(which, interval_mass(low, high), energy, beta)
        return truncated_normal(where, low[piece], high[piece], fan_in)


def end(fan_in: int) -> float:
    """Where the last cell of the lattice ends: weights lie between minus and plus this."""
    return BEYOND + 0.5 * spacing(fan_in)


def break_points(weight: Float[Array, ""], unit: Unit, fan_in: int) -> Float[Array, " M"]:
    """The value of the weight where the unit's spin flips, on each pattern.

    With S = +1 the unit is up iff J >= a, with S = -1 iff J <= a, where a is a lattice point: the wall stands half a
    spacing outside. With rising J the energy jumps by cost S there.
    """
    zero = weight - unit.field * unit.spins
    return jnp.clip(zero - 0.5 * spacing(fan_in) * unit.spins, -end(fan_in), end(fan_in))


def interval_mass(low: Float[Array, " P"], high: Float[Array, " P"]) -> Float[Array, " P"]:
    """Standard normal mass of [low, high], to 2e-5 relative also for narrow intervals and in the tails."""
    # Mirror intervals of the upper half, so that the distribution function is small where it is subtracted.
    mirrored = low + high > 0
    low, high = jnp.where(mirrored, -high, low), jnp.where(mirrored, -low, high)
    middle, width = 0.5 * (low + high), high - low
    density = jnp.exp(-0.5 * middle**2) * (2 * jnp.pi) ** -0.5
    return jnp.where(width < NARROW, density * width, ndtr(high) - ndtr(low))


def choose_piece(
    uniform: Float[Array, ""], mass: Float[Array, " P"], energy: Int[Array, " P"], beta: Float[Array, ""]
) -> Int[Array, ""]:
    """Index drawn with probability proportional to mass exp(-beta energy); a piece of probability 0 never is."""
    least = jnp.min(jnp.where(mass > 0, energy, jnp.iinfo(jnp.int32).max))
    above = (energy - least).astype(jnp.float32)
    boltzmann = jnp.where(above == 0, 1, jnp.exp(-jnp.where(above == 0, 1, above) * beta))
    cumulative = jnp.cumsum(jnp.where(mass > 0, mass * boltzmann, 0))
    last = jnp.argmax(cumulative >= cumulative[-1])
    return jnp.minimum(jnp.sum(cumulative <= uniform * cumulative[-1], dtype=jnp.int32), last.astype(jnp.int32))


def truncated_normal(
    uniform: Float[Array, ""], low: Float[Array, ""], high: Float[Array, ""], fan_in: int
) -> Float[Array, ""]:
    """A lattice point from the standard normal cut to [low, high], which is made of whole cells; `uniform` in [0, 1]."""
    mirrored = low + high > 0
    a, b = jnp.where(mirrored, -high, low), jnp.where(mirrored, -low, high)
    level = ndtr(a) + uniform * (ndtr(b) - ndtr(a))
    inverse = ndtri(jnp.clip(level, 1e-37, 0.9999999))
    draw = jnp.where(b - a < NARROW, a + uniform * (b - a), inverse)
    draw = jnp.where(mirrored, -draw, draw)
    half = 0.5 * spacing(fan_in)
    return jnp.clip(to_lattice(draw, fan_in), low + half, high - half)
