r"""Online SGD on a hidden manifold: equations of motion of order parameters by mode (arXiv:1909.11500).

Inputs x = f(F c / sqrt D) with a teacher on the latent c. Fields of student and teacher are jointly Gaussian in the limit
N, D -> infinity at fixed D / N (Gaussian equivalence). With S = w F / sqrt N and the eigenvectors of Omega = F^T F / N, of
eigenvalues rho,

    Q = (square - gain**2) W + gain**2 mean(sigma),      R = gain mean(r),      T = mean(t),
    W = w w^T / N,   sigma = S S^T,   r = S wt^T,   t = wt wt^T   for each mode, means over the D modes,

with gain = E u f(u) and square = E f(u)**2. A step moves S of a mode by -(lr / sqrt N) v delta g'(lam) beta, where
beta = x F / sqrt N. Its covariances are E lam beta = d S / sqrt N, d = square - gain**2 + gain**2 rho N / D, with the
student, E nu beta = gain rho wt N / (D sqrt N) with the teacher, and E beta**2 = rho d. Derived from the update; it
holds for any activation.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dsm._errors import require
from dsm.data.laws.hidden_manifold import NONLINEARITIES
from dsm.networks.activations import AbstractActivation, make_activation
from dsm.theory._online_sgd_ode import (
    TOLERANCE,
    Rates,
    Trajectory,
    averages,
    check_limits,
    checked_rates,
    checked_times,
    field_response,
    follow,
)
from dsm.theory._order_parameters import Overlaps, as_numbers, test_error
from dsm.theory._precision import in_float64


class Modes(eqx.Module):
    """The manifold and the teacher, in the eigenbasis of Omega.

    Attributes:
        eigenvalues: rho.
        teacher: t = wt wt^T of each mode.
        ratio: D / N.
        gain: E u f(u).
        square: E f(u)**2.
    """

    eigenvalues: Float[Array, " D"]
    teacher: Float[Array, "D M M"]
    ratio: float
    gain: float
    square: float


class ModeOverlaps(eqx.Module):
    """Order parameters of the student.

    Attributes:
        weights: W = w w^T / N.
        student: sigma of each mode.
        cross: r of each mode.
        outputs: v.
    """

    weights: Float[Array, "K K"]
    student: Float[Array, "D K K"]
    cross: Float[Array, "D K M"]
    outputs: Float[Array, " K"]


def overlaps_of(modes: Modes, state: ModeOverlaps, teacher_outputs: Float[Array, " M"]) -> Overlaps:
    """Covariances of the fields."""
    return Overlaps(
        (modes.square - modes.gain**2) * state.weights + modes.gain**2 * jnp.mean(state.student, axis=0),
        modes.gain * jnp.mean(state.cross, axis=0),
        jnp.mean(modes.teacher, axis=0),
        state.outputs,
        teacher_outputs,
    )


def mode_velocity(
    activation: AbstractActivation,
    modes: Modes,
    state: ModeOverlaps,
    teacher_outputs: Float[Array, " M"],
    rates: Rates,
) -> ModeOverlaps:
    """Time derivatives."""
    overlaps = overlaps_of(modes, state, teacher_outputs)
    students = state.outputs.size
    found = averages(activation, overlaps, rates.noise)
    direct, transverse = field_response(activation, overlaps)
    to_student = (jnp.diag(direct) + transverse[:, :students])[None]
    to_teacher = transverse[:, students:][None]
    response = (modes.square - modes.gain**2 + modes.gain**2 * modes.eigenvalues / modes.ratio)[:, None, None]
    drive = (modes.gain * modes.eigenvalues / modes.ratio)[:, None, None]

    steps = rates.lr * state.outputs
    diffusion = jnp.outer(steps, steps) * found.square / rates.batch

    def drift(student: Array, teacher: Array) -> Array:
        """Of S times something, given the products of that with S and wt."""
        return -steps[None, :, None] * (response * (to_student @ student) + drive * (to_teacher @ teacher))

    own = drift(state.student, jnp.swapaxes(state.cross, 1, 2))
    plain = -steps[:, None] * found.pull[:, :students]
    noise = modes.eigenvalues[:, None, None] * response * diffusion[None]
    decay = rates.weight_decay
    return ModeOverlaps(
        plain + plain.T + modes.square * diffusion - 2 * decay * state.weights,
        own + jnp.swapaxes(own, 1, 2) + noise - 2 * decay * state.student,
        drift(state.cross, modes.teacher) - decay * state.cross,
        -rates.lr_second * found.values,
    )


def hidden_manifold_sgd(
    features: Any,
    w0: Any,
    wt: Any,
    v0: Any,
    vt: Any,
    *,
    lr: Any,
    lr_second: Any = 0.0,
    noise: Any = 0.0,
    weight_decay: Any = 0.0,
    batch: Any = 1,
    activation: Any = "erf",
    nonlinearity: str = "sign",
    ts: Any,
    tolerance: float = TOLERANCE,
    max_steps: int = 10**6,
) -> Trajectory:
    """Integrate the equations of motion (arXiv:1909.11500) from the order parameters of given features and
    weights, in float64.

    Q and R of the result are covariances of the fields lam_k = w_k.x / sqrt N and nu_m = wt_m.c / sqrt D; time is steps / N.

    Arguments:
        features: F, (N, D), with sum_r F[i,r]**2 = D.
        w0: (K, N), first-layer weights of the student at t = 0.
        wt: (M, D), first-layer weights of the teacher, on the latent coordinates.
        v0: (K,), second-layer weights of the student at t = 0.
        vt: (M,), those of the teacher.
        nonlinearity: f, one of sign, erf, linear (`dsm.data.laws`).
        lr, lr_second, noise, weight_decay, batch, activation, ts, tolerance, max_steps: as in `online_sgd`, without
            leading axes.

    Raises:
        ConfigError: shapes that do not match, rows of features of another length, an unknown nonlinearity, or as
            `online_sgd`.
    """
    F, w, teacher, v, outputs = (
        as_numbers(name, value)
        for name, value in (("features", features), ("w0", w0), ("wt", wt), ("v0", v0), ("vt", vt))
    )
    require(F.ndim == 2 and F.size > 0, "features", F.shape, "of shape (N, D)")
    width, latent = F.shape
    require(w.ndim == 2 and w.shape[0] >= 1 and w.shape[1] == width, "w0", w.shape, f"of shape (K, {width})")
    require(teacher.ndim == 2 and teacher.shape[0] >= 1 and teacher.shape[1] == latent, "wt", teacher.shape,
            f"of shape (M, {latent})")  # fmt: skip
    require(v.shape == (w.shape[0],), "v0", v.shape, f"of shape ({w.shape[0]},)")
    require(outputs.shape == (teacher.shape[0],), "vt", outputs.shape, f"of shape ({teacher.shape[0]},)")
    lengths = np.sum(F**2, axis=1)
    require(bool(np.allclose(lengths, latent, rtol=1e-5)), "features", f"rows of squared length {lengths.min():.4g} to "
            f"{lengths.max():.4g}", f"rows of squared length D = {latent}")  # fmt: skip
    require(nonlinearity in list(NONLINEARITIES), "nonlinearity", nonlinearity, f"one of {', '.join(NONLINEARITIES)}")
    check_limits(tolerance, max_steps)
    constants = checked_rates(lr, lr_second, noise, weight_decay, batch)
    for name, rate in zip(("lr", "lr_second", "noise", "weight_decay", "batch"), constants, strict=True):
        require(rate.ndim == 0, name, f"an array of shape {rate.shape}", "a number")
    times = checked_times(ts)
    model = make_activation(activation)

    eigenvalues, vectors = np.linalg.eigh(F.T @ F / width)
    student_modes, teacher_modes = (w @ F / width**0.5) @ vectors, teacher @ vectors
    f = NONLINEARITIES[nonlinearity]

    def products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.einsum("kd,md->dkm", a, b)

    with in_float64():
        modes = Modes(
            jnp.asarray(np.maximum(eigenvalues, 0)),
            jnp.asarray(products(teacher_modes, teacher_modes)),
            latent / width,
            float(f.gain),
            f.square,
        )
        start = ModeOverlaps(
            *map(
                jnp.asarray,
                (w @ w.T / width, products(student_modes, student_modes), products(student_modes, teacher_modes), v),
            )  # fmt: skip
        )
        rates = Rates(*map(jnp.asarray, constants))
        found = _integrate(model, modes, start, jnp.asarray(outputs), rates, jnp.asarray(times), tolerance, max_steps)
        return Trajectory(times, *jax.tree.map(np.asarray, found))


@eqx.filter_jit
def _integrate(
    activation: AbstractActivation,
    modes: Modes,
    start: ModeOverlaps,
    teacher_outputs: Float[Array, " M"],
    rates: Rates,
    times: Float[Array, " n"],
    tolerance: float,
    max_steps: int,
) -> tuple[Array, ...]:
    """Q, R, v and the test error at `times`, steps taken, and the outcome."""

    def motion(state: ModeOverlaps) -> ModeOverlaps:
        return mode_velocity(activation, modes, state, teacher_outputs, rates)

    def describe(state: ModeOverlaps) -> tuple[Array, ...]:
        overlaps = overlaps_of(modes, state, teacher_outputs)
        return overlaps.student, overlaps.cross, overlaps.outputs, test_error(activation, overlaps)

    return follow(motion, start, describe, times, tolerance, max_steps)
