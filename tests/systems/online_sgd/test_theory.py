"""Equations of motion of online SGD: reference curves, exact solutions, symmetries, steady states, bad input."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from dsm import theory
from dsm._errors import ConfigError
from dsm.networks import make_activation
from dsm.theory._online_sgd_ode import Rates, velocity

TEACHER = np.eye(2)
#: Times of a table of the authors' code; curves of two students have as many, so that they share a program.
LONGEST = 300


def reference_start(students: int) -> tuple[np.ndarray, np.ndarray]:
    """Q and R at t = 0 of the experiment on learning curves, which are those of the reference."""
    start = dsm.compose("experiment=sgd_curves").training.start
    return np.asarray(start["Q"])[:students, :students], np.asarray(start["R"])[:students]


def follow(students: int, ts, **settings) -> theory.Trajectory:
    Q, R = reference_start(students)
    settings = {"lr": 0.2} | settings
    return theory.online_sgd(Q, R, TEACHER, np.ones(students), np.ones(2), ts=ts, **settings)


#: Curves and times of a call of `curves`, which fewer are filled up to: one compiled program for each activation.
CURVES, TIMES = 6, 11


def curves(activation: str, *given: dict, ts, tolerance: float = 1e-10, **common) -> list[theory.Trajectory]:
    """Curves of three students of two teachers, each with settings that come before the common ones, side by side."""
    Q, R = reference_start(3)
    default = {"Q0": Q, "R0": R, "T": TEACHER, "v0": np.ones(3), "vt": np.ones(2), "lr": 0.2, "lr_second": 0.0}
    default |= {"noise": 0.0, "weight_decay": 0.0, "batch": 1.0} | common
    filled = [default | curve for curve in given + given[-1:] * (CURVES - len(given))]
    settings = {name: np.asarray([curve[name] for curve in filled], float) for name in default}
    first = [settings.pop(name) for name in ("Q0", "R0", "T", "v0", "vt")]
    times = np.r_[ts, [ts[-1]] * (TIMES - len(ts))]
    found = theory.online_sgd(*first, **settings, activation=activation, ts=times, tolerance=tolerance)

    def curve(place: int) -> theory.Trajectory:
        moving = (getattr(found, name)[place, : len(ts)] for name in ("Q", "R", "v", "test_error"))
        return theory.Trajectory(times[: len(ts)], *moving, found.steps[place, ...], found.result[place, ...])

    return [curve(place) for place in range(len(given))]


@pytest.mark.parametrize(("students", "noise"), [(2, 0.0), (2, 0.01), pytest.param(4, 0.01, marks=pytest.mark.slow)])
def test_curves_equal_those_of_the_authors_code(shared, students, noise):
    folder = shared / "reference" / "online_sgd"
    table = np.genfromtxt(folder / f"ode_M2_K{students}_sigma{noise:g}_dt0.01.csv", delimiter=",", names=True)
    times = np.r_[table["t"], [table["t"][-1]] * (LONGEST - len(table))]
    found = follow(students, times, noise=noise)
    assert found.result == theory.Result.converged
    found = {name: getattr(found, name)[: len(table)] for name in ("Q", "R", "test_error")}
    there = table["eg"] > 1e-8  # below, the tolerance of the integration shows
    np.testing.assert_allclose(found["test_error"][there], table["eg"][there], rtol=4e-3)
    for i in range(students):
        for m in range(2):
            np.testing.assert_allclose(found["R"][:, i, m], table[f"R{i}{m}"], atol=4e-3)
        for k in range(i, students):
            np.testing.assert_allclose(found["Q"][:, i, k], table[f"Q{i}{k}"], atol=4e-3)


@pytest.mark.slow
def test_curve_equals_a_fourth_order_integration(shared):
    table = np.genfromtxt(shared / "reference" / "online_sgd" / "ode_rk4_K4_s0.01.csv", delimiter=",", names=True)
    found = follow(4, table["t"], noise=0.01)
    np.testing.assert_allclose(found.test_error, table["eg_rk4"], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("students", "error"), [(2, 4.02184e-6), (3, 8.01218e-6)])
def test_steady_state_equals_that_of_the_authors_code(students, error):
    """Stationary values of the authors' code, by root finding."""
    end = follow(students, 5000.0, noise=0.01)
    assert end.test_error.shape == (1,)
    settings = {"lr": 0.2, "noise": 0.01}
    v = np.ones(students)
    found = theory.steady_state(end.Q[0], end.R[0], TEACHER, v, np.ones(2), **settings)
    assert found.result == theory.Result.converged and found.residual < 1e-12
    assert found.growth < -1e-3
    np.testing.assert_allclose(found.test_error, error, rtol=2e-6)
    np.testing.assert_array_equal(found.Q, found.Q.T)


