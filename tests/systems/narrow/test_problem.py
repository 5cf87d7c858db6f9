"""Problems of narrow networks: energies, gradients, labels, starts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm.data import OUTPUT_LOSSES, NarrowLaw, narrow_problem, pattern_number
from dsm.networks import ACTIVATIONS
from dsm.training import NARROW_STARTS
from narrow_problems import energy_by_hand, outputs_by_hand, problem_of


@pytest.mark.parametrize(
    "activation, second_layer, mean, loss",
    [
        ("relu", "balanced", False, "square"),
        ("tanh", "balanced", False, "logistic"),
        ("gelu", "equal", True, "hinge"),
        ("erf", "equal", False, "perceptron"),
        ("relu", "balanced", False, "probit"),
        pytest.param("erf", "equal", False, "square", marks=pytest.mark.slow),
        pytest.param("relu", "equal", True, "square", marks=pytest.mark.slow),
        pytest.param("square", "equal", True, "square", marks=pytest.mark.slow),
        pytest.param("erf", "equal", False, "probit", marks=pytest.mark.slow),
    ],
)
def test_energy_and_gradient_equal_numpy(activation, second_layer, mean, loss):
    """With half of the patterns shown; the gradient against differences of the energy."""
    problem = problem_of(activation, second_layer, mean, loss=loss, classifies=loss != "square")
    problem = dataclasses.replace(problem, shown=jnp.arange(len(problem.shown), dtype=jnp.int32) < 20)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 6))
    value, gradient = jax.jit(jax.value_and_grad(problem.energy))(jnp.asarray(weights, jnp.float32))
    weights = np.asarray(jnp.asarray(weights, jnp.float32), np.float64)
    np.testing.assert_allclose(value, energy_by_hand(problem, weights, loss), rtol=1e-5)
    for _ in range(3):
        along, step = rng.normal(size=weights.shape), 1e-6
        slope = (energy_by_hand(problem, weights + step * along, loss)
                 - energy_by_hand(problem, weights - step * along, loss)) / (2 * step)  # fmt: skip
        np.testing.assert_allclose((np.asarray(gradient) * along).sum(), slope, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(
    "second_layer, mean",
    [
        pytest.param("equal", False, marks=pytest.mark.slow),
        pytest.param("balanced", False, marks=pytest.mark.slow),
        ("equal", True),
    ],
)
def test_labels_are_the_teachers_outputs_with_noise(second_layer, mean):
    """Outputs with noise of variance D, or their signs; a smaller alpha has the first patterns and its own mean."""
    law = NarrowLaw(6, 4, ACTIVATIONS.get("relu")(), second_layer, mean)
    drawn = {}
    for classifies, alphas in ((False, (40.0, 10.0)), (False, (10.0,)), (True, (40.0, 10.0))):
        draw = jax.jit(lambda key: narrow_problem(key, law, alphas, 0.3, OUTPUT_LOSSES.get("square")(), 30, classifies))  # noqa: B023
        drawn[classifies, len(alphas)] = draw(jax.random.key(5))
    both, alone, signs = drawn[False, 2], drawn[False, 1], drawn[True, 2]
    assert both.shown.sum(1).tolist() == [961, 241] == [pattern_number(alpha, 6, 4) for alpha in (40.0, 10.0)]
    np.testing.assert_array_equal(both.train_inputs[:241], alone.train_inputs)
    np.testing.assert_allclose(both.train_labels[1, :241], alone.train_labels[0], atol=1e-6)
    np.testing.assert_array_equal(signs.train_labels, np.where(both.train_labels >= 0, 1, -1))
    clean = outputs_by_hand(both, np.asarray(both.teacher.weights, np.float64), both.train_inputs)
    for row, number in enumerate((961, 241)):
        own = clean[:number] - clean[:number].mean() if mean else clean[:number]
        noise = np.asarray(both.train_labels[row, :number]) - own
        assert abs(noise.var() / 0.3 - 1) < 4 * (2 / number) ** 0.5 and abs(noise.mean()) < 4 * (0.3 / number) ** 0.5
    test = outputs_by_hand(both, np.asarray(both.teacher.weights, np.float64), both.test_inputs)
    np.testing.assert_allclose(both.test_targets, test - test.mean() if mean else test, atol=1e-5)


def test_starts_lie_at_their_distance_from_the_teacher():
    problem = problem_of(inputs=200, units=4, teacher="orthonormal")
    teacher = np.asarray(problem.teacher.weights, np.float64)
    np.testing.assert_allclose(teacher @ teacher.T / 200, np.eye(4), atol=1e-5)
    assert np.abs(teacher @ np.asarray(problem.stranger.weights).T / 200).max() < 0.4
    key = jax.random.key(0)
    for options, distance, length in (
        ({"name": "teacher"}, 0, 1), ({"name": "planted", "distance": 0.7}, 0.7, 1.49**0.5),
        ({"name": "random", "std": 2.0}, 5**0.5, 2),
    ):  # fmt: skip
        weights = np.asarray(NARROW_STARTS.build(options, "start").draw(key, problem.teacher.weights))
        assert weights.dtype == np.float32
        assert abs(((weights - teacher) ** 2).mean() ** 0.5 - distance) < 0.1
        assert abs((weights**2).mean() ** 0.5 - length) < 0.1
