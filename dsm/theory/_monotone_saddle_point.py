r"""Solutions of x = T(x) for order parameters and monotone maps T, and their stability.

T must be monotone: where x rises in one entry no entry of T(x) falls, i.e. its Jacobian J has no negative entry. The
saddle-point equations of the deep student machine are: on the Nishimori line more order below or above a layer never makes
less order in it. For other equations see `dsm.theory.find_root`.

A start above (below) all solutions descends (ascends) to the largest (smallest) of them. Iteration finds the right branch
but creeps near transitions; Newton's method converges at once but may jump to another branch. So each step is Newton's where
it is trusted, and one iteration elsewhere:

    - x is on the stable side: (I - J)^-1 exists and has no negative entry, i.e. the spectral radius of J is below 1;
    - the step is short, and the next correction, with the same Jacobian, is a quarter of it at most: the natural
      monotonicity test (Deuflhard, Newton Methods for Nonlinear Problems, 2004), which fails where a second solution is as
      near as the first.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int

from dsm.theory.closures import Order

#: Longest Newton step, in any order parameter.
LONGEST = 0.1
#: Largest ratio of the next correction to the step.
CONTRACTION = 0.25
#: A solution has |T(x) - x| below this times x, where order parameters are kept as gaps x = 1 - Q.
TOLERANCE = 1e-11
#: Gaps below this are zero.
ZERO = 1e-30


class SaddlePoint(eqx.Module):
    """A solution of the saddle-point equations, or the last point of the search.

    Attributes:
        order: the order parameters.
        residual: max |T(x) - x|, undamped.
        radius: spectral radius of the Jacobian of T: the solution is stable below 1, critical at 1.
        steps: evaluations of T and its Jacobian.
        converged: whether |T(x) - x| is within the tolerance, relative to the gaps x.
    """

    order: Order
    residual: Float[Array, ""]
    radius: Float[Array, ""]
    steps: Int[Array, ""]
    converged: Bool[Array, ""]


class _Search(eqx.Module):
    """Where the search is: the point, its image and Jacobian, and whether a Newton step from it has failed."""

    x: Float[Array, " n"]
    image: Float[Array, " n"]
    jacobian: Float[Array, "n n"]
    no_newton: Bool[Array, ""]
    steps: Int[Array, ""]


def find_saddle_point(update: Callable[[Order], Order], start: Order, max_steps: int) -> SaddlePoint:
    """The solution of order = update(order) that is reached from `start`, for a monotone `update`: where an order
    parameter rises, no entry of its result falls.

    From a start above (below) all solutions it is the largest (smallest). A step is Newton's where that is trusted, else one
    iteration. Each step evaluates T and J at one point. All gaps
    are within [0, 1], in float64.
    """
    flat, unravel = ravel_pytree(start)

    def evaluate(x: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
        def image(x: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
            value = ravel_pytree(update(unravel(x)))[0]
            return value, value

        jacobian, value = jax.jacfwd(image, has_aux=True)(x)
        return value, jacobian

    def step(at: _Search) -> _Search:
        inverse = jnp.linalg.inv(jnp.eye(flat.size) - at.jacobian)
        stride = inverse @ (at.image - at.x)
        newton = ~at.no_newton & jnp.all(inverse > -1e-9) & (jnp.max(jnp.abs(stride)) < LONGEST)
        x = jnp.where(newton, jnp.clip(at.x + stride, 0, 1), at.image)
        image, jacobian = evaluate(x)
        correction = inverse @ (image - x)
        failed = newton & ~(jnp.max(jnp.abs(correction)) < CONTRACTION * jnp.max(jnp.abs(stride)))
        there = _Search(x, image, jacobian, jnp.asarray(False), at.steps)
        stay = eqx.tree_at(lambda s: s.no_newton, at, jnp.asarray(True))
        moved = jax.tree.map(lambda new, old: jnp.where(failed, old, new), there, stay)
        return eqx.tree_at(lambda s: s.steps, moved, at.steps + 1)

    # The first step, an iteration whose image is the start, evaluates it.
    nowhere = _Search(
        jnp.full_like(flat, jnp.inf),
        flat,
        jnp.zeros((flat.size, flat.size)),
        jnp.asarray(True),
        jnp.zeros((), jnp.int32),
    )
    end = lax.while_loop(lambda s: ~(_distance(s.x, s.image) <= TOLERANCE) & (s.steps < max_steps), step, nowhere)
    return SaddlePoint(
        order=unravel(end.x),
        residual=jnp.max(jnp.abs(end.image - end.x)),
        radius=jnp.max(jnp.abs(jnp.linalg.eigvals(end.jacobian))),
        steps=end.steps,
        converged=_distance(end.x, end.image) <= TOLERANCE,
    )


def _distance(x: Float[Array, " n"], image: Float[Array, " n"]) -> Float[Array, ""]:
    """How far from a solution, relative to the gaps."""
    return jnp.max(jnp.abs(image - x) / (x + ZERO))
