"""Whole branches of narrow networks, through the folds at which they turn back, and the transitions on them."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from dsm._errors import is_integer, require
from dsm.theory._deep_student_machine import checked_alphas
from dsm.theory._precision import in_float64
from dsm.theory._result import Result
from dsm.theory.narrow._estimators import AbstractEstimator
from dsm.theory.narrow._network import NarrowSolution, describe, polished, search, solve
from dsm.theory.narrow._settings import checked_estimator

#: Overlap with the teacher at which a branch counts as having reached zero.
ZERO = 1e-6
#: Points of a branch, and how often a part of it is looked at closer.
POINTS, LOOKS = 600, 3
#: Of how many points one is compared with the unspecialised solution.
SPARSE = 12
#: Logarithms of the distance from the top of a branch after its first step, and of that from the bottom before its last
#: one (negative), as shares of the branch.
ENDS = (-17.0, 14.0)
#: A branch that turns back by less than this share of alpha has no fold: alpha is flat in the overlap near zero.
FLAT = 1e-7
#: Steps of the iteration to the beginning of a branch.
MAX_STEPS = 20_000


def narrow_branch(activation: Any, above: Any, overlaps: Any = None, **settings: Any) -> NarrowSolution:
    """The specialised branch of `narrow_network` as a curve: its solutions at given teacher overlaps, and their alphas.

    Followed from the solution at alpha = `above` along falling overlap R, not along alpha, the curve passes the spinodal,
    where alpha turns back, and goes on through the unstable solutions.

    Arguments:
        activation, settings: as in `narrow_network`, without alpha and branch.
        above: alpha at which the branch begins.
        overlaps: teacher overlaps R, falling, below that of the beginning; None for 600 from there to 1e-6.

    Returns:
        A solution for each overlap. Where the curve was lost, `result` says so.

    Raises:
        ConfigError: the branch does not exist at `above`, `overlaps` does not fall, or as `narrow_network`.
    """
    with in_float64():
        model, start, top = _beginning(activation, above, settings)
        if overlaps is None:
            return _as_solution(model, _follow(model, start, jnp.asarray(_grid(top))))
        values = np.asarray(overlaps, np.float64)
        falling = values.ndim == 1 and values.size > 0 and bool(np.all(np.diff(values) < 0))
        legal = f"a falling vector of numbers below {top:.6g}, the overlap at alpha = {above:g}, and above 0"
        require(falling and bool(0 < values[-1] and values[0] < top), "overlaps", overlaps, legal)
        every, wanted = _with_steps(top, values)
        found = _follow(model, start, jnp.asarray(every))
        return _as_solution(model, {name: leaf[wanted] for name, leaf in found.items()})


class NarrowTransitions(NamedTuple):
    """Where the specialised branch of `narrow_network` begins; NaN for what there is not.

    Attributes:
        spinodal: smallest alpha of the branch, if there it turns back at a positive overlap (a first-order transition).
        equality: alpha above the spinodal at which its free entropy equals that of the unspecialised solution.
        critical: alpha at which it grows continuously out of the unspecialised solution.
    """

    spinodal: float
    equality: float
    critical: float


def narrow_transitions(activation: Any, above: Any, **settings: Any) -> NarrowTransitions:
    """Transitions of `narrow_network` below alpha = `above`, where the specialised branch must exist.

    Arguments and errors are those of `narrow_branch`. A branch that comes from zero overlap, turns back and turns again is
    told by its lowest point.
    """
    with in_float64():
        model, start, top = _beginning(activation, above, settings)
        curve = _follow(model, start, jnp.asarray(_grid(top)))
        found = np.asarray(curve["result"]) == Result.converged.value
        end = int(np.argmin(found)) if not found.all() else found.size
        require(end > 2, "above", above, "an alpha from which the branch can be followed")
        curve = {name: leaf[:end] for name, leaf in curve.items()}
        lowest = int(np.argmin(curve["alpha"]))
        last, least = float(curve["alpha"][-1]), float(curve["alpha"][lowest])
        if last - least < FLAT * last:
            return NarrowTransitions(math.nan, math.nan, last if end == found.size else math.nan)
        for _ in range(LOOKS):  # alpha is quadratic in the overlap near its minimum
            curve = _closer(model, curve, lowest - 1, lowest + 1)
            lowest = int(np.argmin(curve["alpha"]))
        fold = float(curve["teacher_overlap"][lowest])
        return NarrowTransitions(float(curve["alpha"][lowest]), _equality(model, start, top, fold), math.nan)


def _equality(model: AbstractEstimator, start: Float[Array, " n_plus_1"], top: float, fold: float) -> float:
    """alpha at which the free entropies of the branch above its fold and of the unspecialised solution are equal."""
    curve = _follow(model, start, jnp.asarray(_grid(top, fold)))
    alpha = math.nan
    for _ in range(LOOKS):
        curve = {name: leaf[::SPARSE] for name, leaf in curve.items()}  # the iteration below is what takes the time
        other = solve(model, curve["alpha"], model.start("unspecialised"), MAX_STEPS)
        difference = np.asarray(curve["free_entropy"] - other["free_entropy"])
        crossings = np.flatnonzero((difference[:-1] > 0) & (difference[1:] <= 0))
        if not crossings.size:
            return alpha
        place = int(crossings[0])
        share = difference[place] / (difference[place] - difference[place + 1])
        alphas = np.asarray(curve["alpha"])
        alpha = float(alphas[place] + share * (alphas[place + 1] - alphas[place]))
        curve = _closer(model, curve, place - 1, place + 2)
    return alpha


def _closer(model: AbstractEstimator, curve: dict[str, Array], first: int, last: int) -> dict[str, Array]:
    """The part of a curve between two of its points, with as many points as the whole."""
    first, last = max(first, 0), min(last, curve["alpha"].size - 1)
    ends = float(curve["teacher_overlap"][first]), float(curve["teacher_overlap"][last])
    return _follow(model, curve["point"][first], jnp.asarray(np.linspace(*ends, POINTS)))


def _grid(top: float, bottom: float = ZERO) -> Float[np.ndarray, " points"]:
    """Falling overlaps, from below `top` to `bottom`, in steps that near both ends are a share of the distance to the end:
    a branch that begins close to perfect overlap changes as fast as that distance does."""
    shares = 1 / (1 + np.exp(np.linspace(*ENDS, POINTS)))
    return bottom + (top - bottom) * (shares - shares[-1]) / (1 - shares[-1])


def _with_steps(top: float, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlaps with steps between them that Newton's method can take, and the places of those wanted."""
    every = np.unique(np.concatenate([_grid(top, values[-1]), values]))[::-1]
    return every, np.searchsorted(-every, -values)


