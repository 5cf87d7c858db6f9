"""The deep student machine in the dense limit N >> c >> 1 at alpha = M/c (arXiv:2302.07419), replica symmetric.

Bayes-optimal setting (Nishimori line): the student-student and teacher-student overlaps are equal. Computed in float64
whatever the precision of the caller, and returned as numpy arrays.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from dsm._errors import is_integer, require
from dsm.networks import PRIORS, AbstractPrior
from dsm.theory._saddle_point import Result, SaddlePoint, find_saddle_point
from dsm.theory.closures import CLOSURES, AbstractClosure, Order

#: Arrays within compiled code, numpy outside.
Values = Array | np.ndarray

#: Where the search for a branch begins: Q = q = this in all layers.
BRANCHES = {"ordered": 0.999, "disordered": 1e-3}


class Solution(eqx.Module):
    """A branch of the theory at one alpha, or at each of an array (leading axis `a`).

    Attributes:
        alpha: M/c.
        weight_overlap: Q_l, l = 1..L.
        spin_overlap: q_l on training patterns, l = 0..L; 1 at both ends.
        test_spin_overlap: q_l on fresh patterns, l = 0..L.
        test_error: (1 - q_L)/2 on fresh patterns.
        free_entropy: log of the volume of exact students relative to the prior, averaged, per N M.
        residual: max |T(x) - x| of the saddle-point equations, undamped.
        radius: spectral radius of their Jacobian: below 1 the solution is stable, at 1 it ends or bifurcates.
        steps: steps of the solver.
        result: `Result.converged` or why not, as integers.
    """

    alpha: Float[Values, "*a"]
    weight_overlap: Float[Values, "*a L"]
    spin_overlap: Float[Values, "*a L_plus_1"]
    test_spin_overlap: Float[Values, "*a L_plus_1"]
    test_error: Float[Values, "*a"]
    free_entropy: Float[Values, "*a"]
    residual: Float[Values, "*a"]
    radius: Float[Values, "*a"]
    steps: Int[Values, "*a"]
    result: Int[Values, "*a"]


def deep_student_machine(
    depth: int,
    alpha: Any,
    weights: str = "spherical",
    closure: str = "layered",
    branch: str = "ordered",
    *,
    beta: float = math.inf,
    init: float | None = None,
    max_steps: int = 10_000,
) -> Solution:
    """Solve the saddle-point equations at each alpha on its own.

    Arguments:
        depth: L.
        alpha: M/c, a number or anything that makes an array, of any shape.
        weights: prior of the weights, `spherical` or `ising`.
        closure: of the hidden spin, `yoshino` or `layered`.
        branch: "ordered" searches from Q = q = 0.999 downwards, "disordered" from 0.001 upwards; they differ where two
            phases coexist.
        beta: inverse temperature. Labels are turned over with probability 1/(1 + exp(beta)) and students have the Gibbs
            weight exp(-beta E): the Nishimori line, on which the teacher is a typical student. inf: no noise, E = 0.
        init: another start in [0, 1] for all Q and q. From exactly 0 the disordered solution of L >= 2 is never left, be
            it stable or not.
        max_steps: of the solver. A solution that is not reached by then is returned as it is, with its residual.

    Raises:
        ConfigError: alpha not positive and finite, depth < 1, unknown weights, closure or branch, init outside [0, 1],
            beta not positive.
    """
    model = make_model(depth, weights, closure, beta)
    alphas = _checked_alphas(alpha)
    start = _checked_start(branch, init)
    require(is_integer(max_steps) and max_steps >= 1, "max_steps", max_steps, "an integer >= 1")
    with jax.enable_x64(True):
        solve = _compiled(model, depth, max_steps, "each")
        return _as_numpy(alphas.shape, solve(jnp.asarray(alphas.ravel()), jnp.asarray(start)))


def continuation(
    depth: int,
    alpha: Any,
    weights: str = "spherical",
    closure: str = "layered",
    branch: str = "ordered",
    *,
    beta: float = math.inf,
    init: float | None = None,
    max_steps: int = 10_000,
) -> Solution:
    """Follow a branch along `alpha` in the order given, each solution being the start of the next.

    Falling alpha from the ordered branch and rising alpha from the disordered one show hysteresis. Arguments and errors are
    those of `deep_student_machine`, for a vector of alphas. An order parameter that has vanished is given back 0.001 at
    the next alpha, so that a branch that becomes unstable is left.
    """
    model = make_model(depth, weights, closure, beta)
    alphas = _checked_alphas(alpha)
    require(alphas.ndim == 1, "alpha", alphas.shape, "a vector")
    start = _checked_start(branch, init)
    with jax.enable_x64(True):
        solve = _compiled(model, depth, max_steps, "following")
        return _as_numpy(alphas.shape, solve(jnp.asarray(alphas), jnp.asarray(start)))


class Model(eqx.Module):
    """Weight prior and closure: the equations."""

    prior: AbstractPrior
    closure: AbstractClosure

    def update(self, order: Order, alpha: Float[Array, ""]) -> Order:
        """One application of the saddle-point equations."""
        response = self.closure.respond(order)
        return Order(jax.vmap(self.prior.gap)(alpha * response.weight_field), response.spin_gap)

    def free_entropy(self, order: Order, alpha: Float[Array, ""]) -> Float[Array, ""]:
        """Per N M, at a saddle point."""
        response = self.closure.respond(order)
        weights = jax.vmap(self.prior.free_entropy)(alpha * response.weight_field)
        return jnp.sum(weights) / alpha + response.free_entropy

    def solve(self, alpha: Float[Array, ""], start: Order, max_steps: int) -> SaddlePoint:
        """The saddle point reached from `start`."""
        return find_saddle_point(lambda order: self.update(order, alpha), start, max_steps)


def uniform(depth: int, overlap: Float[Array, ""]) -> Order:
    """All order parameters equal to `overlap`."""
    return Order(jnp.full(depth, 1 - overlap), jnp.full(depth - 1, 1 - overlap))


def test_spin_gaps(weight_gap: Float[Array, " L"]) -> Float[Array, " L_plus_1"]:
    """1 - q_l on fresh patterns: q_l = (2/pi) arcsin(Q_l q_{l-1}), q_0 = 1."""

    def layer(below: Float[Array, ""], gap: Float[Array, ""]) -> tuple[Array, Array]:
        product = gap + (1 - gap) * below
        here = (4 / jnp.pi) * jnp.arcsin(jnp.sqrt(product / 2))  # 1 - (2/pi) arcsin(1 - x)
        return here, here

    _, gaps = lax.scan(layer, jnp.zeros(()), weight_gap)
    return jnp.concatenate([jnp.zeros(1), gaps])


def _describe(model: Model, alpha: Float[Array, ""], point: SaddlePoint) -> Solution:
    test = test_spin_gaps(point.order.weight_gap)
    return Solution(
        alpha=alpha,
        weight_overlap=1 - point.order.weight_gap,
        spin_overlap=1 - point.order.spin_gaps,
        test_spin_overlap=1 - test,
        test_error=test[-1] / 2,
        free_entropy=model.free_entropy(point.order, alpha),
        residual=point.residual,
        radius=point.radius,
        steps=point.steps,
        result=jnp.where(point.converged, Result.converged.value, Result.max_steps_reached.value),
    )


@functools.lru_cache(maxsize=64)
def _compiled(model: Model, depth: int, max_steps: int, how: str) -> Callable[..., Any]:
    """The jitted solver of one model and depth: every alpha on its own, or each from the solution of the one before."""

    def each(alphas: Float[Array, " a"], start: Float[Array, ""]) -> Solution:
        def one(alpha: Float[Array, ""]) -> Solution:
            return _describe(model, alpha, model.solve(alpha, uniform(depth, start), max_steps))

        return lax.map(one, alphas)  # one after the other: together, all would wait for the slowest

    def following(alphas: Float[Array, " a"], start: Float[Array, ""]) -> Solution:
        most = 1 - BRANCHES["disordered"]

        def one(order: Order, alpha: Float[Array, ""]) -> tuple[Order, SaddlePoint]:
            awake = jax.tree.map(lambda gap: jnp.minimum(gap, most), order)
            point = model.solve(alpha, awake, max_steps)
            return point.order, point

        _, points = lax.scan(one, uniform(depth, start), alphas)
        return jax.vmap(functools.partial(_describe, model))(alphas, points)

    return jax.jit({"each": each, "following": following}[how])


def make_model(depth: int, weights: str, closure: str, beta: float) -> Model:
    """The equations, checked.

    Raises:
        ConfigError: depth < 1, unknown weights or closure, beta not positive.
    """
    require(is_integer(depth) and depth >= 1, "depth", depth, "an integer >= 1")
    number = isinstance(beta, (int, float)) and not isinstance(beta, bool)
    require(number and beta > 0, "beta", beta, "a positive number or inf")
    return Model(PRIORS.get(weights, "weights")(), CLOSURES.get(closure, "closure")(math.tanh(beta / 2)))


def _checked_alphas(alpha: Any) -> np.ndarray:
    try:
        alphas = np.asarray(alpha, np.float64)
    except (TypeError, ValueError):
        alphas = np.asarray(np.nan)
    legal = np.all((alphas > 0) & np.isfinite(alphas)) and alphas.size > 0
    require(bool(legal), "alpha", alpha, "positive and finite numbers")
    return alphas


def _checked_start(branch: str, init: float | None) -> float:
    require(branch in BRANCHES, "branch", branch, f"one of {', '.join(BRANCHES)}")
    if init is None:
        return BRANCHES[branch]
    number = isinstance(init, (int, float)) and not isinstance(init, bool) and not math.isnan(init)
    require(number and 0 <= init <= 1, "init", init, "a number from 0 to 1")
    return float(init)


def _as_numpy(shape: tuple[int, ...], found: Solution) -> Solution:
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape((*shape, *leaf.shape[1:])), found)
