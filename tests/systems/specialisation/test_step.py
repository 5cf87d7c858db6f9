"""The step of mini-batch learning: its rule, batches, schedules."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm._random import stream
from dsm._system import Others
from dsm.data.losses.cross_entropy import CrossEntropy
from dsm.training import MinibatchLearning
from dsm.training.network_starts.normal import Normal
from dsm.training.network_starts.perturbed import Perturbed
from dsm.training.optimisers.adam import Adam
from dsm.training.optimisers.sgd import SGD
from dsm.training.rates.cosine import Cosine
from dsm.training.rates.steps import Steps
from relu_networks import by_hand, problem_of


def learning(**options) -> MinibatchLearning:
    """Two student units for each of the teacher's, batches of 5 of 20 patterns."""
    given = {"start": Normal(0.5), "multi": 2, "batch": 5, "iterations": 4, "epochs": 3, **options}
    return MinibatchLearning(**given)


def trained(system: MinibatchLearning, problem, steps: int):
    """The states after 0, 1, ... steps, stacked."""

    @jax.jit
    def run(problem):
        state = system.begin(jax.random.key(1), problem)

        def one(state, t):
            return system.step(jax.random.fold_in(jax.random.key(2), t), t, state, problem)[0], state

        return jax.lax.scan(one, state, jnp.arange(steps + 1, dtype=jnp.int32))[1]

    return run(problem)


@pytest.fixture(scope="module")
def problem():
    return problem_of((6, 4, 5), train=20)


def gradients(network, inputs, targets) -> list[np.ndarray]:
    """Of half the squared error, summed over outputs, mean over the batch, by weights and biases, in float64 numpy."""
    (hidden,), outputs = by_hand(network, inputs)
    delta = (outputs - targets) / len(inputs)
    back = (delta @ np.asarray(network.layers[1].weights, np.float64)) * (hidden > 0)
    return [back.T @ np.asarray(inputs, np.float64), back.sum(0), delta.T @ hidden, delta.sum(0)]


def parameters(network) -> list[np.ndarray]:
    return [np.asarray(leaf, np.float64) for layer in network.layers for leaf in (layer.weights, layer.bias)]


@pytest.mark.parametrize("kind", [pytest.param("plain", marks=pytest.mark.slow), "momentum", "frozen", "adam"])
def test_step_equals_the_rule(problem, kind):
    """Whole training sets as batches, by hand: weight decay, momentum, a step of the learning rate, a frozen layer; Adam."""
    optimiser = {"momentum": SGD(0.9), "adam": Adam()}.get(kind, SGD())
    system = learning(
        batch=20, iterations=1, replacement=False, optimiser=optimiser, weight_decay=0.01,
        rate=Steps([2], [0.1]), frozen=(1,) if kind == "frozen" else (),
    )  # fmt: skip
    states = trained(system, problem, 3)
    networks = [jax.tree.map(lambda leaf, t=t: leaf[t], states.student) for t in range(4)]
    weights = parameters(networks[0])
    mean, square = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for t in range(3):
        found = gradients(networks[t], problem.train_inputs, np.asarray(problem.train_targets))
        lr = 0.1 * (0.1 if t >= 2 else 1)
        for place, gradient in enumerate(found):
            gradient = gradient + 0.01 * weights[place]
            if kind == "adam":
                mean[place] = 0.9 * mean[place] + 0.1 * gradient
                square[place] = 0.999 * square[place] + 0.001 * gradient**2
                along = mean[place] / (1 - 0.9 ** (t + 1)) / (np.sqrt(square[place] / (1 - 0.999 ** (t + 1))) + 1e-8)
            else:
                mean[place] = (0.9 if kind == "momentum" else 0) * mean[place] + gradient
                along = mean[place]
            if not (kind == "frozen" and place < 2):
                weights[place] = weights[place] - lr * along
        for exact, own in zip(weights, parameters(networks[t + 1]), strict=True):
            np.testing.assert_allclose(own, exact, atol=2e-5)
    lower = [parameters(network)[0] for network in networks]
    assert (kind == "frozen") == np.array_equal(lower[0], lower[3])


def test_epoch_shows_every_pattern_once(problem):
    states = trained(learning(replacement=False), problem, 8)
    orders = np.asarray(states.order)
    np.testing.assert_array_equal(np.sort(orders[1:]), np.broadcast_to(np.arange(20), (8, 20)))
    assert (orders[1:5] == orders[1]).all() and (orders[5:] == orders[5]).all() and (orders[1] != orders[5]).any()


def test_batches_are_drawn_with_replacement_or_fresh(problem):
    """The network that a batch moves is that of the batch: recomputed from the same random numbers."""
    fresh = dataclasses.replace(problem, train_inputs=problem.train_inputs[:0], train_targets=problem.train_targets[:0])
    for given in (problem, fresh):
        states = trained(learning(), given, 1)
        key = jax.random.fold_in(jax.random.key(2), 0)
        if given is problem:
            chosen = jax.random.randint(stream(key, "patterns"), (5,), 0, 20, jnp.int32)
            inputs, targets = problem.train_inputs[chosen], problem.train_targets[chosen]
        else:
            inputs = given.dataset.train(stream(key, "fresh"), 5, given.teacher).inputs
            targets = by_hand(given.teacher, inputs)[1]
        before, after = (jax.tree.map(lambda leaf, t=t: leaf[t], states.student) for t in (0, 1))
        steps = gradients(before, inputs, np.asarray(targets))
        for old, new, along in zip(parameters(before), parameters(after), steps, strict=True):
            np.testing.assert_allclose(new, old - 0.1 * along, atol=1e-5)


def test_student_placed_at_the_teacher_stays(problem):
    system = learning(start=Perturbed(0.0), multi=1)
    states = trained(system, problem, 4)
    for before, after in zip(
        *(parameters(jax.tree.map(lambda leaf, t=t: leaf[t], states.student)) for t in (0, 4)), strict=True
    ):
        np.testing.assert_allclose(before, after, atol=1e-6)


@pytest.mark.quick
def test_cosine_rate_goes_to_zero():
    found = [float(Cosine().factor(jnp.float32(epoch), 10)) for epoch in (0, 5, 10)]
    np.testing.assert_allclose(found, [1, 0.5, 0], atol=1e-6)


def test_cross_entropy_learns_classes():
    problem = problem_of((6, 4, 5), train=20, loss=CrossEntropy())
    system = learning(batch=20, iterations=1, replacement=False)
    states = trained(dataclasses.replace(system, epochs=60), problem, 60)

    def loss(t: int) -> float:
        student = jax.tree.map(lambda leaf: leaf[t], states.student)
        return float(CrossEntropy()(student(problem.train_inputs), problem.train_targets).mean())

    assert loss(60) < 0.8 * loss(0)


def test_students_are_not_compared_with_each_other(problem):
    """A student is compared with its teachers, never with the next one."""
    system = learning()
    state = system.begin(jax.random.key(0), problem)
    assert system.machine(state) is None and system.observe(state, problem, Others()) == {}
