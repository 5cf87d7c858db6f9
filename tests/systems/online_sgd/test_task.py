"""Online SGD as simulated: the step, the start, the equations of motion as N grows, epochs, devices, resumption."""

import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
import dsm.store
import dsm.tasks
from commands import SIGNAL_AFTER, assert_same_results, results
from commands import dsm as command_line
from dsm import data, theory
from dsm._errors import CapacityError
from dsm._random import root_key, stream
from dsm.networks import TwoLayerNetwork, make_activation
from dsm.tasks.online_sgd._build import make_driver, plan, record_steps, start_overlaps
from dsm.training import OVERLAP_STARTS, OnlineSGD, weights_with_overlaps

SMALL = (
    "task=online_sgd", "network.width=40", "network.students=3", "data.samples=4", "training.time=3", "run.figures=false",
    "run.progress=none",
)  # fmt: skip


def driver_of(*overrides: str, devices: int = 1):
    """The driver of a run, and its fresh progress."""
    config = dsm.compose(*SMALL, *overrides, f"run.devices={devices}")
    key = root_key(config.seed)
    overlaps = start_overlaps(config, key)
    driver = make_driver(config, key, overlaps, *plan(config, key, overlaps))
    assert driver.layout.devices == devices
    return driver, driver.begin()


def advance(driver, progress, *numbers: int):
    """Run segments of so many steps, each recorded."""
    return driver.advance(progress, jnp.asarray(numbers, jnp.int32), jnp.ones(len(numbers), bool))


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_step_is_the_papers(activation):
    """w <- w - lr / sqrt N v delta g'(lam) x - kappa / N w, v <- v - lr_second / N delta g(lam), by hand in float64; of a
    batch the mean.
    """
    rng = np.random.default_rng(0)
    w, v, inputs, labels = rng.normal(size=(3, 10)), rng.normal(size=3), rng.normal(size=(4, 10)), rng.normal(size=4)
    g = make_activation(activation)
    network = TwoLayerNetwork(jnp.asarray(w), jnp.asarray(v), g)
    for batch in (1, 4):
        x, y = inputs[:batch], labels[:batch]
        found = OnlineSGD(0.2, 0.3, 0.1).step(network, jnp.asarray(x), jnp.asarray(y))
        fields = x @ w.T / 10**0.5
        values, slopes = np.asarray(g(jnp.asarray(fields))), np.asarray(g.slope(jnp.asarray(fields)))
        delta = values @ v - y
        pull = np.einsum("b,bk,bi->ki", delta, v * slopes, x) / batch
        np.testing.assert_allclose(found.weights, w - 0.2 / 10**0.5 * pull - 0.1 / 10 * w, rtol=1e-12)
        np.testing.assert_allclose(found.outputs, v - 0.3 / 10 * (delta @ values) / batch, rtol=1e-12)


@pytest.mark.parametrize("batch", [1, 3])
def test_inputs_and_noise_of_a_step_have_streams_of_their_own(batch):
    """The first step by hand: no key is both drawn from and descended from."""
    driver, progress = driver_of("data.noise=0.3", f"training.batch={batch}")
    progress, _ = advance(driver, progress, 1)
    for sample in range(2):
        problem = jax.tree.map(lambda leaf: leaf[sample], driver.problems)  # noqa: B023
        key = jax.random.fold_in(stream(driver.key, "examples", sample), 0)
        inputs, seen = problem.law.draw(stream(key, "input"), problem.disorder, batch)
        noise = jax.random.normal(stream(key, "noise"), (batch,), jnp.float32)
        labels = jax.vmap(problem.teacher)(seen) + problem.noise * noise
        expected = driver.system.rule.step(problem.student, inputs, labels)
        np.testing.assert_allclose(progress.state.student.weights[sample], expected.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OVERLAP_STARTS.names)
def test_weights_have_the_overlaps_of_the_start(name):
    options = {
        "random": {},
        "symmetric": {"asymmetry": 0.1},
        "informed": {"rest": 0.3},
        "denoise": {},
        "given": {"Q": [[1, 0.1], [0.1, 2]], "R": [[0, 0.8], [0.5, 0]]},
    }
    start = OVERLAP_STARTS.get(name)(**options[name])
    students = 3 if name in ("informed", "denoise") else 2
    start.check(students, 2)
    overlaps = start.overlaps(jax.random.key(0), 50, students, 2)
    student, teacher = weights_with_overlaps(jax.random.key(1), overlaps, 50)
    assert student.dtype == teacher.dtype == jnp.float32
    for found, wanted in zip((student @ student.T, student @ teacher.T, teacher @ teacher.T), overlaps, strict=True):
        np.testing.assert_allclose(found / 50, wanted, atol=1e-6)


@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_a_denoising_student_is_the_teacher_and_averages_noise(activation, tmp_path):
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