@pytest.mark.slow
def test_steady_state_of_a_batch_is_that_of_its_rows():
    """The second layer learns in the second row only; there it reaches another state."""
    I = np.eye(2)  # noqa: E741
    together = theory.steady_state(I, I, I, [1, 1], [1, 1], lr=0.2, noise=0.1, lr_second=[0.0, 0.1])
    alone = theory.steady_state(I, I, I, [1, 1], [1, 1], lr=0.2, noise=0.1)
    np.testing.assert_allclose(together.test_error[0], alone.test_error, rtol=1e-9)
    np.testing.assert_allclose(together.growth[0], alone.growth, rtol=1e-6)
    np.testing.assert_array_equal(together.v[0], [1, 1])
    assert together.result.tolist() == [theory.Result.converged] * 2 and np.all(together.v[1] < 0.99)


@pytest.mark.slow
def test_motion_that_is_not_finite_ends_the_integration():
    found = follow(2, [0.0, 1.0], activation=lambda x: jnp.sqrt(x))
    assert found.result == theory.Result.diverged and found.steps < 100


def test_error_of_linear_units_decays_exactly():
    """The error field of K linear units, sum w_k - sum wt_m, has d e / dt = -2 lr K e + (lr K)**2 (e + noise**2)."""
    ts, lr, students = np.linspace(0, 20, 11), 0.3, 3
    rows = np.random.default_rng(0).normal(size=(5, 9)) / 3
    joint = rows @ rows.T
    signed = np.array([1, 1, 1, -1, -1])
    step = lr * students
    for tolerance, bound in ((1e-10, 5e-8), (1e-13, 1e-10)):
        noises = (0.0, 0.3)
        found = curves(
            "linear", *({"noise": noise} for noise in noises),
            Q0=joint[:3, :3], R0=joint[:3, 3:], T=joint[3:, 3:], lr=lr, ts=ts, tolerance=tolerance,
        )  # fmt: skip
        for noise, curve in zip(noises, found, strict=True):
            final = step * noise**2 / (2 - step)
            exact = final + (signed @ joint @ signed - final) * np.exp(-step * (2 - step) * ts)
            np.testing.assert_allclose(curve.test_error, exact / 2, atol=bound)


def test_one_student_of_one_teacher_obeys_its_closed_equations():
    """erf, K = M = 1, small lr: the overlap's own equation, by a library's integrator and the textbook's averages."""
    from scipy.integrate import solve_ivp

    lr, q0, r0 = 0.1, 0.5, 0.1

    def motion(t, state):
        q, r = state
        pull = 2 / np.pi * (1 / np.sqrt(2 * (1 + q) - r**2)) * (1 + q - r**2) / (1 + q)
        own = 2 / np.pi * r / np.sqrt(2 * (1 + q) - r**2) / (1 + q)
        self_pull_r = 2 / np.pi / np.sqrt(1 + 2 * q) * r / (1 + q)
        self_pull_q = 2 / np.pi / np.sqrt(1 + 2 * q) * q / (1 + q)
        root = np.sqrt(1 + 2 * q)
        square = 4 / np.pi**2 / root * (
            np.arcsin((1 + 2 * (q - r**2)) / (2 * (1 + 2 * q - r**2)))
            + np.arcsin(q / (1 + 3 * q))
            - 2 * np.arcsin(r / np.sqrt((1 + 3 * q) * 2 * (1 + 2 * q - r**2)) )
        )  # fmt: skip
        return [2 * lr * (own - self_pull_q) + lr**2 * square, lr * (pull - self_pull_r)]

    ts = np.array([0.0, 1.0, 5.0, 20.0])
    exact = solve_ivp(motion, (0, 20), [q0, r0], t_eval=ts, rtol=1e-11, atol=1e-13).y
    found = theory.online_sgd([[q0]], [[r0]], [[1.0]], [1.0], [1.0], lr=lr, ts=ts)
    np.testing.assert_allclose(found.R[:, 0, 0], exact[1], atol=1e-8)
    np.testing.assert_allclose(found.Q[:, 0, 0], exact[0], atol=1e-8)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_batch_divides_the_fluctuations(activation):
    """lr and B examples a step are as lr / B and one example, B times as fast, if one layer learns and nothing decays."""
    Q, R = reference_start(3)
    overlaps = theory.Overlaps(*map(jnp.asarray, (Q, R, TEACHER, np.ones(3), np.ones(2))))
    compiled = jax.jit(lambda rates: velocity(make_activation(activation), overlaps, rates))

    def motion(lr: float, batch: float) -> tuple:
        return compiled(Rates(*map(jnp.float64, (lr, 0, 0.2, 0, batch))))

    for fast, slow in zip(motion(0.8, 4), motion(0.2, 1), strict=True):
        np.testing.assert_allclose(fast, 4 * slow, rtol=1e-12, atol=1e-14)


