"""Narrow students on all patterns at once: energies, dynamics, observables, settings, runs, resumption."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy.special import erf, log_ndtr

import dsm
from commands import SIGNAL_AFTER, assert_same_results, results
from commands import dsm as command_line
from dsm import tasks
from dsm._errors import CapacityError, ConfigError
from dsm._system import Others
from dsm.data import OUTPUT_LOSSES, NarrowLaw, narrow_problem, pattern_number
from dsm.networks import ACTIVATIONS, NarrowNetwork
from dsm.observables import Measures
from dsm.observables.narrow import OBSERVABLES, take_snapshot
from dsm.plotting._narrow import _has_larger_free_entropy, _parts, against_alpha, learning
from dsm.tasks.narrow._build import make_driver, plan
from dsm.training import DYNAMICS, NARROW_STARTS, FullBatchLearning
from helpers import assert_mean

#: A run of a second.
SMALL = ("task=narrow", "network.width=6", "network.units=2", "data.alpha=1.5", "data.samples=2", "data.test_patterns=20",
         "training.steps=8", "observe.theory=false", "run.progress=none", "run.figures=false")  # fmt: skip

RELU = "network.activation.name=relu"
SIGNS = "data.labels=classification"
HMC = "training.dynamics.name=hmc"


def test_outputs_with_a_large_mean_are_refused(tmp_path):
    message = (
        "network.second_layer = equal: must be balanced, or network.mean_subtraction true: the mean output of relu"
    )
    with pytest.raises(ConfigError, match=message):
        dsm.run(*SMALL, RELU, f"run.root={tmp_path}")
    assert not list(tmp_path.iterdir())


def test_run_that_cannot_fit_is_refused():
    with pytest.raises(CapacityError, match="data.samples = 10000000: the run needs"):
        tasks.run(dsm.compose("task=narrow", "data.samples=10000000"))


def problem_of(
    activation="erf", second_layer="equal", mean=False, inputs=6, units=4, alpha=1.5, loss="square", classifies=False,
    temperature=0.1, decay=0.05, lr=0.1, noise=0.01, teacher="normal", seed=0,
):  # fmt: skip
    """One chain's problem."""
    law = NarrowLaw(inputs, units, ACTIVATIONS.get(activation)(), second_layer, mean, teacher)

    @jax.jit
    def draw(key):
        return narrow_problem(key, law, (alpha / 2, alpha), noise, OUTPUT_LOSSES.get(loss)(), 30, classifies)

    drawn = draw(jax.random.key(seed))
    numbers = {"temperature": temperature, "weight_decay": decay, "lr": lr}
    return dataclasses.replace(
        drawn, train_labels=drawn.train_labels[1], shown=drawn.shown[1],
        **{name: jnp.float32(value) for name, value in numbers.items()},
    )  # fmt: skip


def outputs_by_hand(problem, weights, inputs) -> np.ndarray:
    """f in float64 numpy, without the subtraction of a mean."""
    name = type(problem.teacher.activation).__name__
    function = {
        "Erf": lambda x: erf(x / 2**0.5), "ReLU": lambda x: np.maximum(x, 0), "Tanh": np.tanh, "Square": np.square,
        "GELU": lambda x: x * (1 + erf(x / 2**0.5)) / 2, "Linear": lambda x: x,
    }[name]  # fmt: skip
    units, width = weights.shape
    total = np.zeros(len(inputs))
    for k in range(units):
        sign = -1 if problem.teacher.second_layer == "balanced" and k >= units // 2 else 1
        total += sign * function(np.asarray(inputs, np.float64) @ weights[k] / width**0.5)
    return total / units**0.5