@pytest.mark.parametrize(("activation", "batch"), [("erf", 1), ("erf", 5), ("relu", 1), ("linear", 1), ("linear", 5)])
def test_simulation_follows_the_equations_of_motion(activation, batch):
    """Mean order parameters of 64 samples, within their errors and a bias of order 1 / N."""
    width = 400
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
    _, records = advance(driver, progress, 200, 600, 1200)
    for name, curve in (("Q", exact.Q), ("R", exact.R), ("v", exact.v), ("test_error", exact.test_error)):
        found = np.asarray(records[name])
        error = found.std(axis=1, ddof=1) / 8
        assert np.all(np.abs(found.mean(axis=1) - curve) < 5 * error + 4 / width), name


def test_fluctuations_fall_as_the_root_of_the_width():
    spread = []
    for width in (100, 1600):
        driver, progress = driver_of(f"network.width={width}", "data.samples=16")
        _, records = advance(driver, progress, 2 * width)
        spread.append(np.sqrt(np.mean(np.var(np.asarray(records["R"][0]), axis=0, ddof=1))))
    # 6 overlaps of 16 samples: the ratio of two such spreads is known to about 15 %.
    assert 4 * 0.6 < spread[0] / spread[1] < 4 / 0.6


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


def test_nonlinearities_have_the_moments_they_claim():
    u = np.linspace(-9, 9, 200_001)
    weight = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * (u[1] - u[0])
    from dsm.data.laws.hidden_manifold import NONLINEARITIES

    for nonlinearity in NONLINEARITIES.values():
        f = np.asarray(nonlinearity.function(jnp.asarray(u)))
        np.testing.assert_allclose(np.sum(weight * f), 0, atol=1e-4)
        np.testing.assert_allclose(np.sum(weight * u * f), nonlinearity.gain, atol=1e-5)
        np.testing.assert_allclose(np.sum(weight * f**2), nonlinearity.square, atol=1e-4)


def test_manifold_features_have_unit_rows():
    source = data.LAWS.get("hidden_manifold")(width=30, latent=7)
    features = source.disorder(jax.random.key(0))
    np.testing.assert_allclose(jnp.sum(features**2, axis=1), 7, rtol=1e-5)
    inputs, seen = source.draw(jax.random.key(1), features, 5)
    assert inputs.shape == (5, 30) and seen.shape == (5, 7) and set(np.unique(inputs)) == {-1.0, 1.0}
    own = data.LAWS.get("hidden_manifold")(width=30, latent=7, teacher="inputs")
    inputs, seen = own.draw(jax.random.key(1), features, 5)
    np.testing.assert_array_equal(inputs, seen)


def test_students_learn_on_digits_which_are_centred_and_scaled():
    inputs, seen = data.LAWS.get("digits")().draw(jax.random.key(0), None, 20000)
    assert inputs is seen and inputs.shape == (20000, 64) and inputs.dtype == jnp.float32
    x = np.asarray(inputs, float)
    assert np.all(np.abs(x.mean(0)) <= 5 * x.std(0) / 20000**0.5)
    squares = (x**2).mean(1)
    assert abs(squares.mean() - 1) < 5 * squares.std() / 20000**0.5
    driver, progress = driver_of("data=digits_law", "network.width=64", "training.batch=4", "data.test_patterns=500")
    _, records = advance(driver, progress, 1, 319)
    first, last = np.asarray(records["test_error"])
    assert np.all(last < 0.5 * first)


@pytest.mark.parametrize("batch", [1, 5])
def test_every_pattern_is_seen_once_an_epoch(batch):
    driver, progress = driver_of("data.patterns=10", f"training.batch={batch}")
    orders = []
    for _ in range(3):
        progress, records = advance(driver, progress, 10 // batch)
        orders.append(np.array(progress.state.order))
        assert set(records) >= {"train_error", "test_error"}
    for order in orders:
        assert all(sorted(row) == list(range(10)) for row in order.tolist())
    assert not np.array_equal(orders[0], orders[1]) and not np.array_equal(orders[0][0], orders[0][1])


def test_a_batch_of_all_patterns_is_gradient_descent():
    """Whatever the order of the patterns within the batch."""
    driver, progress = driver_of("data.patterns=10", "training.batch=10")
    progress, _ = advance(driver, progress, 5)
    problem = jax.tree.map(lambda leaf: leaf[0], driver.problems)
    student = problem.student
    for _ in range(5):
        student = driver.system.rule.step(student, problem.train_inputs, problem.train_labels)
    np.testing.assert_allclose(progress.state.student.weights[0], student.weights, rtol=1e-4, atol=1e-6)


def test_epochs_on_few_patterns_overfit():
    """Trained to zero error on fewer patterns than weights, while fresh inputs teach more."""
    driver, progress = driver_of("data.patterns=20", "training.time=200", "data.noise=0.3")
    _, few = advance(driver, progress, 8000)
    driver, progress = driver_of("training.time=200", "data.noise=0.3")
    _, fresh = advance(driver, progress, 8000)
    assert float(few["train_error"].mean()) < 0.1 * float(few["test_error"].mean())
    assert float(fresh["test_error"].mean()) < 0.5 * float(few["test_error"].mean())


@pytest.mark.parametrize(
    "overrides", [(), ("data.patterns=7", "data.noise=0.1"), ("data=manifold_law", "data.samples=4")]
)
def test_devices_change_rounding_only(overrides):
    driver, progress = driver_of(*overrides)
    _, whole = advance(driver, progress, 30)
    driver, progress = driver_of(*overrides, devices=2)
    progress, _ = advance(driver, progress, 11)
    _, parts = advance(driver, progress, 19)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-5, atol=1e-7)


