"""Full-batch dynamics: gradient descent, Langevin dynamics, MALA and HMC."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm.training import DYNAMICS, NARROW_STARTS, FullBatchLearning
from helpers import assert_mean
from narrow_problems import problem_of


def chain(problem, steps: int, seed: int = 1, chains: int = 1, normalise: bool = False, start=None, **dynamics):
    """Weights [chain, step, K, N] of students after 1, 2, ... steps, and infos."""
    start = NARROW_STARTS.build(start or {"name": "random"}, "start")
    system = FullBatchLearning(start, DYNAMICS.build(dynamics, "dynamics"), normalise)

    @jax.jit
    def run(keys, problem):
        def one(key):
            def step(state, t):
                state, info = system.step(jax.random.fold_in(key, t), t, state, problem)
                return state, (state.weights, info)

            return jax.lax.scan(step, system.begin(key, problem), jnp.arange(steps, dtype=jnp.int32))[1]

        return jax.vmap(one)(keys)

    return run(jax.random.split(jax.random.key(seed), chains), problem)


def ridge(problem) -> tuple[np.ndarray, np.ndarray]:
    """Minimum of E and its matrix of curvatures, for linear units."""
    units, width = problem.teacher.weights.shape
    features = np.asarray(problem.train_inputs, np.float64)[np.asarray(problem.shown)]
    design = np.einsum("k,pi->pki", np.asarray(problem.teacher.signs), features).reshape(len(features), -1)
    design /= (units * width) ** 0.5
    curvature = design.T @ design + float(problem.weight_decay) * np.eye(units * width)
    labels = np.asarray(problem.train_labels, np.float64)[np.asarray(problem.shown)]
    return np.linalg.solve(curvature, design.T @ labels), curvature


@pytest.mark.parametrize("momentum", [pytest.param(0.0, marks=pytest.mark.slow), 0.9])
def test_gradient_descent_finds_the_ridge_solution(momentum):
    problem = problem_of("linear", "balanced", decay=0.3, lr=0.1, alpha=2.0)
    minimum, _ = ridge(problem)
    weights, info = chain(problem, 400, name="gradient_descent", optimiser={"name": "sgd", "momentum": momentum})
    np.testing.assert_allclose(weights[0, -1].ravel(), minimum, atol=2e-5)
    assert info == {}


@pytest.mark.parametrize("name", ["langevin", "mala", "hmc"])
def test_samplers_reach_the_gaussian_posterior(name):
    """Linear units: exp(-E / T) is Gaussian. Samplers with acceptance have its means and variances; plain Langevin has the
    variance T / (h (1 - lr h / 2)) along a direction of curvature h, and means that are right."""
    lr = {"langevin": 0.2, "mala": 0.25, "hmc": 0.08}[name]
    problem = problem_of("linear", inputs=3, units=2, alpha=2.0, decay=1.0, lr=lr, temperature=0.4)
    minimum, curvature = ridge(problem)
    values, directions = np.linalg.eigh(curvature)
    options = {"leapfrogs": 5} if name == "hmc" else {}
    weights, info = chain(problem, 1500, chains=16, seed=3, name=name, **options)
    weights = np.asarray(weights, np.float64)[:, 100:].reshape(16, 1400, -1)
    along = (weights - minimum) @ directions
    assert values[-1] > 2 * values[0]
    for place, value in enumerate(values):
        exact = 0.4 / value
        variance = exact / (1 - lr * value / 2) if name == "langevin" else exact
        assert_mean(along[:, :, place], 0.0)
        assert_mean(along[:, :, place] ** 2, variance)
        if name == "langevin":
            assert variance > 1.1 * exact
    if name == "langevin":
        with pytest.raises(AssertionError):
            assert_mean(along[:, :, -1] ** 2, 0.4 / values[-1])
        # The virial is the mean over directions of h <x**2> / T.
        excess = np.asarray(info["virial_excess"], np.float64)[:, 100:]
        assert_mean(excess, (1 / (1 - lr * values / 2) - 1).mean())
    else:
        assert 0.3 < float(info["acceptance"].mean()) < 1 and (np.asarray(info["step_factor"]) == 1).all()


def test_mala_proposes_the_step_of_langevin():
    """At a small step, where all is accepted: one step from a place to the same law of places."""
    problem = problem_of("erf", lr=1e-3, temperature=0.1)
    moved, means = {}, {}
    for name in ("mala", "langevin"):
        weights, _ = chain(problem, 1, chains=400, name=name, start={"name": "teacher"})
        moved[name] = np.asarray(weights, np.float64)[:, 0] - np.asarray(problem.teacher.weights, np.float64)
        means[name] = moved[name].mean(0)
    error = (2 * 0.1 * 1e-3) ** 0.5 / 400**0.5
    assert np.abs(means["mala"] - means["langevin"]).max() < 5 * 2**0.5 * error
    for step in moved.values():
        assert abs(step.var() / (2 * 0.1 * 1e-3) - 1) < 5 * (2 / step.size) ** 0.5


def test_step_is_adapted_to_the_target_and_then_stays():
    problem = problem_of("erf", lr=30.0, temperature=0.1)
    _, info = chain(problem, 400, chains=8, name="mala", adapt=200, target=0.6)
    factor, acceptance = np.asarray(info["step_factor"]), np.asarray(info["acceptance"])
    assert (factor[:, 200:] == factor[:, 200:201]).all() and (np.diff(factor[:, :200], axis=1) != 0).any(1).all()
    np.testing.assert_allclose(factor[:, 200], np.exp(np.log(factor[:, 101:200]).mean(1)), rtol=0.1)
    assert abs(acceptance[:, 200:].mean() - 0.6) < 0.1


def test_langevin_without_temperature_is_gradient_descent(optimised):
    problem = problem_of(temperature=0.0)
    cold, info = chain(problem, 5, name="langevin")
    assert np.isnan(info["virial_excess"]).all()
    down, _ = chain(problem, 5, name="gradient_descent")
    np.testing.assert_array_equal(cold, down)


def test_units_are_divided_by_their_norms():
    problem = problem_of("erf", loss="perceptron", classifies=True, temperature=1e-4, decay=0.0)
    weights, _ = chain(problem, 5, normalise=True, name="langevin")
    np.testing.assert_allclose((np.asarray(weights) ** 2).sum(-1), 1, rtol=1e-5)
    free, _ = chain(problem, 1, normalise=False, name="langevin")
    assert (np.abs((np.asarray(free) ** 2).sum(-1) - 1) > 0.1).all()