def test_curves_of_batches_are_those_of_smaller_rates():
    ts = np.array([0.3, 2.0, 5.0])
    times = np.union1d(ts, 4 * ts)
    batch, single = curves("linear", {"lr": 0.8, "batch": 4}, {"lr": 0.2, "batch": 1}, noise=0.2, ts=times)
    at, later = np.searchsorted(times, ts), np.searchsorted(times, 4 * ts)
    for name in ("Q", "R", "test_error"):
        np.testing.assert_allclose(getattr(batch, name)[at], getattr(single, name)[later], rtol=1e-6)


def test_steady_states_of_batches_are_those_of_smaller_rates():
    Q, R = reference_start(3)
    (end,) = curves("linear", {}, noise=0.2, ts=[20.0])
    found = theory.steady_state(
        end.Q[0], end.R[0], TEACHER, np.ones(3), np.ones(2),
        lr=[0.8, 0.2], batch=[4, 1], noise=0.2, activation="linear",
    )  # fmt: skip
    np.testing.assert_allclose(*found.test_error, rtol=1e-6)


#: A start and rates at which nothing is symmetric or at rest.
GENERIC = {"v0": [1.0, 0.7, -0.4], "vt": [1.0, -0.5], "lr": 0.1, "lr_second": 0.1, "noise": 0.1, "weight_decay": 0.01}
#: How its units are numbered otherwise.
ORDER = [2, 0, 1]


@functools.cache
def special_curves(activation: str) -> dict[str, theory.Trajectory]:
    """Curves from a generic start and the same renumbered, and such as keep something."""
    Q, R = reference_start(3)
    v = np.array(GENERIC["v0"])
    given = {
        "generic": GENERIC,
        "renumbered": GENERIC
        | {"Q0": Q[np.ix_(ORDER, ORDER)], "R0": R[ORDER][:, ::-1], "v0": v[ORDER], "vt": [-0.5, 1.0]},
        "still": {"lr": 0},
        # Units 0 and 2 share the first unit of the teacher.
        "planted": {
            "Q0": np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]]), "R0": np.array([[1, 0], [0, 1], [1, 0]]),
            "v0": [0.5, 1, 0.5], "lr_second": 0.2,
        },
        "alike": {"Q0": 0.25 * np.eye(3), "R0": np.full((3, 2), 0.1)},
    }  # fmt: skip
    return dict(zip(given, curves(activation, *given.values(), ts=[0.0, 3.0, 5.0, 10.0, 50.0]), strict=True))


each_activation = pytest.mark.parametrize("activation", ["erf", pytest.param("relu", marks=pytest.mark.slow), "linear"])


@each_activation
def test_units_may_be_renumbered(activation):
    plain, swapped = (special_curves(activation)[name] for name in ("generic", "renumbered"))
    np.testing.assert_allclose(swapped.Q, plain.Q[:, ORDER][:, :, ORDER], atol=1e-8)
    np.testing.assert_allclose(swapped.R, plain.R[:, ORDER][:, :, ::-1], atol=1e-8)
    np.testing.assert_allclose(swapped.v, plain.v[:, ORDER], atol=1e-8)
    np.testing.assert_allclose(swapped.test_error, plain.test_error, atol=1e-8)
    assert np.ptp(plain.test_error) > 1e-3


@each_activation
def test_nothing_moves_at_learning_rate_zero(activation):
    still = special_curves(activation)["still"]
    np.testing.assert_array_equal(still.Q, np.broadcast_to(reference_start(3)[0], still.Q.shape))


@each_activation
def test_student_placed_at_the_teacher_stays(activation):
    planted = special_curves(activation)["planted"]
    np.testing.assert_allclose(planted.test_error, 0, atol=1e-10)
    np.testing.assert_allclose(planted.R, np.broadcast_to([[1, 0], [0, 1], [1, 0]], planted.R.shape), atol=1e-8)


