"""Equations of motion of online SGD: reference curves, exact solutions, symmetries, steady states, bad input."""

import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from dsm import theory
from dsm._errors import ConfigError
from dsm.networks import make_activation
from dsm.theory._online_sgd_ode import Rates, velocity

TEACHER = np.eye(2)


def reference_start(students: int) -> tuple[np.ndarray, np.ndarray]:
    """Q and R at t = 0 of the experiment on learning curves, which are those of the reference."""
    start = dsm.compose("experiment=sgd_curves").training.start
    return np.asarray(start["Q"])[:students, :students], np.asarray(start["R"])[:students]


def follow(students: int, ts, **settings) -> theory.Trajectory:
    Q, R = reference_start(students)
    settings = {"lr": 0.2} | settings
    return theory.online_sgd(Q, R, TEACHER, np.ones(students), np.ones(2), ts=ts, **settings)


@pytest.mark.parametrize(("students", "noise"), [(2, 0.0), (2, 0.01), (4, 0.01)])
def test_curves_of_the_authors_code(shared, students, noise):
    folder = shared / "reference" / "online_sgd"
    table = np.genfromtxt(folder / f"ode_M2_K{students}_sigma{noise:g}_dt0.01.csv", delimiter=",", names=True)
    found = follow(students, table["t"], noise=noise)
    assert found.result == theory.Result.converged
    there = table["eg"] > 1e-8  # below, the tolerance of the integration shows
    np.testing.assert_allclose(found.test_error[there], table["eg"][there], rtol=4e-3)
    for i in range(students):
        for m in range(2):
            np.testing.assert_allclose(found.R[:, i, m], table[f"R{i}{m}"], atol=4e-3)
        for k in range(i, students):
            np.testing.assert_allclose(found.Q[:, i, k], table[f"Q{i}{k}"], atol=4e-3)


def test_curve_of_a_fourth_order_integration(shared):
    table = np.genfromtxt(shared / "reference" / "online_sgd" / "ode_rk4_K4_s0.01.csv", delimiter=",", names=True)
    found = follow(4, table["t"], noise=0.01)
    np.testing.assert_allclose(found.test_error, table["eg_rk4"], rtol=1e-6)


@pytest.mark.parametrize(("students", "error"), [(2, 4.02184e-6), (3, 8.01218e-6)])
def test_steady_states(students, error):
    """Stationary values of the authors' code, by root finding."""
    end = follow(students, [5000.0], noise=0.01)
    settings = {"lr": 0.2, "noise": 0.01}
    v = np.ones(students)
    found = theory.steady_state(end.Q[0], end.R[0], TEACHER, v, np.ones(2), **settings)
    assert found.result == theory.Result.converged and found.residual < 1e-12
    assert found.growth < -1e-3
    np.testing.assert_allclose(found.test_error, error, rtol=2e-6)
    np.testing.assert_array_equal(found.Q, found.Q.T)


def test_steady_states_of_a_batch_are_those_of_its_rows():
    """The second layer learns in the second row only; there it reaches another state."""
    I = np.eye(2)  # noqa: E741
    together = theory.steady_state(I, I, I, [1, 1], [1, 1], lr=0.2, noise=0.1, lr_second=[0.0, 0.1])
    alone = theory.steady_state(I, I, I, [1, 1], [1, 1], lr=0.2, noise=0.1)
    np.testing.assert_allclose(together.test_error[0], alone.test_error, rtol=1e-9)
    np.testing.assert_allclose(together.growth[0], alone.growth, rtol=1e-6)
    np.testing.assert_array_equal(together.v[0], [1, 1])
    assert together.result.tolist() == [theory.Result.converged] * 2 and np.all(together.v[1] < 0.99)


