r"""Online SGD of two-layer networks: equations of motion of the order parameters (arXiv:1901.09085, arXiv:1906.08632).

    student  sum_k v_k g(lam_k),                lam_k = w_k.x / sqrt N
    teacher  sum_m vt_m g(rho_m) + sigma zeta,  rho_m = wt_m.x / sqrt N
    w_k <- w_k - (lr / sqrt N) v_k delta g'(lam_k) x - (weight_decay / N) w_k
    v_k <- v_k - (lr_second / N) delta g(lam_k)

with delta = student - teacher, a fresh x for each step, and time t = steps / N. For N to infinity Q, R and v obey ordinary
differential equations.

A step on the mean gradient of a batch of B fresh examples has the same drift and 1/B of the variance: products of gradients
of different examples are smaller by 1/N. So the term of second order in lr is divided by B.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from dsm._errors import is_integer, require
from dsm.networks.activations import AbstractActivation, make_activation
from dsm.theory._order_parameters import Overlaps, as_numbers, checked_overlaps, common_batch, test_error
from dsm.theory._precision import in_float64
from dsm.theory._result import Result
from dsm.theory._table import Tabulated

State = TypeVar("State")

#: Curves that are integrated side by side: enough to fill a core's vector units, few enough to stay in its cache and not to
#: wait long for the slowest.
TOGETHER = 32

#: Of the integration, for each order parameter and step. Test errors of 4e-4 are then right to 2e-7 of themselves.
TOLERANCE = 1e-10
#: Overlaps that have grown to this many times the largest at the start are taken to diverge.
UNBOUNDED = 1e8


class Trajectory(Tabulated):
    """Order parameters at the times `ts`, for each element of the batch.

    Attributes:
        ts: times, steps / N.
        Q: student-student overlaps.
        R: student-teacher overlaps.
        v: second-layer weights of the student.
        test_error: E (student - noiseless teacher)**2 / 2.
        steps: of the integrator.
        result: `Result.converged`, or why the integration stopped, as integers; what was not reached is NaN.
    """

    columns = ("ts", "test_error", "Q", "R", "v")
    along = "test_error"

    ts: Float[np.ndarray, " n"]
    Q: Float[np.ndarray, "*batch n K K"]
    R: Float[np.ndarray, "*batch n K M"]
    v: Float[np.ndarray, "*batch n K"]
    test_error: Float[np.ndarray, "*batch n"]
    steps: Int[np.ndarray, "*batch"]
    result: Int[np.ndarray, "*batch"]


class Rates(eqx.Module):
    """How the student learns.

    Attributes:
        lr: learning rate eta of the first layer.
        lr_second: of the second layer.
        noise: sigma, standard deviation of the teacher's output noise.
        weight_decay: kappa, of the first layer.
        batch: B, examples of a step.
    """

    lr: Float[Array, "*batch"]
    lr_second: Float[Array, "*batch"]
    noise: Float[Array, "*batch"]
    weight_decay: Float[Array, "*batch"]
    batch: Float[Array, "*batch"]


class Averages(eqx.Module):
    """The averages over inputs that enter equations of motion.

    Attributes:
        pull: E g'(x_i) x_j delta, for students i and all fields j; without noise, which does not contribute.
        square: E g'(x_i) g'(x_k) delta**2 for students i, k, noise included.
        values: E g(x_i) delta for students i.
    """

    pull: Float[Array, "K P"]
    square: Float[Array, "K K"]
    values: Float[Array, " K"]


def averages(activation: AbstractActivation, overlaps: Overlaps, noise: Float[Array, ""]) -> Averages:
    """All averages at once."""
    students = overlaps.outputs.size
    covariance, signed = overlaps.covariance, overlaps.signed_outputs
    slopes = activation.slope_slope(covariance)[:students]
    direct, transverse = field_response(activation, overlaps)
    return Averages(
        pull=direct[:, None] * covariance[:students] + transverse @ covariance,
        square=activation.slope_slope_error(covariance, signed, students) + noise**2 * slopes[:, :students],
        values=activation.value_value(covariance)[:students] @ signed,
    )


def field_response(
    activation: AbstractActivation, overlaps: Overlaps
) -> tuple[Float[Array, " K"], Float[Array, "K P"]]:
    """The coefficients of E g'(x_i) z delta = direct_i E x_i z + sum_p transverse_ip E x_p z.

    Here z is any variable that is Gaussian together with the fields. See `AbstractActivation.slope_field_value`.
    """
    students = overlaps.outputs.size
    covariance, signed = overlaps.covariance, overlaps.signed_outputs
    transverse = activation.slope_slope(covariance)[:students] * signed[None, :]
    through = activation.slope_field_value(covariance)[:students] @ signed
    through = through - jnp.sum(transverse * covariance[:students], axis=1)
    variance = jnp.diag(overlaps.student)
    there = variance > 0
    return jnp.where(there, through / jnp.where(there, variance, 1), 0), transverse


def velocity(activation: AbstractActivation, overlaps: Overlaps, rates: Rates) -> tuple[Array, Array, Array]:
    """dQ/dt, dR/dt, dv/dt."""
    students = overlaps.outputs.size
    found = averages(activation, overlaps, rates.noise)
    steps = rates.lr * overlaps.outputs
    drift = -steps[:, None] * found.pull
    own = drift[:, :students]
    diffusion = jnp.outer(steps, steps) * found.square / rates.batch
    return (
        own + own.T + diffusion - 2 * rates.weight_decay * overlaps.student,
        drift[:, students:] - rates.weight_decay * overlaps.cross,
        -rates.lr_second * found.values,
    )


def online_sgd(
    Q0: Any,
    R0: Any,
    T: Any,
    v0: Any,
    vt: Any,
    *,
    lr: Any,
    lr_second: Any = 0.0,
    noise: Any = 0.0,
    weight_decay: Any = 0.0,
    batch: Any = 1,
    activation: Any = "erf",
    ts: Any,
    tolerance: float = TOLERANCE,
    max_steps: int = 10**6,
) -> Trajectory:
    """Integrate the equations of motion (arXiv:1901.09085, arXiv:1906.08632) from t = 0, adaptively, in float64.

    Q = w w^T / N, R = w wt^T / N and T = wt wt^T / N are covariances of fields; time is steps / N. Failures are data: see
    `Trajectory.result`.

    Every argument but `activation`, `ts` and the last two may have leading axes; these broadcast, and all elements are
    integrated together.

    Arguments:
        Q0: (..., K, K), student-student overlaps at t = 0.
        R0: (..., K, M), student-teacher overlaps at t = 0.
        T: (..., M, M), teacher-teacher overlaps.
        v0: (..., K), second-layer weights of the student at t = 0.
        vt: (..., M), those of the teacher.
        lr: learning rate of the first layer.
        lr_second: learning rate of the second layer; 0 keeps it as it is.
        noise: standard deviation of the teacher's output noise.
        weight_decay: of the first layer.
        batch: B, fresh examples of a step.
        activation: "erf", "linear", "relu", another registered name, an `AbstractActivation`, or any elementwise function.
        ts: times at which order parameters are wanted, not decreasing, from 0 on.
        tolerance: relative and absolute, of a step. Between steps order parameters are interpolated, with errors of up to
            some hundred times as much; the test error, a difference of them, has these as absolute errors.
        max_steps: of the integrator. What is not reached by then is NaN, and `result` says so.

    Raises:
        ConfigError: K or M of 0, shapes that do not match, a joint covariance that is not symmetric and positive
            semidefinite, a negative rate or noise, a batch of less than one, an unknown activation, decreasing times, or
            tolerance or max_steps not positive.
    """
    times = checked_times(ts)
    check_limits(tolerance, max_steps)
    model = make_activation(activation)
    given = checked_overlaps(Q0, R0, T, v0, vt)
    constants = checked_rates(lr, lr_second, noise, weight_decay, batch)
    with in_float64():
        overlaps, rates, leading = batched(given, constants)
        found = _integrate_all(model, overlaps, rates, jnp.asarray(times), jnp.asarray(tolerance), max_steps)
        Q, R, v, error, steps, result = (np.asarray(leaf).reshape(leading + leaf.shape[1:]) for leaf in found)
    return Trajectory(times, Q, R, v, error, steps, result)


@eqx.filter_jit
def _integrate_all(
    activation: AbstractActivation,
    overlaps: Overlaps,
    rates: Rates,
    times: Float[Array, " n"],
    tolerance: Float[Array, ""],
    max_steps: int,
) -> tuple[Array, ...]:
    def one(element: tuple[Overlaps, Rates]) -> tuple[Array, ...]:
        return _integrate(activation, *element, times, tolerance, max_steps)

    return lax.map(one, (overlaps, rates), batch_size=min(TOGETHER, rates.lr.size))


def _integrate(
    activation: AbstractActivation,
    start: Overlaps,
    rates: Rates,
    times: Float[Array, " n"],
    tolerance: Float[Array, ""],
    max_steps: int,
) -> tuple[Array, ...]:
    """Q, R, v and the test error at `times`, steps taken, and the outcome."""
    Moving = tuple[Array, Array, Array]

    def at(state: Moving) -> Overlaps:
        Q, R, v = state
        return Overlaps(Q, R, start.teacher, v, start.teacher_outputs)

    def motion(state: Moving) -> Moving:
        return velocity(activation, at(state), rates)

    def describe(state: Moving) -> tuple[Array, ...]:
        return *state, test_error(activation, at(state))

    return follow(motion, (start.student, start.cross, start.outputs), describe, times, tolerance, max_steps)


def follow(
    motion: Callable[[State], State],
    start: State,
    describe: Callable[[State], tuple[Array, ...]],
    times: Float[Array, " n"],
    tolerance: Float[Array, ""] | float,
    max_steps: int,
) -> tuple[Array, ...]:
    """Integrate d state / dt = motion(state) from `start` at t = 0.

    Returns what `describe` says of the state at each of `times`, the number of steps, and a `Result`. What is not reached
    is NaN.
    """

    def largest(state: State) -> Float[Array, ""]:
        return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(state)]))

    bound = UNBOUNDED * (1 + largest(start))
    end = jnp.maximum(times[-1], jnp.finfo(times.dtype).tiny)
    # Where the motion is not finite no step is small enough: give up early.
    control = diffrax.PIDController(rtol=tolerance, atol=tolerance, dtmin=1e-15 * end, force_dtmin=False)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, state, args: motion(state)),
        diffrax.Dopri8(),
        t0=jnp.zeros(()),
        t1=end,
        dt0=None,
        y0=start,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=control,
        event=diffrax.Event(lambda t, state, args, **_: largest(state) > bound),
        max_steps=max_steps,
        throw=False,
    )
    states = jax.tree.map(lambda leaf: jnp.where(jnp.isfinite(leaf), leaf, jnp.nan), solution.ys)
    found = jax.vmap(describe)(states)
    failure = jnp.where(
        solution.result == diffrax.RESULTS.max_steps_reached, Result.max_steps_reached.value, Result.diverged.value
    )
    result = jnp.where(jnp.isfinite(found[-1]).all(), Result.converged.value, failure)
    return *found, solution.stats["num_steps"], result


def batched(overlaps: tuple[np.ndarray, ...], rates: tuple[np.ndarray, ...]) -> tuple[Overlaps, Rates, tuple[int, ...]]:
    """Checked overlaps and rates with one leading axis, that of all elements of the batch; and the shape of the batch."""
    cores = (2, 2, 2, 1, 1, 0, 0, 0, 0, 0)
    arrays = (*overlaps, *rates)
    names = ("Q0", "R0", "T", "v0", "vt", "lr", "lr_second", "noise", "weight_decay", "batch")
    leading = (array.shape[: array.ndim - core] for array, core in zip(arrays, cores, strict=True))
    batch = common_batch(dict(zip(names, leading, strict=True)))
    flat = []
    for array, core in zip(arrays, cores, strict=True):
        shape = array.shape[array.ndim - core :]
        flat.append(jnp.asarray(np.broadcast_to(array, batch + shape).reshape(-1, *shape)))
    Q, R, T, v, vt, *rest = flat
    return Overlaps(Q, R, T, v, vt), Rates(*rest), batch


def checked_rates(lr: Any, lr_second: Any, noise: Any, weight_decay: Any, batch: Any) -> tuple[np.ndarray, ...]:
    """The rates as float64 arrays.

    Raises:
        ConfigError: one is negative or not finite, or `batch` is less than 1.
    """
    given = {"lr": lr, "lr_second": lr_second, "noise": noise, "weight_decay": weight_decay, "batch": batch}
    arrays = {name: as_numbers(name, value) for name, value in given.items()}
    for name, array in arrays.items():
        require(bool(np.all(array >= 0)), name, given[name], "not negative")
    require(bool(np.all(arrays["batch"] >= 1)), "batch", batch, "at least 1")
    return tuple(arrays.values())


def check_limits(tolerance: float, max_steps: int) -> None:
    """Refuse an integration that cannot begin.

    Raises:
        ConfigError: `tolerance` is not between 0 and 1, or `max_steps` no positive integer.
    """
    require(0 < tolerance < 1, "tolerance", tolerance, "between 0 and 1")
    require(is_integer(max_steps) and max_steps >= 1, "max_steps", max_steps, "an integer >= 1")


def checked_times(ts: Any) -> np.ndarray:
    """`ts` as a float64 vector.

    Raises:
        ConfigError: it is none, or begins before 0, or decreases.
    """
    times = np.atleast_1d(as_numbers("ts", ts))
    require(times.ndim == 1 and times.size > 0, "ts", times.shape, "a vector of times")
    require(bool(times[0] >= 0 and np.all(np.diff(times) >= 0)), "ts", ts, "from 0 on and not decreasing")
    return times
