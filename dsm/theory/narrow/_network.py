"""Saddle points of narrow networks: a branch at each alpha, with errors and stability."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, PyTree

from dsm._errors import is_integer, require
from dsm.theory._deep_student_machine import checked_alphas
from dsm.theory._precision import in_float64
from dsm.theory._result import Result
from dsm.theory._table import Tabulated
from dsm.theory.narrow._estimators import AbstractEstimator
from dsm.theory.narrow._settings import checked_estimator

#: Share of the old order parameters that a step of the iteration keeps, and that after so many steps, for maps that
#: overshoot.
DAMPING, LATE_DAMPING, PATIENCE = 0.5, 0.95, 2000
#: Images of zero below this are zero but for rounding.
SYMMETRIC = 1e-12
#: Steps of the sum mode for each of the units: it is stiff, as patterns are K times as many.
FOLLOWING = 3
#: Largest residual of a solution, and that at which Newton's method takes over from the iteration.
TOLERANCE, NEAR = 1e-9, 1e-7
#: Evaluations of Newton's method at the end; it converges quadratically.
NEWTON_STEPS = 8

Values = np.ndarray


class NarrowSolution(Tabulated):
    """A branch of saddle points, for each alpha.

    Overlaps are per weight, w.w'/N, and averages over units; `sum_...` are those of the sum mode
    v = K**(-1/2) sum_k a_k w_k, NaN where the output has no linear part. Teachers have 1. With dressing the diagonal of an
    overlap matrix is ((K - 1) q + sum_q) / K, and its signed off-diagonal (sum_q - q) / K.

    Attributes:
        alpha: P/(K N), as given.
        units: K; inf without dressing.
        self_overlap: Q, of a student with itself.
        student_overlap: q, of two students.
        teacher_overlap: R, of student and teacher.
        sum_self_overlap, sum_student_overlap, sum_teacher_overlap: of the sum mode.
        test_error: E (f - f*)**2 of one student, for bayes of the posterior mean; in classification the probability that
            the sign is wrong.
        mean_error: of the mean over the posterior.
        sample_error: of one sample of the posterior.
        train_error: E (y - f)**2 in regression. In classification the mean loss, and for bayes the fraction of labels that
            a sample of the posterior contradicts; NaN for the probit loss.
        free_entropy: per K N, in nats; of bayes that of the labels' likelihood; of erm minus the minimum of loss plus decay.
        residual: of the undamped saddle-point equations.
        replicon: replica symmetry of the units' overlaps is stable where it is positive; normalised to 1 at alpha = 0.
        steps: of the iteration.
        result: a `dsm.theory.Result`, as integers.
    """

    columns = (
        "alpha",
        "teacher_overlap",
        "student_overlap",
        "self_overlap",
        "sum_teacher_overlap",
        "test_error",
        "free_entropy",
        "result",
    )

    alpha: Float[Values, "*a"]
    units: float
    self_overlap: Float[Values, "*a"]
    student_overlap: Float[Values, "*a"]
    teacher_overlap: Float[Values, "*a"]
    sum_self_overlap: Float[Values, "*a"]
    sum_student_overlap: Float[Values, "*a"]
    sum_teacher_overlap: Float[Values, "*a"]
    test_error: Float[Values, "*a"]
    mean_error: Float[Values, "*a"]
    sample_error: Float[Values, "*a"]
    train_error: Float[Values, "*a"]
    free_entropy: Float[Values, "*a"]
    residual: Float[Values, "*a"]
    replicon: Float[Values, "*a"]
    steps: Int[Values, "*a"]
    result: Int[Values, "*a"]

    @property
    def teacher_diagonal(self) -> Float[Values, "*a"]:
        """Mean over k of R_kk."""
        return np.asarray(self.teacher_overlap + self.teacher_off_diagonal)

    @property
    def teacher_off_diagonal(self) -> Float[Values, "*a"]:
        """Mean over k and l != k of a_k a_l R_kl."""
        if math.isinf(self.units):
            return np.zeros_like(self.teacher_overlap)
        return np.asarray((self.sum_teacher_overlap - self.teacher_overlap) / self.units)


def narrow_network(
    activation: Any,
    alpha: Any,
    *,
    task: Any = "regression",
    estimator: Any = "bayes",
    noise: Any = 0.0,
    beta: Any = None,
    weight_decay: Any = None,
    loss: Any = "square",
    units: Any = None,
    dressing: Any = "none",
    branch: Any = "specialised",
    second_layer: Any = "balanced",
    max_steps: Any = 20_000,
) -> NarrowSolution:
    """Solve the replica-symmetric saddle-point equations of arXiv:2507.00629 at each alpha on its own.

    Teacher and student are f = K**(-1/2) sum_k a_k phi(w_k.x/sqrt N) on Gaussian inputs, K << N, with P = alpha K N patterns
    and labels f* + sqrt(D) xi or their sign. Students have the weight exp(-beta sum of losses - beta lambda |w|**2 / 2).

    A branch is what the iteration reaches from a start of its kind. Where it does not exist the iteration leads on to
    another, as a falling alpha does beyond a spinodal: below it the specialised branch is returned as the unspecialised
    one, with teacher_overlap = 0.

    Arguments:
        activation: phi, a name or a function; functions with kinks should have a name.
        alpha: P/(K N), a number or an array of any shape.
        task: regression or classification.
        estimator: "bayes", the posterior of the teacher; "gibbs", a student at `beta` and `weight_decay`; "erm", the
            minimum of the loss with `weight_decay`.
        noise: D, variance of the noise on the teacher's output.
        beta: inverse temperature, for gibbs. Matched with the teacher it is 1/D.
        weight_decay: lambda, for gibbs and erm. Matched with the teacher beta lambda = 1.
        loss: "square", (y - f)**2 / 2; in classification also logistic, hinge, perceptron, and for gibbs probit, the
            likelihood of labels with noise 1/beta before the sign. perceptron is max(0, -y f) and not half of it, the loss
            of runs: their temperature T and decay lambda are here beta = 1/(2 T) and weight_decay = 2 lambda.
        units: K, or None for K -> infinity.
        dressing: of the limit of many units by terms in 1/K: "none" leaves it, whatever `units` is; "entropy" adds the
            entropy of the sum mode (the paper's); "full" its share in diagonal and off-diagonal overlaps as well.
        branch: "specialised"; "unspecialised", the symmetric solution R = q = 0, stable or not; "glassy", R = 0 and q > 0
            (gibbs); "rotated", students whose units are rotated against those of the teacher, for activations with a second
            Hermite order (K -> infinity).
        second_layer: "balanced", half +1 and half -1, or "equal", all +1 and the mean of outputs subtracted. They differ
            for dressing "full" with activations that are not odd.
        max_steps: of the iteration.

    Raises:
        ConfigError: a value is not legal, or not with the others.
    """
    alphas = checked_alphas(alpha)
    require(is_integer(max_steps) and max_steps >= 1, "max_steps", max_steps, "an integer >= 1")
    with in_float64():
        model = checked_estimator(
            activation,
            alphas,
            branch=branch,
            task=task,
            estimator=estimator,
            noise=noise,
            beta=beta,
            weight_decay=weight_decay,
            loss=loss,
            units=units,
            dressing=dressing,
            second_layer=second_layer,
        )
        found = solve(model, jnp.asarray(alphas.ravel()), model.start(branch), max_steps)
        shaped = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(alphas.shape), found)
    return NarrowSolution(alpha=alphas, units=float(model.outputs.units), **shaped)


@eqx.filter_jit
def solve(
    model: AbstractEstimator, alphas: Float[Array, " a"], start: PyTree, max_steps: int
) -> dict[str, Float[Array, " a"]]:
    """The solution from `start` at each alpha: fields of `NarrowSolution`."""
    return jax.vmap(lambda alpha: describe(model, alpha, *search(model, alpha, start, max_steps)))(alphas)


def search(
    model: AbstractEstimator, alpha: Float[Array, ""], start: PyTree, max_steps: int
) -> tuple[PyTree, Float[Array, ""], Int[Array, ""]]:
    """The saddle point that the damped iteration leads to from `start`, its residual, and the steps."""
    flat, unravel = ravel_pytree(start)

    def update(x: Float[Array, " n"]) -> Float[Array, " n"]:
        return ravel_pytree(model.update(unravel(x), alpha))[0]

    def unfinished(carry: tuple[Array, Array, Array]) -> Bool[Array, ""]:
        _, residual, step = carry
        return (residual > NEAR) & (step < max_steps)

    # Zeros that symmetry keeps are kept against rounding, for where they are unstable.
    held = (flat == 0) & (jnp.abs(update(flat)) < SYMMETRIC)
    follows = jnp.asarray(ravel_pytree(model.followers(start))[0], bool)

    def advance(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        x, _, step = carry
        ready = x
        if any(np.any(leaf) for leaf in jax.tree.leaves(model.followers(start))):
            ready = lax.fori_loop(0, FOLLOWING, lambda _, x: jnp.where(follows, update(x), x), x)
        image = update(ready)
        kept = jnp.where(step < PATIENCE, DAMPING, LATE_DAMPING)
        moved = jnp.where(held, 0, ready + (1 - kept) * (image - ready))
        return moved, jnp.max(jnp.abs(jnp.where(held, 0, image - x))), step + 1

    reached, _, steps = lax.while_loop(unfinished, advance, (flat, jnp.asarray(jnp.inf), jnp.asarray(0)))
    point, residual = polished(lambda x: update(x) - x, reached)
    return unravel(point), residual, steps


def polished(
    function: Callable[[Float[Array, " n"]], Float[Array, " n"]], x: Float[Array, " n"]
) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """x after Newton's method for a zero of `function`, with steps halved that do not make it smaller, and the residual."""

    def residuals(x: Float[Array, " n"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        values = function(x)
        return values, values

    def step(_: Any, best: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        at, lowest, stride = best
        jacobian, values = jax.jacfwd(residuals, has_aux=True)(at + stride)
        residual = jnp.max(jnp.abs(values))
        better = residual < lowest
        onward = -jnp.linalg.solve(jacobian, values)
        return (
            jnp.where(better, at + stride, at),
            jnp.where(better, residual, lowest),
            jnp.where(better, onward, stride / 2),
        )

    at, lowest, _ = lax.fori_loop(0, NEWTON_STEPS, step, (x, jnp.asarray(jnp.inf), jnp.zeros_like(x)))
    return at, lowest


def describe(
    model: AbstractEstimator, alpha: Float[Array, ""], order: PyTree, residual: Float[Array, ""], steps: Int[Array, ""]
) -> dict[str, Float[Array, ""]]:
    """A saddle point as fields of `NarrowSolution`."""
    state = model.state(order, alpha)
    failure = jnp.where(jnp.isfinite(residual), Result.max_steps_reached.value, Result.diverged.value)
    return {
        "self_overlap": state.own[0],
        "student_overlap": state.student[0],
        "teacher_overlap": state.teacher[0],
        "sum_self_overlap": state.own[1],
        "sum_student_overlap": state.student[1],
        "sum_teacher_overlap": state.teacher[1],
        "test_error": state.test_error,
        "mean_error": state.mean_error,
        "sample_error": state.sample_error,
        "train_error": state.train_error,
        "free_entropy": model.free_entropy(order, alpha),
        "residual": residual,
        "replicon": state.replicon,
        "steps": steps,
        "result": jnp.where(residual <= TOLERANCE, Result.converged.value, failure),
    }