def test_motion_that_is_not_finite_gives_up():
    import jax.numpy as jnp

    found = follow(2, [0.0, 1.0], activation=lambda x: jnp.sqrt(x))
    assert found.result == theory.Result.diverged and found.steps < 100


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_linear_units_decay_exactly(noise):
    """The error field of K linear units, sum w_k - sum wt_m, has d e / dt = -2 lr K e + (lr K)**2 (e + noise**2)."""
    ts, lr, students = np.linspace(0, 20, 11), 0.3, 3
    rows = np.random.default_rng(0).normal(size=(5, 9)) / 3
    joint = rows @ rows.T
    found = theory.online_sgd(
        joint[:3, :3], joint[:3, 3:], joint[3:, 3:], np.ones(3), np.ones(2),
        lr=lr, noise=noise, activation="linear", ts=ts,
    )  # fmt: skip
    signed = np.array([1, 1, 1, -1, -1])
    step = lr * students
    final = step * noise**2 / (2 - step)
    exact = final + (signed @ joint @ signed - final) * np.exp(-step * (2 - step) * ts)
    np.testing.assert_allclose(found.test_error, exact / 2, atol=5e-8)
    fine = theory.online_sgd(
        joint[:3, :3], joint[:3, 3:], joint[3:, 3:], np.ones(3), np.ones(2),
        lr=lr, noise=noise, activation="linear", ts=ts, tolerance=1e-13,
    )  # fmt: skip
    np.testing.assert_allclose(fine.test_error, exact / 2, atol=1e-10)


def test_one_student_of_one_teacher_is_closed():
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
def test_a_batch_slows_the_fluctuations(activation):
    """lr and B examples a step are as lr / B and one example, B times as fast, if one layer learns and nothing decays."""
    Q, R = reference_start(3)
    overlaps = theory.Overlaps(*map(jnp.asarray, (Q, R, TEACHER, np.ones(3), np.ones(2))))

    def motion(lr: float, batch: float) -> tuple:
        return velocity(make_activation(activation), overlaps, Rates(*map(jnp.float64, (lr, 0, 0.2, 0, batch))))

    for fast, slow in zip(motion(0.8, 4), motion(0.2, 1), strict=True):
        np.testing.assert_allclose(fast, 4 * slow, rtol=1e-12, atol=1e-14)


def test_a_batch_is_known_to_all_equations():
    """By the same rule, of curves and steady states."""
    Q, R = reference_start(3)
    common = {"v0": np.ones(3), "vt": np.ones(2), "T": TEACHER, "noise": 0.2, "activation": "linear"}
    ts = np.array([0.3, 2.0, 5.0])
    batch, single = (theory.online_sgd(Q, R, lr=0.2 * b, batch=b, ts=4 / b * ts, **common) for b in (4, 1))
    for name in ("Q", "R", "test_error"):
        np.testing.assert_allclose(getattr(batch, name), getattr(single, name), rtol=1e-6)
    ends = (theory.steady_state(batch.Q[-1], batch.R[-1], lr=0.2 * b, batch=b, **common) for b in (4, 1))
    np.testing.assert_allclose(*(end.test_error for end in ends), rtol=1e-6)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_units_may_be_renumbered(activation):
    ts, order = [0.0, 3.0, 10.0], [2, 0, 1]
    Q, R = reference_start(3)
    v = np.array([1.0, 0.7, -0.4])
    settings = {"lr": 0.1, "lr_second": 0.1, "noise": 0.1, "weight_decay": 0.01, "activation": activation, "ts": ts}
    plain = theory.online_sgd(Q, R, TEACHER, v, [1.0, -0.5], **settings)
    swapped = theory.online_sgd(Q[np.ix_(order, order)], R[order][:, ::-1], TEACHER, v[order], [-0.5, 1.0], **settings)
    np.testing.assert_allclose(swapped.Q, plain.Q[:, order][:, :, order], atol=1e-8)
    np.testing.assert_allclose(swapped.R, plain.R[:, order][:, :, ::-1], atol=1e-8)
    np.testing.assert_allclose(swapped.v, plain.v[:, order], atol=1e-8)
    np.testing.assert_allclose(swapped.test_error, plain.test_error, atol=1e-8)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_what_is_conserved(activation):
    ts = [0.0, 5.0, 50.0]
    Q, R = reference_start(2)
    still = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=0, activation=activation, ts=ts)
    np.testing.assert_array_equal(still.Q, np.broadcast_to(Q, still.Q.shape))
    planted = theory.online_sgd(
        TEACHER, TEACHER, TEACHER, [1, 1], [1, 1], lr=0.2, lr_second=0.2, activation=activation, ts=ts
    )
    np.testing.assert_allclose(planted.test_error, 0, atol=1e-10)
    np.testing.assert_allclose(planted.R, np.broadcast_to(TEACHER, planted.R.shape), atol=1e-8)
    alike = theory.online_sgd(
        0.25 * TEACHER, np.full((2, 2), 0.1), TEACHER, [1, 1], [1, 1], lr=0.2, activation=activation, ts=ts
    )
    np.testing.assert_allclose(alike.R[:, 0], alike.R[:, 1], atol=1e-8)
    np.testing.assert_allclose(alike.R[:, :, 0], alike.R[:, :, 1], atol=1e-8)


