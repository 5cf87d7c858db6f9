r"""Solutions of F(x, parameters) = 0 for order parameters x whose equations need not be monotone, and their stability.

The sum of squares of F is minimised by Levenberg-Marquardt (optimistix): far from a solution steps are short and downhill,
near one they are Newton's. Neither stability nor the sign of the Jacobian matters, so unstable solutions are found as well.
Nothing says which of several solutions is found, other than that it is near the start: see `follow_branch`. Maps T that are
monotone have their own solver, which stays on the extremal branches (`dsm.theory._monotone_saddle_point`).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optimistix
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Complex, Float, Int, PyTree

from dsm._errors import is_integer, require
from dsm.theory._result import Result
from dsm.theory._table import Tabulated

#: Relative and absolute, of the last step of a search that finds no solution.
LAST_STEP = 1e-12
#: Residuals below this times the tolerance end the search: any further it would chase rounding.
ENOUGH = 1e-2

Residual = Callable[[PyTree, Any], PyTree]


class Root(Tabulated):
    """A solution of F(x, parameters) = 0, or where the search for one ended.

    Attributes:
        point: x, as `start`.
        residual: max |F(x)|, undamped.
        eigenvalues: of the Jacobian dF/dx at x, in no particular order.
        steps: of the search.
        result: a `Result`, as an integer: `converged`; `no_solution` if the search came to rest elsewhere, as at a minimum
            of |F|; `max_steps_reached`; or `diverged` if F is not finite there.
    """

    columns = ("point", "residual", "steps", "result")

    point: PyTree
    residual: Float[Array, "*batch"]
    eigenvalues: Complex[Array, "*batch n"]
    steps: Int[Array, "*batch"]
    result: Int[Array, "*batch"]

    @property
    def growth(self) -> Float[Array, "*batch"]:
        """Largest real part of the eigenvalues: below 0 the point is a stable one of the motion dx/dt = F(x)."""
        return jnp.max(self.eigenvalues.real, axis=-1)

    @property
    def radius(self) -> Float[Array, "*batch"]:
        """Spectral radius of the Jacobian of T where F = T - x (`fixed_point_residual`): below 1 iteration converges."""
        return jnp.max(jnp.abs(1 + self.eigenvalues), axis=-1)


def fixed_point_residual(update: Callable[[PyTree, Any], PyTree]) -> Residual:
    """F(x, parameters) = T(x, parameters) - x of a map T = `update` from order parameters to such."""

    def residual(order: PyTree, parameters: Any) -> PyTree:
        return jax.tree.map(jnp.subtract, update(order, parameters), order)

    return residual


def find_root(
    function: Residual, start: PyTree, parameters: Any = None, *, tolerance: float = 1e-10, max_steps: int = 256
) -> Root:
    """The solution of `function`(x, `parameters`) = 0 near `start`.

    A pure function of float64 arrays, for use under `jax.jit` and `jax.vmap`: what goes wrong is told by the result.

    Arguments:
        function: F. It maps x and parameters to a pytree of as many numbers as x has.
        start: x to begin from, a pytree of float64 arrays.
        parameters: anything that F wants.
        tolerance: largest residual max |F| of a solution. The search goes on to a hundredth of it, if it can.
        max_steps: of the search.

    Raises:
        ConfigError: `start` is not of float64 (the caller's precision: `jax.enable_x64`), F has another size than x,
            or `max_steps` < 1.
    """
    require(is_integer(max_steps) and max_steps >= 1, "max_steps", max_steps, "an integer >= 1")
    flat, residuals = flattened(function, start)

    def objective(x: Float[Array, " n"], _: None) -> Float[Array, " n"]:
        values = residuals(x, parameters)
        return jnp.where(jnp.max(jnp.abs(values)) <= ENOUGH * tolerance, 0, values)

    found: optimistix.Solution = optimistix.root_find(
        objective,
        optimistix.LevenbergMarquardt(rtol=LAST_STEP, atol=LAST_STEP),
        flat,
        max_steps=max_steps,
        throw=False,
    )
    x = found.value
    values, jacobian = residuals(x, parameters), jax.jacfwd(residuals)(x, parameters)
    residual = jnp.max(jnp.abs(values))
    # At a minimum of |F| optimistix tries ever shorter steps.
    minimum = jnp.max(jnp.abs(values @ jacobian)) <= tolerance
    short = (found.result == optimistix.RESULTS.nonlinear_max_steps_reached) & ~minimum
    failure = jnp.where(short, Result.max_steps_reached.value, Result.no_solution.value)
    failure = jnp.where(jnp.isfinite(residual), failure, Result.diverged.value)
    return Root(
        point=ravel_pytree(start)[1](x),
        residual=residual,
        eigenvalues=jnp.linalg.eigvals(jacobian),
        steps=found.stats["num_steps"],
        result=jnp.where(residual <= tolerance, Result.converged.value, failure),
    )


def flattened(
    function: Residual, start: PyTree
) -> tuple[Float[Array, " n"], Callable[[Float[Array, " n"], Any], Float[Array, " n"]]]:
    """`start` as a vector, and F as a function of such vectors.

    Raises:
        ConfigError: `start` is not of float64. The function raises it if F has another size than x.
    """
    types = {str(jnp.asarray(leaf).dtype) for leaf in jax.tree.leaves(start)}
    require(types == {"float64"}, "start", f"arrays of {', '.join(sorted(types)) or 'nothing'}", "of float64")
    flat, unravel = ravel_pytree(start)

    def residuals(x: Float[Array, " n"], parameters: Any) -> Float[Array, " n"]:
        values = ravel_pytree(function(unravel(x), parameters))[0]
        require(values.size == x.size, "function", f"{values.size} residuals", f"of {x.size}, as many as unknowns")
        return values

    return flat, residuals
