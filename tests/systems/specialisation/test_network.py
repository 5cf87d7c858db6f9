"""Deep networks of continuous units, their teachers, data and starts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import data, networks, training
from dsm._errors import ConfigError
from dsm._random import stream
from dsm.data.datasets.digits import Digits
from dsm.data.datasets.teacher_aware import TeacherAware
from dsm.data.losses.cross_entropy import CrossEntropy
from dsm.data.losses.half_square import HalfSquare
from dsm.networks import DeepNetwork
from dsm.training.network_starts.normal import Normal
from relu_networks import VALUES, by_hand, problem_of


@pytest.fixture(scope="module")
def problem() -> data.DeepProblem:
    return problem_of()


@pytest.fixture(scope="module")
def student(problem) -> DeepNetwork:
    """Two units for each of the teacher, with weights of order 1."""
    return Normal(0.7).draw(jax.random.key(4), (6, 8, 6, 5), problem.teacher)


def test_forward_pass_equals_numpy(problem, student):
    hidden, outputs = student.propagate(problem.test_inputs)
    expected, expected_outputs = by_hand(student, problem.test_inputs)
    for found, exact in zip(hidden, expected, strict=True):
        np.testing.assert_allclose(found, exact, atol=1e-5)
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-4)
    assert outputs.dtype == jnp.float32 and student.widths == (6, 8, 6, 5) and student.depth == 2


@pytest.mark.parametrize("place", ["before", "after"])
def test_batch_normalisation_standardises_units(problem, student, place):
    normed = dataclasses.replace(student, batch_norm=place)
    (lowest, _), _ = normed.propagate(problem.test_inputs)
    raw = np.asarray(problem.test_inputs) @ np.asarray(student.layers[0].weights).T + np.asarray(student.layers[0].bias)
    values = raw if place == "before" else np.maximum(raw, 0)
    scaled = (values - values.mean(0)) / np.sqrt(values.var(0) + 1e-5)
    np.testing.assert_allclose(lowest, np.maximum(scaled, 0) if place == "before" else scaled, atol=1e-4)


def test_distinct_rows_are_uniform():
    """Of two values in two places there are 4 rows; asked for 3 of them, all ordered choices are equally likely."""
    draw = jax.jit(jax.vmap(lambda key: networks.distinct_rows(key, 3, 2, (-1.0, 1.0))))
    rows = np.asarray(draw(jax.random.split(jax.random.key(0), 2400)))
    codes = (rows > 0) @ np.array([1, 2])
    assert all(len(set(triple)) == 3 for triple in codes.tolist())
    counts = np.unique(codes, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    chi_square = ((counts - 100) ** 2 / 100).sum()
    assert chi_square < 49.7  # 0.999 of the law with 23 degrees of freedom
    assert networks.available_rows(2, (-1.0, 1.0)) == 4 and networks.available_rows(2, VALUES) == 24
    every = networks.distinct_rows(jax.random.key(1), 24, 2, VALUES)
    assert len(np.unique(every, axis=0)) == 24 and np.abs(every).sum(1).min() > 0


@pytest.mark.quick
def test_teacher_is_that_of_the_paper():
    """Unit norm below, values above divided by the strength of each unit, biases -0.1."""
    teacher = problem_of((6, 4, 5), decay=1.5).teacher
    lower, upper = teacher.layers
    np.testing.assert_allclose((np.asarray(lower.weights) ** 2).sum(1), 1, rtol=1e-6)
    raw = np.asarray(upper.weights) * (1 + np.arange(4)) ** 1.5
    assert np.abs(raw[:, :, None] - np.array(VALUES)).min(-1).max() < 1e-6
    assert len(np.unique(raw.round(3), axis=0)) == 5
    np.testing.assert_array_equal(lower.bias, np.float32(-0.1))
    np.testing.assert_array_equal(upper.bias, np.float32(-0.1))


def test_tuned_teacher_is_active_on_half_of_the_inputs_and_standardised():
    problem = problem_of(bias=None, standardised=True, decay=0.0)
    hidden, outputs = by_hand(problem.teacher, problem.test_inputs)
    for units in hidden:
        np.testing.assert_allclose((units > 1e-6).mean(0), 0.5, atol=1 / 60)
    np.testing.assert_allclose(outputs.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(0), 1, atol=1e-5)
    assert not np.array_equal(problem.teacher.layers[0].weights, problem.stranger.layers[0].weights)


def test_teacher_aware_inputs_lie_at_the_hyperplanes():
    dataset = TeacherAware(6, 1.5, near=2.0, far=4.0)
    teacher = problem_of((6, 4, 5)).teacher
    inputs = np.asarray(dataset.train(jax.random.key(0), 36, teacher).inputs, np.float64)
    assert inputs.shape == (36, 6)
    np.testing.assert_allclose(np.sqrt((inputs**2).sum(1)), 1.5 * 6**0.5, rtol=1e-5)
    w, b = np.asarray(teacher.layers[0].weights, np.float64), np.asarray(teacher.layers[0].bias, np.float64)
    points = inputs.reshape(3, 3, 4, 6)  # repeat, side, unit
    # Scaling moves points towards or away from the origin: before it they are at distances 0, +d and -d.
    keys = jax.random.split(stream(jax.random.key(0), "train"), 4)
    for unit in range(4):
        around = np.asarray(
            dataset._around(keys[unit], teacher.layers[0].weights[unit], teacher.layers[0].bias[unit], 3)
        )
        fields = around @ w[unit] + b[unit]
        np.testing.assert_allclose(fields[0], 0, atol=2e-4)
        assert ((fields[1] >= 2) & (fields[1] <= 4)).all() and ((fields[2] <= -2) & (fields[2] >= -4)).all()
        norms = np.sqrt((around**2).sum(-1, keepdims=True))
        np.testing.assert_allclose(points[:, :, unit].transpose(1, 0, 2), around * 1.5 * 6**0.5 / norms, rtol=1e-4)
    assert dataset.train(jax.random.key(0), 35, teacher).inputs.shape == (35, 6)


def test_digits_are_split_without_overlap_and_keep_their_classes(problem):
    pytest.importorskip("sklearn")
    from sklearn.datasets import load_digits

    dataset, key = Digits(), jax.random.key(5)
    train, test = dataset.train(key, 1000, problem.teacher), dataset.test(key, 797)
    raw = load_digits()
    scaled = ((raw.data - raw.data.mean()) / raw.data.std()).astype(np.float32)
    digit_of = {row.tobytes(): int(digit) for row, digit in zip(scaled, raw.target, strict=True)}
    found = [np.asarray(part.inputs) for part in (train, test)]
    assert {row.tobytes() for part in found for row in part} == set(digit_of)
    for part, rows in zip((train, test), found, strict=True):
        assert [digit_of[row.tobytes()] for row in rows] == part.classes.tolist()


def test_classes_of_a_teacher_are_its_largest_outputs(problem):
    labelled = problem_of(loss=CrossEntropy())
    np.testing.assert_array_equal(labelled.train_targets, by_hand(labelled.teacher, labelled.train_inputs)[1].argmax(1))
    inputs, targets = labelled.fresh(jax.random.key(0), 7)
    np.testing.assert_array_equal(targets, by_hand(labelled.teacher, inputs)[1].argmax(1))
    outputs = by_hand(labelled.stranger, labelled.train_inputs)[1]
    shifted = np.exp(outputs - outputs.max(1, keepdims=True))
    exact = -np.log(shifted / shifted.sum(1, keepdims=True))[np.arange(40), np.asarray(labelled.train_targets)]
    found = CrossEntropy()(jnp.asarray(outputs, jnp.float32), labelled.train_targets)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


@pytest.mark.parametrize("name", training.NETWORK_STARTS.names)
def test_start_draws_a_student_of_its_law(problem, name):
    start = training.NETWORK_STARTS.build({"name": name}, "start")
    multi = 1 if name == "perturbed" else 2
    start.check(multi)
    widths = (6, 4 * multi, 3 * multi, 5)
    student = jax.jit(lambda key: start.draw(key, widths, problem.teacher))(jax.random.key(2))
    assert student.widths == widths
    lowest, teacher = student.layers[0], problem.teacher.layers[0]
    if name == "uniform":  # every layer within its own bound, which it fills
        for layer, below in zip(student.layers, widths, strict=False):
            bound = below**-0.5
            assert 0.8 * bound < np.abs(layer.weights).max() <= bound and np.abs(layer.bias).max() <= bound
            assert np.abs(layer.bias).max() > 0
    elif name == "perturbed":
        difference = np.concatenate([np.ravel(lowest.weights - teacher.weights), lowest.bias - teacher.bias])
        assert abs(difference.std() - 0.1) < 0.04 and abs(difference.mean()) < 0.06
    else:
        assert 0.003 < np.asarray(lowest.weights).std() < 0.007 and not lowest.bias.any()
        assert (name == "away") == bool(((lowest.weights @ teacher.weights[-1]) <= 0).all())


def test_gradient_equals_finite_differences(problem, student):
    """Of the loss by each layer, on one batch, in float64."""
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), student)
    inputs, targets = (array[:8].astype(jnp.float64) for array in (problem.train_inputs, problem.train_targets))

    @jax.jit
    def loss(network):
        return HalfSquare()(network(inputs), targets).mean()

    gradient = jax.jit(jax.grad(loss))(wide)
    rng, step = np.random.default_rng(0), 1e-6
    for _ in range(6):
        along = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), wide)
        ends = [loss(jax.tree.map(lambda w, d, s=s: w + s * step * d, wide, along)) for s in (1, -1)]
        slope = sum(jax.tree.leaves(jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, along)))
        np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), slope, rtol=1e-6)


@pytest.mark.quick
def test_leaky_relu_lies_between_rectifier_and_identity():
    x = jnp.linspace(-2, 2, 9)
    np.testing.assert_array_equal(
        networks.ACTIVATIONS.build({"name": "leaky_relu", "leak": 0.0}, "a")(x), jnp.maximum(x, 0)
    )
    np.testing.assert_array_equal(networks.ACTIVATIONS.build({"name": "leaky_relu", "leak": 1.0}, "a")(x), x)
    with pytest.raises(ConfigError, match=r"a.leak = 2.0"):
        networks.ACTIVATIONS.build({"name": "leaky_relu", "leak": 2.0}, "a")