def energy_by_hand(problem, weights, loss: str) -> float:
    shown = np.asarray(problem.shown)
    outputs = outputs_by_hand(problem, weights, np.asarray(problem.train_inputs)[shown])
    if problem.teacher.mean_subtraction:
        outputs = outputs - outputs.mean()
    labels, temperature = np.asarray(problem.train_labels, np.float64)[shown], float(problem.temperature)
    margin = labels * outputs
    losses = {
        "square": (labels - outputs) ** 2 / 2,
        "logistic": np.log1p(np.exp(-margin)),
        "hinge": np.maximum(1 - margin, 0),
        "perceptron": np.maximum(-margin, 0) / 2,
        "probit": -temperature * log_ndtr(margin / temperature**0.5),
    }[loss]
    return losses.sum() + float(problem.weight_decay) / 2 * (weights**2).sum()


CASES = [
    ("erf", "equal", False, "square"), ("relu", "balanced", False, "square"), ("relu", "equal", True, "square"),
    ("square", "equal", True, "square"), ("tanh", "balanced", False, "logistic"), ("gelu", "equal", True, "hinge"),
    ("erf", "equal", False, "perceptron"), ("relu", "balanced", False, "probit"), ("erf", "equal", False, "probit"),
]  # fmt: skip


@pytest.mark.parametrize("activation, second_layer, mean, loss", CASES)
def test_energy_and_gradient_against_numpy(activation, second_layer, mean, loss):
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


@pytest.mark.parametrize("second_layer, mean", [("equal", False), ("balanced", False), ("equal", True)])
def test_labels_of_the_teacher(second_layer, mean):
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


@pytest.mark.parametrize("optimiser", [{"name": "sgd"}, {"name": "sgd", "momentum": 0.9}])
def test_gradient_descent_finds_the_ridge_solution(optimiser):
    problem = problem_of("linear", "balanced", decay=0.3, lr=0.1, alpha=2.0)
    minimum, _ = ridge(problem)
    weights, info = chain(problem, 400, name="gradient_descent", optimiser=optimiser)
    np.testing.assert_allclose(weights[0, -1].ravel(), minimum, atol=2e-5)
    assert info == {}


@pytest.mark.parametrize("name", ["langevin", "mala", "hmc"])
def test_gaussian_posterior(name):
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


def test_step_is_adapted_and_then_stays():
    problem = problem_of("erf", lr=30.0, temperature=0.1)
    _, info = chain(problem, 400, chains=8, name="mala", adapt=200, target=0.6)
    factor, acceptance = np.asarray(info["step_factor"]), np.asarray(info["acceptance"])
    assert (factor[:, 200:] == factor[:, 200:201]).all() and (np.diff(factor[:, :200], axis=1) != 0).any(1).all()
    np.testing.assert_allclose(factor[:, 200], np.exp(np.log(factor[:, 101:200]).mean(1)), rtol=0.1)
    assert abs(acceptance[:, 200:].mean() - 0.6) < 0.1


def test_langevin_without_temperature_is_gradient_descent():
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


def test_starts_and_teachers():
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


