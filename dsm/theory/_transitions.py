"""Where phases of the deep student machine end, meet and exchange stability."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from dsm._errors import is_integer, require
from dsm.theory._deep_student_machine import (
    Model,
    Solution,
    checked_alphas,
    continuation,
    make_model,
    uniform,
)
from dsm.theory._precision import in_float64
from dsm.theory._result import Result

#: The search for a critical alpha begins here; all known ones are above 1.
LOWEST = 1e-3
#: Branches closer than this in all order parameters are one.
APART = 1e-5


def critical_alpha(
    depth: int, weights: str = "spherical", closure: str = "layered", *, beta: float = math.inf, below: float = 1e4
) -> float:
    """alpha at which the disordered solution Q = q = 0 of a machine with L >= 2 loses its stability.

    In the dense limit, alpha = M/c (arXiv:2302.07419). There the spectral radius of the Jacobian of the saddle-point
    equations at Q = q = 0 passes 1: a second-order transition, unless a first-order one came before. inf if the solution is
    stable at `below` and all smaller alpha.

    Raises:
        ConfigError: depth < 2 (one layer has no disordered solution), `below` not finite or below `LOWEST`, or as
            `deep_student_machine`.
    """
    require(is_integer(depth) and depth >= 2, "depth", depth, "an integer >= 2: a single layer learns at every alpha")
    require(LOWEST < below < math.inf, "below", below, f"finite and above {LOWEST}")
    with in_float64():
        model = make_model(depth, weights, closure, beta)

        def stable(log_alpha: float) -> bool:
            return float(_disordered_radius(model, jnp.asarray(math.exp(log_alpha)), depth)) < 1

        if stable(math.log(below)):
            return math.inf
        return math.exp(_boundary(stable, math.log(LOWEST), math.log(below), 1e-12))


@eqx.filter_jit
def _disordered_radius(model: Model, alpha: Float[Array, ""], depth: int) -> Float[Array, ""]:
    """Spectral radius of the Jacobian at Q = q = 0."""
    zero, unravel = ravel_pytree(uniform(depth, jnp.zeros(())))

    def image(x: Float[Array, " n"]) -> Float[Array, " n"]:
        return ravel_pytree(model.update(unravel(x), alpha))[0]

    return jnp.max(jnp.abs(jnp.linalg.eigvals(jax.jacfwd(image)(zero))))


class Coexistence(NamedTuple):
    """An interval of alpha in which the ordered and the disordered branch differ.

    Attributes:
        ordered_spinodal: where the ordered branch, followed downwards, ends; nan if it goes on below the range.
        disordered_spinodal: where the disordered branch, followed upwards, ends; nan if it goes on above the range.
        transition: the thermodynamic transition, where their free entropies are equal; nan if they are not within.
    """

    ordered_spinodal: float
    disordered_spinodal: float
    transition: float


def coexistences(
    depth: int,
    alpha: Any,
    weights: str = "spherical",
    closure: str = "layered",
    *,
    beta: float = math.inf,
    tolerance: float = 1e-5,
) -> list[Coexistence]:
    """Find hysteresis: follow the ordered branch down and the disordered one up a rising grid `alpha` (arXiv:2302.07419).

    Spinodals and transitions are located to `tolerance` in alpha. Intervals narrower than the spacing of the grid may be
    missed, and where more than two branches coexist, the outermost are compared.

    Raises:
        ConfigError: `alpha` is not a rising vector, `tolerance` is below 1e-10, or as `deep_student_machine`.
    """
    grid = checked_alphas(alpha)
    require(grid.ndim == 1 and grid.size > 1 and bool(np.all(np.diff(grid) > 0)), "alpha", alpha, "a rising vector")
    require(tolerance >= 1e-10, "tolerance", tolerance, "at least 1e-10")
    follow = functools.partial(continuation, depth, weights=weights, closure=closure, beta=beta)
    falling = follow(grid[::-1], branch="ordered", init=1.0)
    rising = follow(grid, branch="disordered")
    down = jax.tree.map(lambda leaf: leaf[::-1], falling)
    differ = _apart(down, rising)
    starts = np.flatnonzero(differ & ~np.append(False, differ[:-1]))
    ends = np.flatnonzero(differ & ~np.append(differ[1:], False))

    def branches(inside: float, at: float) -> tuple[Solution, Solution]:
        """Both branches at `at`, each followed from `inside` if it exists on that side only."""
        ordered = follow(np.array([max(inside, at), at]), branch="ordered", init=1.0)
        disordered = follow(np.array([min(inside, at), at]), branch="disordered")
        return ordered, disordered

    found = []
    for first, last in zip(starts, ends, strict=True):
        inside = float(grid[(first + last) // 2])

        def two(at: float, inside: float = inside) -> bool:
            ordered, disordered = branches(inside, at)
            return bool(_apart(ordered, disordered)[-1])

        def difference(at: float, inside: float = inside) -> float:
            ordered, disordered = branches(inside, at)
            return float(ordered.free_entropy[-1] - disordered.free_entropy[-1])

        low = _boundary(two, inside, float(grid[first - 1]), tolerance) if first > 0 else math.nan
        high = _boundary(two, inside, float(grid[last + 1]), tolerance) if last + 1 < grid.size else math.nan
        bottom = float(grid[first]) if math.isnan(low) else low + tolerance
        top = float(grid[last]) if math.isnan(high) else high - tolerance
        transition = math.nan
        if difference(bottom) < 0 < difference(top):
            transition = _boundary(lambda at: difference(at) > 0, top, bottom, tolerance)
        found.append(Coexistence(low, high, transition))
    return found


def _apart(a: Solution, b: Solution) -> np.ndarray:
    """Where both are solutions, and not the same one: just beyond a spinodal a search is slow where the branch was."""
    found = (a.result == Result.converged) & (b.result == Result.converged)
    weights = np.abs(a.weight_overlap - b.weight_overlap).max(-1)
    return found & (np.maximum(weights, np.abs(a.spin_overlap - b.spin_overlap).max(-1)) > APART)


def _boundary(holds: Callable[[float], bool], inside: float, outside: float, tolerance: float) -> float:
    """Where `holds` ends between `inside`, where it is true, and `outside`, where it is false."""
    while abs(inside - outside) > tolerance:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return (inside + outside) / 2