@each_activation
def test_units_that_start_alike_stay_alike(activation):
    alike = special_curves(activation)["alike"]
    np.testing.assert_allclose(alike.R, np.broadcast_to(alike.R[:, :1, :1], alike.R.shape), atol=1e-8)
    assert np.ptp(alike.R[:, 0, 0]) > 1e-3


def check_covariances(found: theory.Trajectory) -> None:
    for Q, R in zip(found.Q, found.R, strict=True):
        assert np.linalg.eigvalsh(np.block([[Q, R], [R.T, TEACHER]])).min() > -1e-8


def test_overlaps_stay_a_covariance():
    (found,) = curves("erf", {}, noise=0.01, ts=np.linspace(0, 300, 11))
    check_covariances(found)


@pytest.mark.slow
def test_overlaps_of_four_students_stay_a_covariance():
    check_covariances(follow(4, np.linspace(0, 300, 31), noise=0.01))


def test_batch_is_many_single_curves():
    """Leading axes of overlaps, rates and noises broadcast; each element is the curve that it is alone."""
    Q, R = reference_start(3)
    scale = np.array([1.0, 0.5])[:, None, None, None]
    rates, noises = np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.1])[:, None]
    ts = np.r_[0, 4, [9] * (TIMES - 2)]

    def integrate(Q, R, **settings) -> theory.Trajectory:
        return theory.online_sgd(Q, R, TEACHER, [1, 1, 1], [1, 1], activation="linear", ts=ts, **settings)

    together = integrate(scale * Q, scale * R, lr=rates, noise=0.1)
    assert together.Q.shape == (2, 3, TIMES, 3, 3)
    grid = integrate(Q, R, lr=rates, noise=noises)
    assert (
        grid.Q.shape == (2, 3, TIMES, 3, 3) and grid.test_error.shape == (2, 3, TIMES) and grid.result.shape == (2, 3)
    )
    np.testing.assert_allclose(grid.Q[1, 2], integrate(Q, R, lr=0.3, noise=0.1).Q, atol=1e-9)
    np.testing.assert_allclose(together.R[0, 0], integrate(Q, R, lr=0.1, noise=0.1).R, atol=1e-9)
    np.testing.assert_allclose(together.R[1, 1], integrate(Q / 2, R / 2, lr=0.2, noise=0.1).R, atol=1e-9)


def test_any_grid_of_times_gives_the_same_curve():
    grids = np.linspace(0, 40, 81), np.array([0.0, 0.0, 10.0, 40.0])
    fine, coarse = (follow(2, np.r_[ts, [40.0] * (LONGEST - len(ts))]).test_error[: len(ts)] for ts in grids)
    np.testing.assert_allclose(coarse, fine[[0, 0, 20, 80]], atol=1e-9)


@pytest.mark.slow
def test_any_function_is_an_activation():
    from jax.scipy.special import erf

    ts = [0.0, 5.0, 20.0]
    Q, R = reference_start(2)
    found = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=0.2, ts=ts, activation=lambda x: erf(x / 2**0.5))
    np.testing.assert_allclose(found.test_error, follow(2, ts).test_error, rtol=1e-5)


def test_divergence_is_a_result():
    calm, wild = curves("linear", {"lr": 0.1}, {"lr": 3.0}, ts=[0.0, 50.0, 500.0])
    assert (calm.result, wild.result) == (theory.Result.converged, theory.Result.diverged)
    assert np.isnan(wild.test_error[-1]) and not np.isnan(calm.test_error).any()
    assert wild.test_error[0] == calm.test_error[0]
    assert "learning rate" in theory.Result(int(wild.result)).message


@pytest.mark.slow
def test_too_few_steps_are_a_result():
    short = theory.online_sgd([[1]], [[0.1]], [[1]], [1], [1], lr=0.2, activation="linear", ts=[0, 1000], max_steps=10)
    assert short.result == theory.Result.max_steps_reached and np.isnan(short.test_error[-1])


