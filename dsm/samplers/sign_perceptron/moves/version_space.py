"""Heat bath within the present energy: the fast form of the heat bath for exact students."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm._random import draw_flat
from dsm.samplers.sign_perceptron.moves._base import MOVES, AbstractMove, Unit
from dsm.samplers.sign_perceptron.moves.heat_bath import break_points, end, truncated_normal


@MOVES.register("version_space")
class VersionSpace(AbstractMove):
    r"""Draw a weight from the prior between the two nearest walls that have a cost.

    A wall is a value of the weight where the unit's spin flips on some pattern; it has a cost if the energy changes
    there. All points between the two walls see the same two walls, so the draw is reversible, and it keeps the energy:
    it leaves prior(J) exp(-beta E) invariant at every beta, without moving between energies. At E = 0 every wall with a
    cost leads uphill and the weights of E = 0 form one interval, so this *is* the heat bath at beta = inf, in O(M)
    operations and without the sort. Use it from a planted start (version space of Gyorgyi & Tishby: all students with
    E = 0); elsewhere it samples the shell of the energy that it started from.
    """

    continuous: ClassVar[bool] = True
    keeps_energy: ClassVar[bool] = True

    def draw(self, key: Key[Array, ""], beta: Float[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return draw_flat(jax.random.uniform, key, shape, jnp.float32)

    def update(self, draws: Float[Array, ""], weight: Float[Array, ""], unit: Unit, fan_in: int) -> Float[Array, ""]:
        walls = break_points(weight, unit, fan_in)
        blocked = unit.cost != 0
        above = jnp.min(jnp.where(blocked & (walls > weight), walls, end(fan_in)), initial=end(fan_in))
        below = jnp.max(jnp.where(blocked & (walls < weight), walls, -end(fan_in)), initial=-end(fan_in))
        return truncated_normal(draws, below, above, fan_in)
