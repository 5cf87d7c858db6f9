r"""Branches of solutions of F(x, a) = 0 by continuation in one parameter a, and the folds at which they end.

From a solution x at a one step is taken to the next value of the parameter by Newton's method. It stays on the branch if the
first step is short enough for the next correction, with the same Jacobian, to be a quarter of it at most (the natural
monotonicity test: Deuflhard, Newton Methods for Nonlinear Problems, 2004, sections 2.1 and 5.1). Where the test fails the
step in a is halved, where it holds doubled. At a fold, where dF/dx is singular and the branch turns back in a, no step is
short enough: there the branch has ended. The system then does what it would do if F were its motion, dx/dt = F(x, a): it
leaves for another branch, which is followed on. So rising and falling parameters show hysteresis.
"""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PyTree

from dsm._errors import require
from dsm.theory._root import Residual, Root, find_root, flattened
from dsm.theory._table import Tabulated

#: Largest ratio of the next correction to the first Newton step, beyond rounding.
CONTRACTION, ROUNDING = 0.25, 1e-12
#: Newton steps after the first, with corrections that shrink from a quarter quadratically.
NEWTON_STEPS = 6
#: Smallest step in a, relative to the spacing of its values: folds are located to some times that.
FINEST = 1e-7
#: The motion away from a fold: its longest time, in units of a step of T, how slow it ends, tolerance and steps.
LONGEST, SLOWEST, PRECISION, MOTION_STEPS = 1e5, 1e-8, 1e-6, 100_000


class Branch(Tabulated):
    """Solutions along a parameter, each followed from the one before.

    Attributes:
        parameters: a.
        roots: the solutions, with a leading axis for a.
        ended: value of a at which the branch ended on the way to this one, so that the solution is on another branch (or
            none was found: see `roots.result`); NaN where the branch went on.
    """

    columns = ("parameters", "roots.point", "ended", "roots.result")
    along = "parameters"

    parameters: Float[Array, " a"]
    roots: Root
    ended: Float[Array, " a"]


class _Walk(eqx.Module):
    """A solution x at the value a of the parameter, and the step that is tried next."""

    x: Float[Array, " n"]
    at: Float[Array, ""]
    step: Float[Array, ""]


def follow_branch(
    function: Residual, start: PyTree, parameters: Any, *, tolerance: float = 1e-10, max_steps: int = 256
) -> Branch:
    """Follow solutions of `function`(x, a) = 0 along `parameters` in the order given.

    Arguments:
        function: F, of order parameters x, a pytree, and the parameter a, a number. Where a branch ends the next one is that
            to which the motion dx/dt = F leads: give F the sign that makes stable solutions stable, as
            `fixed_point_residual` does. Branches that lose their stability without ending, at a bifurcation, are followed
            on as unstable ones: see `Root.growth`.
        start: near a solution at the first value.
        parameters: values of a, a vector of float64.
        tolerance, max_steps: as in `find_root`.

    Raises:
        ConfigError: `parameters` is not a vector of float64, or as `find_root`.
    """
    values = jnp.asarray(parameters)
    legal = values.ndim == 1 and values.size > 0 and values.dtype == jnp.float64
    require(legal, "parameters", f"an array of {values.dtype} of shape {values.shape}", "a vector of float64")
    flat, residuals = flattened(function, start)

    def search(x: Float[Array, " n"], a: Float[Array, ""]) -> Root:
        return find_root(residuals, x, a, tolerance=tolerance, max_steps=max_steps)

    def reach(before: tuple[Array, Array], a: Float[Array, ""]) -> tuple[tuple[Array, Array], tuple[Root, Array]]:
        x, at = _walk(residuals, *before, a, tolerance)
        lost = at != a
        x = lax.cond(lost, lambda: _settle(residuals, x, a), lambda: x)
        root = search(x, a)
        there = root.residual <= tolerance
        last = jnp.where(there, root.point, before[0]), jnp.where(there, a, before[1])
        return last, (root, jnp.where(lost, at, jnp.nan))

    first = search(flat, values[0])
    _, (others, ended) = lax.scan(reach, (first.point, values[0]), values[1:])
    roots = jax.tree.map(lambda one, more: jnp.concatenate([one[None], more]), first, others)
    points = jax.vmap(ravel_pytree(start)[1])(roots.point)
    return Branch(values, eqx.tree_at(lambda r: r.point, roots, points), jnp.append(jnp.nan, ended))


def _walk(
    residuals: Residual, x: Float[Array, " n"], at: Float[Array, ""], end: Float[Array, ""], tolerance: float
) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """The solution at `end` on the branch of the solution x at `at`, and `end`; or the last ones before the branch ends."""
    finest = FINEST * jnp.abs(end - at)

    def unfinished(walk: _Walk) -> Bool[Array, ""]:
        return (walk.at != end) & (jnp.abs(walk.step) > finest)

    def advance(walk: _Walk) -> _Walk:
        last = jnp.abs(walk.step) >= jnp.abs(end - walk.at)
        target = jnp.where(last, end, walk.at + walk.step)
        moved, good = _newton(residuals, walk.x, target, tolerance)
        return _Walk(
            jnp.where(good, moved, walk.x),
            jnp.where(good, target, walk.at),
            walk.step * jnp.where(good, 2.0, 0.5),
        )

    done = lax.while_loop(unfinished, advance, _Walk(x, at, end - at))
    return done.x, done.at


def _newton(
    residuals: Residual, x: Float[Array, " n"], a: Float[Array, ""], tolerance: float
) -> tuple[Float[Array, " n"], Bool[Array, ""]]:
    """The solution at `a` by Newton's method from x, and whether it is one of the same branch (module docstring)."""
    jacobian = jax.jacfwd(residuals)(x, a)
    inverse = jnp.linalg.inv(jacobian)
    stride = -inverse @ residuals(x, a)
    correction = inverse @ residuals(x + stride, a)
    rounding = ROUNDING * (1 + jnp.max(jnp.abs(x)))
    trusted = jnp.max(jnp.abs(correction)) <= CONTRACTION * jnp.max(jnp.abs(stride)) + rounding

    def step(_: Any, x: Float[Array, " n"]) -> Float[Array, " n"]:
        return x - jnp.linalg.solve(jax.jacfwd(residuals)(x, a), residuals(x, a))

    moved = lax.fori_loop(0, NEWTON_STEPS, step, x + stride)
    return moved, trusted & (jnp.max(jnp.abs(residuals(moved, a))) <= tolerance)


def _settle(residuals: Residual, x: Float[Array, " n"], a: Float[Array, ""]) -> Float[Array, " n"]:
    """Where dx/dt = F(x, a) comes to rest."""
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, x, args: residuals(x, a)),
        diffrax.Tsit5(),
        t0=0.0,
        t1=LONGEST,
        dt0=None,
        y0=x,
        stepsize_controller=diffrax.PIDController(rtol=PRECISION, atol=PRECISION),
        event=diffrax.Event(diffrax.steady_state_event(rtol=0.0, atol=SLOWEST)),
        max_steps=MOTION_STEPS,
        throw=False,
    )
    return solution.ys[-1]