def best_order(signed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Rows in the order that makes the trace largest, by trying all."""
    orders = [order for order in itertools.permutations(range(len(signed)))
              if all(allowed[k, place] for place, k in enumerate(order))]  # fmt: skip
    best = max(orders, key=lambda order: sum(signed[k, place] for place, k in enumerate(order)))
    return signed[list(best)]


@pytest.mark.parametrize("activation, second_layer", [("erf", "equal"), ("relu", "balanced"), ("erf", "balanced")])
def test_observables_against_numpy(activation, second_layer):
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


def test_errors_of_classification():
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


#: With something to keep in every part of the state.
SETTINGS = (*SMALL, HMC, "+training.dynamics.leapfrogs=3", "+training.dynamics.adapt=6", "data.alpha=[0.5,1.5]",
            "training.temperature=[0.01,0.1]", "training.replicas=3",
            "observe.quantities=[test_error,train_error,overlap]")  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    command_line(*SETTINGS, "run.figures=true", "run.dir=run", cwd=folder)
    return folder / "run"


@pytest.mark.parametrize(("name", "adapt", "warned"), [("hmc", 8, True), ("mala", 9, True), ("hmc", 7, False)])
def test_a_run_that_ends_while_steps_are_adapted_says_so(name, adapt, warned, caplog):
    config = dsm.compose(*SMALL, f"training.dynamics.name={name}", f"training.dynamics.adapt={adapt}")
    key = jax.random.key(0)
    make_driver(config, key, *plan(config, key))
    said = f"training.steps = 8: the step size is adapted in the first {adapt} steps (training.dynamics.adapt)"
    assert (said in caplog.text) == warned


def test_steps_that_are_too_large_are_told(tmp_path, caplog):
    dsm.run(*SMALL, f"run.root={tmp_path}")
    assert not caplog.text.count("training.lr")
    dsm.run(*SMALL, "training.lr=8", "training.steps=40", f"run.root={tmp_path}")
    assert "langevin at training.lr = 8 is not near exp(-E / T): at the end the step adds" in caplog.text
    caplog.clear()
    down = ("training.dynamics.name=gradient_descent", "training.temperature=0", "network.activation.name=square",
            "network.second_layer=balanced")  # fmt: skip
    dsm.run(*SMALL, *down, "training.lr=8", f"run.root={tmp_path}")
    assert "the test error is not finite at the end: training.lr = 8.0 is too large" in caplog.text


def test_run_resumes_bitwise(run, tmp_path):
    stepwise = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")
    program = SIGNAL_AFTER.format(sweep=4, name="SIGTERM")
    stopped = command_line(*SETTINGS, *stepwise, "run.dir=run", cwd=tmp_path, program=program, check=False)
    assert stopped.returncode == 75 and "stopped by SIGTERM at step" in stopped.stderr
    finished = command_line(*SETTINGS, "run.dir=run", cwd=tmp_path)
    assert "resumed at step" in finished.stderr
    assert_same_results(tmp_path / "run", run)


def test_dataset_of_a_run(run):
    found = results(run)
    problems = ("sample", "alpha", "temperature", "weight_decay")
    assert found.test_error.dims == (*problems, "replica", "step") and found.step.values.tolist() == [*range(7), 8]
    assert found.baseline_test_error.dims == found.teacher_train_error.dims == problems
    assert found.sizes == {**found.sizes, "sample": 2, "alpha": 2, "temperature": 2, "weight_decay": 1, "replica": 3}
    assert found.alpha.values.tolist() == [0.5, 1.5] and "unit" not in found.dims
    assert all({"long_name", "units"} <= set(variable.attrs) for variable in found.data_vars.values())
    assert found.test_error_mean.dims == (*problems[1:], "step")
    assert float(found.acceptance.isel(step=-1).min()) > 0 and (found.teacher_train_error < 0.04).all()
    # Replicas see the same patterns; their pairs are (0, 1), (1, 2), (2, 0).
    assert float(np.ptp(found.train_error.isel(step=0).values, axis=4).min()) > 0
    assert {file.name for file in (run / "figures").iterdir()} == {"learning.png", "alpha.png"}


def test_rates_are_drawn_from_the_first_record_that_has_one(run):
    """At step 0 nothing has been accepted or rejected."""
    for axes in learning(results(run)).axes:
        first = {float(points[0].get_xdata()[0]) for points in axes.containers}
        assert first == ({1.0} if axes.get_ylabel() == "acceptance" else {0.0}), axes.get_ylabel()


def test_no_two_names_of_a_legend_have_one_marker(run):
    figure = against_alpha(results(run))
    found = [pair for axes in figure.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    assert {"test error", "$R_{kk}$, teacher"} <= {name for _, name in found}
    assert len({handle.lines[0].get_marker() for handle, _ in found}) == len(found)


def test_lines_of_theory_end_where_a_branch_begins():
    """Below its spinodal the specialised branch is the other one; above it that with the larger free entropy is thick."""
    entropies = [[1.0, 1.2, 1.5, 2.0], [1.0, 1.2, 1.6, 1.9]]
    told = xr.Dataset(
        {"theory_free_entropy": (("branch", "alpha"), entropies)}, {"branch": ["specialised", "unspecialised"]}
    )
    assert _parts(told, "alpha") == [slice(0, 2), slice(2, 4)] and _parts(told, "step") == [slice(None)]
    assert _has_larger_free_entropy(told, "specialised").tolist() == [True, True, False, True]
    assert _has_larger_free_entropy(told, "unspecialised").tolist() == [True, True, True, False]


def test_figures_say_in_which_limit_theory_is(tmp_path):
    words = (*SMALL, "observe.theory=true", "data.alpha=[0.5,1.5]", f"run.root={tmp_path}", "observe.dressing=none")
    found = dsm.load(dsm.run(*words))
    for figure in (learning(found), against_alpha(found)):
        said = " ".join(figure.get_suptitle().split())
        assert "theory of equilibrium (N ≫ K ≫ 1)" in said and "students from a random start need not reach" in said
        assert "thick where the free entropy is the larger one" in said
        below = min(axes.get_ylim()[0] for axes in figure.axes if axes.get_yscale() == "log")
        assert 0 < below < min(float(found.theory_test_error.min()), float(found.theory_train_error.min()))
    legend = [text.get_text() for text in against_alpha(found).legends[0].get_texts()]
    assert {"$R_{kk}$, teacher", "$q_{kk}$, two students"} <= set(legend)


def test_captions_say_which_of_several_settings_is_drawn(run):
    found = results(run)
    assert f"at step 8, $T$={float(found.temperature[0]):g}" in against_alpha(found).get_suptitle()


def test_one_unit_has_no_theory_with_terms_in_1_over_k(tmp_path, caplog):
    one = (*SMALL, "observe.theory=true", "network.units=1", "network.second_layer=equal")
    caplog.set_level("INFO", "dsm")
    found = dsm.load(dsm.run(*one, f"run.root={tmp_path}", "observe.dressing=entropy"))
    assert "observe.dressing = entropy is of 2 units or more" in caplog.text and "theory_test_error" not in found
    found = dsm.load(dsm.run(*one, f"run.root={tmp_path}", "observe.dressing=none"))
    assert np.isfinite(found.theory_test_error).all()


def test_a_list_of_alphas_is_that_of_single_runs(tmp_path):
    """Patterns are nested, and means that are subtracted are over the patterns that are shown."""
    quantities = "observe.quantities=[test_error,train_error,energy]"
    settings = (*SMALL, RELU, "network.mean_subtraction=true", "training.replicas=1", quantities)
    # A chain is named by its places along the axes: the first alpha of a list has the numbers of a run of its own.
    both, alone = (
        results(dsm.run(*settings, f"data.alpha={alpha}", f"run.root={tmp_path}")) for alpha in ("[0.5,1.5]", "[0.5]")
    )
    for name in ("test_error", "train_error", "energy"):
        np.testing.assert_allclose(both[name].isel(alpha=0), alone[name].isel(alpha=0), rtol=1e-4)
    assert not np.allclose(both.energy.isel(alpha=1), alone.energy.isel(alpha=0), rtol=0.01)


def test_classification_runs(tmp_path):
    """As in arXiv:2507.00629: perceptron loss, units of norm 1."""
    path = dsm.run(
        *SMALL, SIGNS, "training.loss=perceptron", "training.normalise=true", "training.temperature=1e-4",
        "training.weight_decay=0", "network.width=20", "data.alpha=6", "training.steps=200", "training.lr=0.01",
        "data.test_patterns=500", "observe.quantities=[test_error,train_error,posterior_error,self_overlap]",
        f"run.root={tmp_path}",
    )  # fmt: skip
    found = results(path)
    assert "student_posterior_error" not in found
    np.testing.assert_allclose(found.self_overlap, 1 / 20, rtol=1e-4)
    error = found.test_error_mean.squeeze()
    assert float(error[-1]) < 0.25 < 0.4 < float(error[0])
    assert abs(float(found.baseline_test_error_mean.squeeze()) - 0.5) < 0.15
    assert math.isclose(float(found.alpha[0]), 6)