def test_orthogonal_features_and_a_linear_map_are_plain_inputs():
    rng = np.random.default_rng(3)
    size, ts = 12, np.array([0.0, 2.0, 10.0])
    rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
    w, wt = rng.normal(size=(3, size)), rng.normal(size=(2, size))
    shown = wt @ rotation.T  # the teacher's weights on x
    settings = {"lr": 0.2, "lr_second": 0.1, "noise": 0.1, "weight_decay": 0.02, "ts": ts}
    overlaps = w @ w.T / size, w @ shown.T / size, wt @ wt.T / size
    plain = theory.online_sgd(*overlaps, [1, 1, 1], [1, 1], **settings)
    modes = theory.hidden_manifold_sgd(
        size**0.5 * rotation, w, wt, [1, 1, 1], [1, 1], nonlinearity="linear", **settings
    )
    np.testing.assert_allclose(modes.Q, plain.Q, atol=1e-8)
    np.testing.assert_allclose(modes.R, plain.R, atol=1e-8)
    np.testing.assert_allclose(modes.test_error, plain.test_error, atol=1e-8)


#: Illegal arguments: what is changed, and the argument with the value that the message names.
BAD = {
    "asymmetric Q": ({"Q0": [[1, 0.2], [0.1, 1]]}, "Q0 = a matrix with asymmetry 0.1"),
    "asymmetric T": ({"T": [[1, 0.2], [0.1, 1]]}, "T = a matrix with asymmetry 0.1"),
    "not positive": ({"R0": 2 * np.eye(2)}, "[[Q0, R0], [R0^T, T]] = a matrix with eigenvalue -1"),
    "no students": ({"Q0": np.zeros((0, 0)), "R0": np.zeros((0, 2)), "v0": []}, "K = 0"),
    "no teachers": ({"T": np.zeros((0, 0)), "R0": np.zeros((2, 0)), "vt": []}, "M = 0"),
    "shape": ({"v0": [1.0]}, "v0 = an array of shape (1,)"),
    "word": ({"Q0": "large"}, "Q0 = large"),
    "NaN": ({"v0": [1.0, np.nan]}, "v0 = [1.0, nan]"),
    "noise": ({"noise": -0.1}, "noise = -0.1"),
    "lr": ({"lr": -1}, "lr = -1"),
    "second": ({"lr_second": [0.1, -1]}, "lr_second = [0.1, -1]"),
    "decay": ({"weight_decay": -1e-3}, "weight_decay = -0.001"),
    "batch": ({"batch": [1, 0.5]}, "batch = [1, 0.5]"),
    "activation": ({"activation": "step"}, "activation = step: must be one of erf, gelu, leaky_relu, linear, relu"),
    "times": ({"ts": [0, 2, 1]}, "ts = [0, 2, 1]"),
    "negative time": ({"ts": [-1, 2]}, "ts = [-1, 2]"),
    "no times": ({"ts": []}, "ts = (0,)"),
    "tolerance": ({"tolerance": 0.0}, "tolerance = 0.0"),
    "batches": ({"lr": [0.1, 0.2], "noise": [0, 0, 0]}, "leading axes = lr: (2,), noise: (3,)"),
    "steps": ({"max_steps": 0}, "max_steps = 0"),
}


@pytest.mark.parametrize(("change", "named"), BAD.values(), ids=BAD)
def test_online_sgd_names_an_illegal_argument(change, named):
    arguments = {
        "Q0": np.eye(2), "R0": np.zeros((2, 2)), "T": np.eye(2), "v0": [1, 1], "vt": [1, 1], "lr": 0.1, "ts": [1.0],
    } | change  # fmt: skip
    first = [arguments.pop(name) for name in ("Q0", "R0", "T", "v0", "vt")]
    with pytest.raises(ConfigError, match=re.escape(named)):
        theory.online_sgd(*first, **arguments)


MANIFOLD = {
    "features": ({"features": np.ones((4, 3)) * 2}, "features = rows of squared length 12"),
    "w0": ({"w0": np.ones((2, 3))}, "w0 = (2, 3): must be of shape (K, 4)"),
    "wt": ({"wt": np.ones((2, 4))}, "wt = (2, 4): must be of shape (M, 3)"),
    "nonlinearity": ({"nonlinearity": "cubic"}, "nonlinearity = cubic: must be one of sign, erf, linear"),
    "array of rates": ({"lr": [0.1, 0.2]}, "lr = an array of shape (2,)"),
}


@pytest.mark.parametrize(("change", "named"), MANIFOLD.values(), ids=MANIFOLD)
def test_hidden_manifold_sgd_names_an_illegal_argument(change, named):
    legal = {"features": np.ones((4, 3)), "w0": np.ones((2, 4)), "wt": np.ones((2, 3)), "v0": [1, 1], "vt": [1, 1]}
    with pytest.raises(ConfigError, match=re.escape(named)):
        theory.hidden_manifold_sgd(**({"lr": 0.1, "ts": [1.0]} | legal | change))