def test_covariance_stays_one():
    found = follow(4, np.linspace(0, 300, 31), noise=0.01)
    for Q, R in zip(found.Q, found.R, strict=True):
        assert np.linalg.eigvalsh(np.block([[Q, R], [R.T, TEACHER]])).min() > -1e-8


def test_batch_is_many_single_curves():
    Q, R = reference_start(2)
    scale = np.array([1.0, 0.5])[:, None, None, None]
    rates = np.array([0.1, 0.2, 0.3])
    noises = np.array([0.0, 0.1])[:, None]
    together = theory.online_sgd(scale[..., 0, :, :] * Q, scale[..., 0, :, :] * R, TEACHER, [1, 1], [1, 1],
                                 lr=rates[0], noise=0.1, ts=[0, 4, 9])  # fmt: skip
    assert together.Q.shape == (2, 3, 2, 2)
    grid = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=rates, noise=noises, ts=[0, 4, 9])
    assert grid.Q.shape == (2, 3, 3, 2, 2) and grid.test_error.shape == (2, 3, 3) and grid.result.shape == (2, 3)
    alone = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=0.3, noise=0.1, ts=[0, 4, 9])
    np.testing.assert_allclose(grid.Q[1, 2], alone.Q, atol=1e-9)
    alone = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=0.1, noise=0.1, ts=[0, 4, 9])
    np.testing.assert_allclose(together.R[0], alone.R, atol=1e-9)


def test_any_grid_of_times_gives_the_same_curve():
    fine, coarse = follow(2, np.linspace(0, 40, 81)), follow(2, [0.0, 0.0, 10.0, 40.0])
    np.testing.assert_allclose(coarse.test_error, fine.test_error[[0, 0, 20, 80]], atol=1e-9)
    assert follow(2, 0.0).test_error.shape == (1,)


def test_any_function_is_an_activation():
    from jax.scipy.special import erf

    ts = [0.0, 5.0, 20.0]
    Q, R = reference_start(2)
    own = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=0.2, ts=ts, activation=lambda x: erf(x / 2**0.5))
    np.testing.assert_allclose(own.test_error, follow(2, ts).test_error, rtol=1e-5)


def test_failure_is_data():
    Q, R = reference_start(2)
    wild = theory.online_sgd(Q, R, TEACHER, [1, 1], [1, 1], lr=[0.1, 3.0], activation="linear", ts=[0, 50, 500])
    assert wild.result.tolist() == [theory.Result.converged, theory.Result.diverged]
    assert np.isnan(wild.test_error[1, -1]) and not np.isnan(wild.test_error[0]).any()
    assert wild.test_error[1, 0] == wild.test_error[0, 0]
    assert "learning rate" in theory.Result(int(wild.result[1])).message
    short = follow(2, [0.0, 1000.0], max_steps=10)
    assert short.result == theory.Result.max_steps_reached and np.isnan(short.test_error[-1])


def test_orthogonal_features_and_a_linear_map_are_plain_inputs():
    rng = np.random.default_rng(3)
    size, ts = 12, np.array([0.0, 2.0, 10.0])
    rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
    w, wt = rng.normal(size=(3, size)), rng.normal(size=(2, size))
    shown = wt @ rotation.T  # the teacher's weights on x
    settings = {"lr": 0.2, "lr_second": 0.1, "noise": 0.1, "weight_decay": 0.02, "ts": ts}
    plain = theory.online_sgd(w @ w.T / size, w @ shown.T / size, wt @ wt.T / size, [1, 1, 1], [1, 1], **settings)
    modes = theory.hidden_manifold_sgd(
        size**0.5 * rotation, w, wt, [1, 1, 1], [1, 1], nonlinearity="linear", **settings
    )
    np.testing.assert_allclose(modes.Q, plain.Q, atol=1e-8)
    np.testing.assert_allclose(modes.R, plain.R, atol=1e-8)
    np.testing.assert_allclose(modes.test_error, plain.test_error, atol=1e-8)