def _beginning(
    activation: Any, above: Any, settings: dict[str, Any]
) -> tuple[AbstractEstimator, Float[Array, " n_plus_1"], float]:
    """The equations, order parameters and log(alpha) at the beginning of the branch, and the overlap there."""
    alphas = checked_alphas(above)
    require(alphas.ndim == 0, "above", above, "a number")
    units = settings.get("units")
    require(units is None or is_integer(units), "units", units, "None or an integer")
    model = checked_estimator(activation, alphas, branch="specialised", **settings)
    alpha = jnp.asarray(alphas)
    order, residual, overlap = _first(model, alpha)
    there = float(residual) < 1e-9 and float(overlap) > 10 * ZERO
    require(there, "above", above, "an alpha at which the specialised branch exists")
    return model, jnp.append(ravel_pytree(order)[0], jnp.log(alpha)), float(overlap)


@eqx.filter_jit
def _first(model: AbstractEstimator, alpha: Float[Array, ""]) -> tuple[Any, Float[Array, ""], Float[Array, ""]]:
    order, residual, _ = search(model, alpha, model.start("specialised"), MAX_STEPS)
    return order, residual, model.state(order, alpha).teacher[0]


@eqx.filter_jit
def _follow(
    model: AbstractEstimator, start: Float[Array, " n_plus_1"], overlaps: Float[Array, " a"]
) -> dict[str, Float[Array, "..."]]:
    """Solutions at these teacher overlaps, each by Newton's method from the one before, beginning with `start`: fields of
    `NarrowSolution`, and order parameters with log(alpha) as `point`."""
    unravel = ravel_pytree(model.start("specialised"))[1]

    def residuals(y: Float[Array, " n_plus_1"], overlap: Float[Array, ""]) -> Float[Array, " n_plus_1"]:
        order, alpha = unravel(y[:-1]), jnp.exp(y[-1])
        moved = ravel_pytree(model.update(order, alpha))[0] - y[:-1]
        return jnp.append(moved, model.teacher_overlap(order) - overlap)

    def reach(y: Array, overlap: Float[Array, ""]) -> tuple[Array, tuple[Array, Array]]:
        y, residual = polished(lambda y: residuals(y, overlap), y)
        return y, (y, residual)

    def one(y: Float[Array, " n_plus_1"], residual: Float[Array, ""]) -> dict[str, Array]:
        alpha = jnp.exp(y[-1])
        fields = describe(model, alpha, unravel(y[:-1]), residual, jnp.zeros((), int))
        return {"alpha": alpha, "point": y} | fields

    _, (points, residual) = lax.scan(reach, start, overlaps)
    return jax.vmap(one)(points, residual)


def _as_solution(model: AbstractEstimator, found: dict[str, Array]) -> NarrowSolution:
    arrays = {name: np.asarray(values) for name, values in found.items() if name != "point"}
    return NarrowSolution(units=float(model.outputs.units), **arrays)
