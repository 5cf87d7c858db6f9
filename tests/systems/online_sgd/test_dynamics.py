"""Online SGD as simulated: the equations of motion as N grows, fluctuations, overfitting, devices."""

import jax
import numpy as np
import pytest

import dsm
from dsm import theory
from online_learning import SMALL, advance, driver_of


@pytest.mark.parametrize(
    ("activation", "batch", "width"),
    [
        ("erf", 5, 100),
        pytest.param("erf", 5, 400, marks=pytest.mark.slow),
        pytest.param("erf", 1, 400, marks=pytest.mark.slow),
        pytest.param("relu", 1, 400, marks=pytest.mark.slow),
        pytest.param("linear", 1, 400, marks=pytest.mark.slow),
        pytest.param("linear", 5, 400, marks=pytest.mark.slow),
    ],
)
def test_simulation_follows_the_equations_of_motion(activation, batch, width):
    """Mean order parameters of 64 samples, within their errors and a bias of order 1 / N."""
    driver, progress = driver_of(
        f"network.activation={activation}",
        f"network.width={width}",
        "data.samples=64",
        "data.noise=0.2",
        "training.lr_second=0.3",
        "training.weight_decay=0.05",
        f"training.batch={batch}",
    )
    _, start = jax.jit(lambda progress: driver.observe(progress))(progress)
    exact = theory.online_sgd(
        start["Q"][0], start["R"][0], np.eye(2), np.ones(3), np.ones(2),
        lr=0.2, noise=0.2, lr_second=0.3, weight_decay=0.05, batch=batch, ts=[0.5, 2.0, 5.0],
        activation=activation,
    )  # fmt: skip
    _, records = advance(driver, progress, width // 2, 3 * width // 2, 3 * width)
    for name, curve in (("Q", exact.Q), ("R", exact.R), ("v", exact.v), ("test_error", exact.test_error)):
        found = np.asarray(records[name])
        error = found.std(axis=1, ddof=1) / 8
        assert np.all(np.abs(found.mean(axis=1) - curve) < 5 * error + 4 / width), name


@pytest.mark.slow
def test_fluctuations_fall_as_the_root_of_the_width():
    spread = []
    for width in (100, 1600):
        driver, progress = driver_of(f"network.width={width}", "data.samples=16")
        _, records = advance(driver, progress, 2 * width)
        spread.append(np.sqrt(np.mean(np.var(np.asarray(records["R"][0]), axis=0, ddof=1))))
    # 6 overlaps of 16 samples: the ratio of two such spreads is known to about 15 %.
    assert 4 * 0.6 < spread[0] / spread[1] < 4 / 0.6


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_denoising_start_is_the_teacher_and_averages_noise(activation, tmp_path):
    """5 units of 2: no error at t = 0, in theory and simulation. Copies stay alike, and their sum learns at a lower rate."""
    words = (
        "task=online_sgd",
        "network.width=50",
        f"network.activation={activation}",
        "network.teacher_outputs=[1,-2]",
    )
    path = dsm.run(
        *(*words, "network.students=5", "training.start.name=denoise", "training.time=20", "data.samples=2"),
        *("data.noise=0.1", f"run.root={tmp_path}", "run.progress=none", "run.figures=false"),
    )
    data = dsm.load(path)
    np.testing.assert_allclose(data.v.isel(t=0)[0], [1 / 3, -1, 1 / 3, -1, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(data.theory_v.isel(t=0), [1 / 3, -1, 1 / 3, -1, 1 / 3], rtol=1e-12)
    assert float(data.test_error.isel(t=0).max()) < 1e-6 and abs(float(data.theory_test_error[0])) < 1e-12
    R = data.R.isel(t=-1).values
    np.testing.assert_allclose(R[:, [0, 1, 0]], R[:, [2, 3, 4]], rtol=1e-4, atol=1e-5)
    assert float(data.theory_test_error[-1]) > 1e-4


@pytest.mark.slow
def test_manifold_simulation_follows_its_equations():
    settings = (
        "data=manifold_law", "data.law.latent=60", "network.width=300", "network.students=2", "data.samples=8",
        "data.test_patterns=4000", "training.time=4",
    )  # fmt: skip
    config = dsm.compose(*SMALL, *settings)
    driver, progress = driver_of(*settings)
    _, records = advance(driver, progress, 300, 900)
    problems = driver.problems
    for sample in range(config.data.samples):
        exact = theory.hidden_manifold_sgd(
            problems.disorder[sample], problems.student.weights[sample], problems.teacher.weights[sample],
            np.ones(2), np.ones(2), lr=0.2, ts=[1.0, 4.0],
        )  # fmt: skip
        # Means over 4000 patterns, and N = 300, D = 60: some percent.
        np.testing.assert_allclose(records["test_error"][:, sample], exact.test_error, rtol=0.15)
        np.testing.assert_allclose(records["Q"][:, sample], exact.Q, atol=0.2)
    shift = np.mean(np.asarray(records["R"])) - np.mean(exact.R)
    assert abs(shift) < 0.2


@pytest.mark.slow
def test_few_patterns_are_overfitted():
    """Trained to zero error on fewer patterns than weights, while fresh inputs teach more."""
    driver, progress = driver_of("data.patterns=20", "training.time=200", "data.noise=0.3")
    _, few = advance(driver, progress, 8000)
    driver, progress = driver_of("training.time=200", "data.noise=0.3")
    _, fresh = advance(driver, progress, 8000)
    assert float(few["train_error"].mean()) < 0.1 * float(few["test_error"].mean())
    assert float(fresh["test_error"].mean()) < 0.5 * float(few["test_error"].mean())


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param((), marks=pytest.mark.slow),
        ("data.patterns=7", "data.noise=0.1"),
        pytest.param(("data=manifold_law", "data.samples=4"), marks=pytest.mark.slow),
    ],
)
def test_devices_change_rounding_only(overrides):
    driver, progress = driver_of(*overrides)
    _, whole = advance(driver, progress, 30)
    driver, progress = driver_of(*overrides, devices=2)
    progress, _ = advance(driver, progress, 11)
    _, parts = advance(driver, progress, 19)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-5, atol=1e-7)


def test_samples_and_seeds_differ():
    driver, progress = driver_of()
    _, records = advance(driver, progress, 20)
    assert np.ptp(np.asarray(records["test_error"][0])) > 0
    driver, progress = driver_of("seed=1")
    _, others = advance(driver, progress, 20)
    assert not np.array_equal(records["test_error"], others["test_error"])
