"""Heat bath within the present energy: the fast form of the heat bath for exact students."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm.networks import spacing
from dsm.samplers.sign_perceptron.moves._base import MOVES, AbstractMove, Unit
from dsm.samplers.sign_perceptron.moves.heat_bath import BEYOND, truncated_normal


@MOVES.register("version_space")
class VersionSpace(AbstractMove):
    r"""Draw a weight from the prior between the two nearest walls that have a cost.

    A wall is a value of the weight where the unit's spin turns over on some pattern; it has a cost if the energy changes
    there. All points between the two walls see the same two walls, so the draw is reversible, and it keeps the energy:
    it leaves prior(J) exp(-beta E) invariant at every beta, without moving between energies. At E = 0 every wall with a
    cost leads uphill and the weights of E = 0 form one interval, so this *is* the heat bath at beta = inf, in O(M)
    operations and without the sort. Use it from a planted start (version space of Gyorgyi & Tishby: all students with
    E = 0); elsewhere it samples the shell of the energy that it started from.
    """

    continuous: ClassVar[bool] = True
    keeps_energy: ClassVar[bool] = True

    def draw(self, key: Key[Array, ""], beta: Float[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jax.random.uniform(key, shape, jnp.float32)

    def update(self, draws: Float[Array, ""], weight: Float[Array, ""], unit: Unit, fan_in: int) -> Float[Array, ""]:
        # Seen from the weight: a wall stands at distance -(h + spacing/2) S, positive above the weight, negative below.
        distance = -(unit.field + 0.5 * spacing(fan_in)) * unit.spins
        blocked = unit.cost != 0
        above = jnp.min(jnp.where(blocked & (distance > 0), distance, jnp.inf), initial=jnp.inf)
        below = jnp.max(jnp.where(blocked & (distance < 0), distance, -jnp.inf), initial=-jnp.inf)
        low, high = jnp.maximum(weight + below, -BEYOND), jnp.minimum(weight + above, BEYOND)
        return truncated_normal(draws, low, high, fan_in)
