"""The step of online SGD: its rule, random numbers, starts and epochs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm._random import stream
from dsm.networks import TwoLayerNetwork, make_activation
from dsm.training import OVERLAP_STARTS, OnlineSGD, weights_with_overlaps
from online_learning import advance, driver_of


@pytest.mark.quick
@pytest.mark.parametrize("activation", ["erf", "relu", "linear"])
def test_step_equals_the_papers_rule(activation):
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


@pytest.mark.parametrize("batch", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_step_draws_inputs_and_noise_from_separate_streams(batch):
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
def test_start_draws_weights_with_its_overlaps(name):
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


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.slow), 5])
def test_epoch_shows_every_pattern_once(batch):
    driver, progress = driver_of("data.patterns=10", f"training.batch={batch}")
    orders = []
    for _ in range(3):
        progress, records = advance(driver, progress, 10 // batch)
        orders.append(np.array(progress.state.order))
        assert set(records) >= {"train_error", "test_error"}
    for order in orders:
        assert all(sorted(row) == list(range(10)) for row in order.tolist())
    assert not np.array_equal(orders[0], orders[1]) and not np.array_equal(orders[0][0], orders[0][1])


def test_batch_of_all_patterns_is_gradient_descent():
    """Whatever the order of the patterns within the batch."""
    driver, progress = driver_of("data.patterns=10", "training.batch=10")
    progress, _ = advance(driver, progress, 5)
    problem = jax.tree.map(lambda leaf: leaf[0], driver.problems)
    student = problem.student
    for _ in range(5):
        student = driver.system.rule.step(student, problem.train_inputs, problem.train_labels)
    np.testing.assert_allclose(progress.state.student.weights[0], student.weights, rtol=1e-4, atol=1e-6)