BAD = {
    "asymmetric Q": ({"Q0": [[1, 0.2], [0.1, 1]]}, "Q0 = a matrix with asymmetry 0.1: must be symmetric"),
    "asymmetric T": ({"T": [[1, 0.2], [0.1, 1]]}, "T = a matrix with asymmetry 0.1: must be symmetric"),
    "not positive": ({"R0": 2 * np.eye(2)}, "must be positive semidefinite"),
    "no students": ({"Q0": np.zeros((0, 0)), "R0": np.zeros((0, 2)), "v0": []}, "K = 0: must be at least 1"),
    "no teachers": ({"T": np.zeros((0, 0)), "R0": np.zeros((2, 0)), "vt": []}, "M = 0: must be at least 1"),
    "shape": ({"v0": [1.0]}, "v0 = an array of shape (1,): must be of shape (..., 2,), as R0 is (2, 2)"),
    "word": ({"Q0": "large"}, "Q0 = large: must be finite numbers"),
    "NaN": ({"v0": [1.0, np.nan]}, "must be finite numbers"),
    "noise": ({"noise": -0.1}, "noise = -0.1: must be not negative"),
    "lr": ({"lr": -1}, "lr = -1: must be not negative"),
    "second": ({"lr_second": [0.1, -1]}, "lr_second = [0.1, -1]: must be not negative"),
    "decay": ({"weight_decay": -1e-3}, "weight_decay = -0.001: must be not negative"),
    "batch": ({"batch": [1, 0.5]}, "batch = [1, 0.5]: must be at least 1"),
    "activation": ({"activation": "step"}, "activation = step: must be one of erf, gelu, leaky_relu, linear, relu"),
    "times": ({"ts": [0, 2, 1]}, "ts = [0, 2, 1]: must be from 0 on and not decreasing"),
    "negative time": ({"ts": [-1, 2]}, "ts = [-1, 2]: must be from 0 on and not decreasing"),
    "no times": ({"ts": []}, "ts = (0,): must be a vector of times"),
    "tolerance": ({"tolerance": 0.0}, "tolerance = 0.0: must be between 0 and 1"),
    "batches": (
        {"lr": [0.1, 0.2], "noise": [0, 0, 0]},
        "leading axes = lr: (2,), noise: (3,): must broadcast to one shape",
    ),
    "steps": ({"max_steps": 0}, "max_steps = 0: must be an integer >= 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    change, message = BAD[case]
    legal = {
        "Q0": np.eye(2),
        "R0": np.zeros((2, 2)),
        "T": np.eye(2),
        "v0": [1, 1],
        "vt": [1, 1],
        "lr": 0.1,
        "ts": [1.0],
    }
    arguments = legal | change
    first = [arguments.pop(name) for name in ("Q0", "R0", "T", "v0", "vt")]
    with pytest.raises(ConfigError) as caught:
        theory.online_sgd(*first, **arguments)
    assert message in str(caught.value)


MANIFOLD = {
    "features": ({"features": np.ones((4, 3)) * 2}, "must be rows of squared length D = 3"),
    "w0": ({"w0": np.ones((2, 3))}, "w0 = (2, 3): must be of shape (K, 4)"),
    "wt": ({"wt": np.ones((2, 4))}, "wt = (2, 4): must be of shape (M, 3)"),
    "nonlinearity": ({"nonlinearity": "cubic"}, "nonlinearity = cubic: must be one of sign, erf, linear"),
    "array of rates": ({"lr": [0.1, 0.2]}, "lr = an array of shape (2,): must be a number"),
}


@pytest.mark.parametrize("case", MANIFOLD)
def test_bad_manifold_is_named(case):
    change, message = MANIFOLD[case]
    legal = {"features": np.ones((4, 3)), "w0": np.ones((2, 4)), "wt": np.ones((2, 3)), "v0": [1, 1], "vt": [1, 1]}
    with pytest.raises(ConfigError) as caught:
        theory.hidden_manifold_sgd(**({"lr": 0.1, "ts": [1.0]} | legal | change))
    assert message in str(caught.value)
