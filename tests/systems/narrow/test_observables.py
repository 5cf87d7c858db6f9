"""What is measured of narrow networks, against NumPy."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm._system import Others
from dsm.networks import NarrowNetwork
from dsm.observables import Measures
from dsm.observables.narrow import OBSERVABLES, take_snapshot
from dsm.training import DYNAMICS, NARROW_STARTS, FullBatchLearning
from narrow_problems import energy_by_hand, outputs_by_hand, problem_of


def best_order(signed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Rows in the order that makes the trace largest, by trying all."""
    orders = [order for order in itertools.permutations(range(len(signed)))
              if all(allowed[k, place] for place, k in enumerate(order))]  # fmt: skip
    best = max(orders, key=lambda order: sum(signed[k, place] for place, k in enumerate(order)))
    return signed[list(best)]


@pytest.mark.parametrize(
    "activation, second_layer",
    [pytest.param("erf", "equal", marks=pytest.mark.slow), ("relu", "balanced"), ("erf", "balanced")],
)
def test_observables_equal_numpy(activation, second_layer):
    """Assignment against all permutations; only units of one sign are exchanged, but where the activation is odd."""
    problem = problem_of(activation, second_layer, inputs=5, units=4)
    order = np.array([2, 0, 3, 1])
    key = jax.random.key(7)
    weights = problem.teacher.weights[order] + 0.8 * jax.random.normal(key, (4, 5), jnp.float32)
    peer = problem.stranger.weights + 0.5 * weights
    names = [name for name in OBSERVABLES.names]
    system = FullBatchLearning(
        NARROW_STARTS.get("teacher")(), DYNAMICS.get("langevin")(),
        measures=Measures(tuple(OBSERVABLES.get(name)() for name in names)),
    )  # fmt: skip

    @jax.jit
    def observe(weights, peer, problem):
        state = dataclasses.replace(system.begin(key, problem), weights=weights)
        return system.observe(state, problem, Others(peer, None)), system.constants(problem)

    found, constants = observe(weights, peer, problem)
    assert set(found) | set(system.dynamics.variables) == set(system.variables)
    assert set(constants) == set(system.constant_variables)
    signs = np.asarray(problem.teacher.signs)
    assert signs.sum() == (4 if second_layer == "equal" else 0)
    allowed = np.ones((4, 4), bool) if activation == "erf" else signs[:, None] == signs[None, :]
    others = {"teacher": problem.teacher.weights, "baseline": problem.stranger.weights, "student": peer}
    own = signs[:, None] * np.asarray(weights, np.float64)
    for pair, other in others.items():
        other = signs[:, None] * np.asarray(other, np.float64)
        matched = best_order(own @ other.T / 5, allowed)
        off = (matched.sum() - np.trace(matched)) / 12
        np.testing.assert_allclose(found[f"{pair}_overlap"], np.trace(matched) / 4, rtol=1e-5)
        np.testing.assert_allclose(found[f"{pair}_overlap_off_diagonal"], off, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found[f"{pair}_overlap_specialised"], np.trace(matched) / 4 - off, rtol=1e-5)
        np.testing.assert_allclose(found[f"{pair}_unit_overlap"], np.diag(matched), rtol=1e-4, atol=1e-6)
        square = (matched**2).sum() / 4
        np.testing.assert_allclose(found[f"{pair}_frobenius_overlap"], square**0.5, rtol=1e-5)
        np.testing.assert_allclose(found[f"{pair}_frobenius_overlap_square"], square, rtol=1e-5)
        v = other.sum(0) / 2
        np.testing.assert_allclose(found[f"{pair}_sum_overlap"], own.sum(0) @ v / 2 / 5, rtol=1e-4, atol=1e-6)
        if pair != "student":
            along = own @ v / np.linalg.norm(v) / 5**0.5
            np.testing.assert_allclose(found[f"{pair}_sum_projection"], along, rtol=1e-4, atol=1e-6)
    inner = own @ own.T / 5
    np.testing.assert_allclose(found["self_overlap"], np.trace(inner) / 4, rtol=1e-5)
    np.testing.assert_allclose(
        found["self_overlap_off_diagonal"], (inner.sum() - np.trace(inner)) / 12, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(found["sum_self_overlap"], inner.sum() / 4, rtol=1e-4)
    test, train = np.asarray(problem.test_inputs), np.asarray(problem.train_inputs)
    target = outputs_by_hand(problem, np.asarray(problem.teacher.weights, np.float64), test)
    left = outputs_by_hand(problem, np.asarray(weights, np.float64), test) - target
    right = outputs_by_hand(problem, np.asarray(peer, np.float64), test) - target
    np.testing.assert_allclose(found["test_error"], (left**2).mean(), rtol=1e-4)
    np.testing.assert_allclose(found["student_posterior_error"], (left * right).mean(), rtol=1e-4, atol=1e-6)
    residual = outputs_by_hand(problem, np.asarray(weights, np.float64), train) - np.asarray(problem.train_labels)
    np.testing.assert_allclose(found["train_error"], (residual**2).mean(), rtol=1e-4)
    energy = energy_by_hand(problem, np.asarray(weights, np.float64), "square")
    np.testing.assert_allclose(found["energy"], energy / 20, rtol=1e-5)
    noise = np.asarray(problem.train_labels) - outputs_by_hand(
        problem, np.asarray(problem.teacher.weights, np.float64), train
    )
    np.testing.assert_allclose(constants["teacher_train_error"], (noise**2).mean(), rtol=1e-3)
    stranger = outputs_by_hand(problem, np.asarray(problem.stranger.weights, np.float64), test) - target
    np.testing.assert_allclose(constants["baseline_test_error"], (stranger**2).mean(), rtol=1e-4)


def test_errors_of_classification_count_wrong_signs():
    problem = problem_of("erf", classifies=True, loss="hinge", noise=0.5)
    weights = problem.stranger.weights
    found = jax.jit(take_snapshot)(NarrowNetwork(weights, problem.teacher.activation), problem)
    for inputs, labels, error in (
        (problem.test_inputs, problem.test_targets, found.test_error),
        (problem.train_inputs, problem.train_labels, found.train_error),
    ):
        signs = outputs_by_hand(problem, np.asarray(weights, np.float64), inputs) >= 0
        np.testing.assert_allclose(error, (signs != (np.asarray(labels) >= 0)).mean(), rtol=1e-6)
    assert not OBSERVABLES.get("posterior_error")().applies(problem)