def test_samples_differ_and_seeds_differ():
    driver, progress = driver_of()
    _, records = advance(driver, progress, 20)
    assert np.ptp(np.asarray(records["test_error"][0])) > 0
    driver, progress = driver_of("seed=1")
    _, others = advance(driver, progress, 20)
    assert not np.array_equal(records["test_error"], others["test_error"])


def test_times_of_records():
    config = dsm.compose(
        "task=online_sgd", "network.width=10", "training.time=7", "observe.first=0.1", "observe.per_decade=1"
    )
    assert record_steps(config) == [0, 1, 10, 70]


def test_run_resumes_bitwise(tmp_path):
    settings = (*SMALL, "training.time=20", "data.patterns=30", "data.noise=0.1", "run.dir=run")
    for folder in ("whole", "cut"):
        (tmp_path / folder).mkdir()
    command_line(*settings, cwd=tmp_path / "whole")
    program = SIGNAL_AFTER.format(sweep=60, name="SIGTERM")
    stepwise = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")
    stopped = command_line(*settings, *stepwise, cwd=tmp_path / "cut", program=program, check=False)
    assert stopped.returncode == 75 and "stopped by SIGTERM at step" in stopped.stderr
    assert dsm.load(tmp_path / "cut" / "run").attrs["complete"] == 0
    finished = command_line(*settings, cwd=tmp_path / "cut")
    assert "resumed at step" in finished.stderr
    assert_same_results(tmp_path / "cut" / "run", tmp_path / "whole" / "run")
    assert signal.getsignal(signal.SIGTERM) is not None


def test_dataset_of_a_run(tmp_path):
    settings = (*SMALL, "observe.steady_state=true", "data.noise=0.1", f"run.root={tmp_path}",
                "observe.quantities=[Q,R,v,test_error,best_correlation]")  # fmt: skip
    path = dsm.run(*settings)
    found = results(path)
    assert found.best_correlation.dims == ("sample", "t", "teacher")
    at_start = found.theory_best_correlation.isel(t=0).broadcast_like(found.best_correlation.isel(t=0))
    np.testing.assert_allclose(found.best_correlation.isel(t=0), at_start, atol=1e-6)
    assert found.Q.dims == ("sample", "t", "student", "student_2") and found.R.dims == (
        "sample",
        "t",
        "student",
        "teacher",
    )
    assert found.theory_Q.dims == ("t", "student", "student_2") and found.test_error_mean.dims == ("t",)
    assert all({"long_name", "units"} <= set(variable.attrs) for variable in found.data_vars.values())
    np.testing.assert_allclose(found.Q.isel(t=0), found.theory_Q.isel(t=0).broadcast_like(found.Q.isel(t=0)), atol=1e-6)
    assert found.steady_result in list(theory.Result)
    np.testing.assert_allclose(found.t, np.asarray(record_steps(dsm.compose(*settings))) / 40)


def test_divergence_is_reported_and_stored(tmp_path, caplog):
    settings = (*SMALL, "network.activation=linear", "training.lr=5", "training.time=40", "observe.steady_state=true")
    report = dsm.tasks.run(dsm.compose(*settings, f"run.root={tmp_path}"))
    assert "learning rate is too large" in caplog.text
    assert "the test error" in caplog.text and "training.lr = 5.0" in caplog.text
    assert results(report.path).theory_result == theory.Result.diverged
    assert report.value is None or np.isfinite(report.value)


def test_tasks_have_directories_of_their_own_and_sweeps_join(tmp_path):
    for lr in (0.1, 0.2):
        dsm.run(*SMALL, f"training.lr={lr}", "data.samples=0", f"run.root={tmp_path}")
    joined = dsm.load_sweep(tmp_path / "online_sgd")
    assert set(joined.theory_test_error.dims) == {"lr", "t"} and joined.lr.values.tolist() == [0.1, 0.2]
    assert dsm.tasks.path_of(dsm.compose("seed=1")) != dsm.tasks.path_of(dsm.compose("task=online_sgd", "seed=1"))


def test_theory_alone(tmp_path):
    path = dsm.run(*SMALL, "data.samples=0", f"run.root={tmp_path}")
    found = dsm.load(path)
    assert found.attrs["complete"] == 1 and "test_error" not in found and found.theory_test_error.dims == ("t",)


def test_too_little_memory_is_refused(tmp_path):
    with pytest.raises(
        CapacityError,
        match=r"data.samples = 4: the run needs .* GiB of memory and 0.01 GiB are there; .* lower data.patterns, ",
    ):
        dsm.run(*SMALL, "data.patterns=1000000", "run.memory_gib=0.01", f"run.root={tmp_path}")
    assert not list(tmp_path.iterdir())
