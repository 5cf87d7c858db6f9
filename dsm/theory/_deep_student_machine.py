"""The deep student machine in the dense limit N >> c >> 1 at alpha = M/c (arXiv:2302.07419), replica symmetric.

Bayes-optimal setting (Nishimori line): the student-student and teacher-student overlaps are equal. Computed in float64
whatever the precision of the caller, and returned as numpy arrays.
"""

import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from dsm._errors import is_integer, require
from dsm.theory._monotone_saddle_point import SaddlePoint, find_saddle_point
from dsm.theory._precision import in_float64
from dsm.theory._result import Result
from dsm.theory._table import Tabulated
from dsm.theory.closures import CLOSURES, AbstractClosure, Order
from dsm.theory.weight_channels import AbstractWeightChannel, make_weight_channel

#: Arrays within compiled code, numpy outside.
Values = Array | np.ndarray

#: Where the search for a branch begins: Q = q = this in all layers.
BRANCHES = {"ordered": 0.999, "disordered": 1e-3}
#: Beyond, lam is 1 to more digits than are kept.
LARGEST = 1e12


class Solution(Tabulated):
    """A branch of the theory at one alpha, or at each of an array (leading axis `a`).

    Attributes:
        alpha: M/c.
        weight_overlap: Q_l, l = 1..L.
        spin_overlap: q_l on training patterns, l = 0..L; 1 at the input, and 1 by convention at the output, which is read.
        test_spin_overlap: q_l on fresh patterns, l = 0..L.
        test_error: (1 - q_L)/2 on fresh patterns.
        free_entropy: without label noise, the mean log of the volume of exact students relative to the prior, per N M;
            with it, the mean log likelihood of the labels, per label.
        residual: max |T(x) - x| of the saddle-point equations, undamped.
        radius: spectral radius of their Jacobian: below 1 the solution is stable, at 1 it ends or bifurcates.
        steps: evaluations of the equations and their Jacobian.
        result: `Result.converged` or why not, as integers.
    """

    columns = ("alpha", "weight_overlap", "test_error", "free_entropy", "radius", "result")

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
    """Solve the replica-symmetric saddle-point equations (arXiv:2302.07419) at each alpha on its own.

    Overlaps are normalised, Q = q = 1 for perfect learning; entropies are in nats. Failures of the search are data: see
    `Solution.result`.

    Arguments:
        depth: L.
        alpha: M/c, a number or anything that makes an array, of any shape.
        weights: prior of the weights, `spherical` or `ising`.
        closure: of the hidden spin, `yoshino` (arXiv:1910.09918, arXiv:2302.07419) or `layered` (arXiv:1701.06981).
        branch: "ordered" searches from Q = q = 0.999 downwards, "disordered" from 0.001 upwards; they differ where two
            phases coexist.
        beta: inverse temperature. Labels are flipped with probability 1/(1 + exp(beta)) and students have the Gibbs
            weight exp(-beta E): the Nishimori line, on which the teacher is a typical student. inf: no noise, E = 0.
        init: another start in [0, 1] for all Q and q. From 1 perfect learning is found where it is a solution, as it is
            with ising weights at every alpha; from 0.999 it may be missed.
        max_steps: of the solver. A solution that is not reached by then is returned as it is, with its residual.

    Raises:
        ConfigError: alpha not positive or above 1e12, depth < 1, unknown weights, closure or branch, init outside
            [0, 1], beta not positive, max_steps < 1, or a prior without theory.
    """
    return _solve(_each, depth, checked_alphas(alpha), weights, closure, branch, beta, init, max_steps)


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
    those of `deep_student_machine`, for a vector of alphas. Order parameters below 0.001 are raised to it at the next
    alpha, so that a branch that becomes unstable is left.
    """
    alphas = checked_alphas(alpha)
    require(alphas.ndim == 1, "alpha", alphas.shape, "a vector")
    return _solve(_following, depth, alphas, weights, closure, branch, beta, init, max_steps)


def _solve(
    how: Callable[..., Solution],
    depth: int,
    alphas: np.ndarray,
    weights: str,
    closure: str,
    branch: str,
    beta: float,
    init: float | None,
    max_steps: int,
) -> Solution:
    require(is_integer(max_steps) and max_steps >= 1, "max_steps", max_steps, "an integer >= 1")
    start = _checked_start(branch, init)
    with in_float64():
        model = make_model(depth, weights, closure, beta)
        found = how(model, jnp.asarray(alphas.ravel()), jnp.asarray(start), depth, max_steps)
        return jax.tree.map(lambda leaf: np.asarray(leaf).reshape((*alphas.shape, *leaf.shape[1:])), found)


class Model(eqx.Module):
    """Weight channel and closure: the equations."""

    weights: AbstractWeightChannel
    closure: AbstractClosure

    def update(self, order: Order, alpha: Float[Array, ""]) -> Order:
        """One application of the saddle-point equations."""
        response = self.closure.respond(order)
        return Order(jax.vmap(self.weights.overlap_gap)(alpha * response.weight_field), response.spin_gap)

    def free_entropy(self, order: Order, alpha: Float[Array, ""]) -> Float[Array, ""]:
        """Per N M, at a saddle point."""
        response = self.closure.respond(order)
        of_weights = jax.vmap(self.weights.free_entropy)(alpha * response.weight_field)
        return jnp.sum(of_weights) / alpha + response.free_entropy

    def solve(self, alpha: Float[Array, ""], start: Order, max_steps: int) -> SaddlePoint:
        """The saddle point reached from `start`."""
        return find_saddle_point(lambda order: self.update(order, alpha), start, max_steps)


def uniform(depth: int, overlap: Float[Array, ""]) -> Order:
    """All order parameters equal to `overlap`."""
    return Order(jnp.full(depth, 1 - overlap), jnp.full(depth - 1, 1 - overlap))


def fresh_spin_gaps(weight_gap: Float[Array, " L"]) -> Float[Array, " L_plus_1"]:
    """1 - q_l on fresh patterns: q_l = (2/pi) arcsin(Q_l q_{l-1}), q_0 = 1."""

    def layer(below: Float[Array, ""], gap: Float[Array, ""]) -> tuple[Array, Array]:
        product = gap + (1 - gap) * below
        here = (4 / jnp.pi) * jnp.arcsin(jnp.sqrt(product / 2))  # 1 - (2/pi) arcsin(1 - x)
        return here, here

    _, gaps = lax.scan(layer, jnp.zeros(()), weight_gap)
    return jnp.concatenate([jnp.zeros(1), gaps])


def _describe(model: Model, alpha: Float[Array, ""], point: SaddlePoint) -> Solution:
    test = fresh_spin_gaps(point.order.weight_gap)
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


@eqx.filter_jit
def _each(model: Model, alphas: Float[Array, " a"], start: Float[Array, ""], depth: int, max_steps: int) -> Solution:
    """Every alpha on its own, one after the other: together, all would wait for the slowest."""

    def one(alpha: Float[Array, ""]) -> Solution:
        return _describe(model, alpha, model.solve(alpha, uniform(depth, start), max_steps))

    return lax.map(one, alphas)


@eqx.filter_jit
def _following(
    model: Model, alphas: Float[Array, " a"], start: Float[Array, ""], depth: int, max_steps: int
) -> Solution:
    """Each alpha from the solution of the one before."""
    most = 1 - BRANCHES["disordered"]

    def one(order: Order, alpha: Float[Array, ""]) -> tuple[Order, SaddlePoint]:
        raised = jax.tree.map(lambda gap: jnp.minimum(gap, most), order)
        point = model.solve(alpha, raised, max_steps)
        return point.order, point

    _, points = lax.scan(one, uniform(depth, start), alphas)
    return jax.vmap(functools.partial(_describe, model))(alphas, points)


def make_model(depth: int, weights: str, closure: str, beta: float) -> Model:
    """The equations, checked.

    Raises:
        ConfigError: depth < 1, unknown weights or closure, beta not positive.
    """
    require(is_integer(depth) and depth >= 1, "depth", depth, "an integer >= 1")
    number = isinstance(beta, numbers.Real) and not isinstance(beta, bool)
    require(number and beta > 0, "beta", beta, "a positive number or inf")
    label_correlation = jnp.asarray(math.tanh(beta / 2))
    return Model(make_weight_channel(weights), CLOSURES.get(closure, "closure")(label_correlation=label_correlation))


def checked_alphas(alpha: Any) -> Float[np.ndarray, "*a"]:
    """`alpha` as an array of float64.

    Raises:
        ConfigError: it is empty, or an entry is not a positive number of at most `LARGEST`.
    """
    try:
        alphas = np.asarray(alpha, np.float64)
    except (TypeError, ValueError):
        alphas = np.asarray(np.nan)
    legal = np.all((alphas > 0) & (alphas <= LARGEST)) and alphas.size > 0
    require(bool(legal), "alpha", alpha, f"positive numbers, at most {LARGEST:g}")
    return alphas


def _checked_start(branch: str, init: float | None) -> float:
    require(branch in BRANCHES, "branch", branch, f"one of {', '.join(BRANCHES)}")
    if init is None:
        return BRANCHES[branch]
    number = isinstance(init, numbers.Real) and not isinstance(init, bool) and not math.isnan(init)
    require(number and 0 <= init <= 1, "init", init, "a number from 0 to 1")
    return float(init)
