"""Teacher-labelled learning problems."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Int8, Key

from dsm._errors import is_integer, require
from dsm._random import stream
from dsm.data.inputs import AbstractInputs
from dsm.networks import SignNetwork


class Problem(eqx.Module):
    """What a student learns from, and what it is tested on: one disorder sample.

    Attributes:
        teacher: the network that labels; students share its wiring and prior.
        inputs: training patterns.
        labels: the teacher's outputs on them, some flipped if there is label noise. A pattern with the label 0 is none: it
            only fills its place (`first_patterns`).
        test_inputs: fresh patterns of the same law.
        test_labels: the teacher's outputs on them.
    """

    teacher: SignNetwork
    inputs: Int8[Array, "M N"]
    labels: Int8[Array, "M N"]
    test_inputs: Int8[Array, "M_test N"]
    test_labels: Int8[Array, "M_test N"]


def training_patterns(alpha: float, fan_in: int) -> int:
    """M = round(alpha c).

    Raises:
        ConfigError: alpha is not positive and finite, or M = 0.
    """
    require(0 < alpha < math.inf, "alpha", alpha, "positive and finite")
    patterns = round(alpha * fan_in)
    require(patterns >= 1, "alpha", alpha, f"large enough that M = round(alpha c) >= 1, and c = {fan_in}")
    return patterns


def teacher_problem(
    key: Key[Array, ""],
    teacher: SignNetwork,
    inputs: AbstractInputs,
    alpha: float,
    test_patterns: int = 1000,
    label_beta: float = math.inf,
) -> Problem:
    """Draw M = round(alpha c) training and `test_patterns` fresh patterns and let the teacher label them.

    Each training label is flipped with probability 1/(1 + exp(label_beta)). Then the posterior of the teacher is
    prior(J) exp(-beta E) at beta = label_beta (the Nishimori line). Test labels have no noise.

    Raises:
        ConfigError: the widths of teacher and inputs differ, M = 0, the inputs cannot give so many patterns, or label_beta
            is negative.
    """
    width = teacher.wiring.width
    require(inputs.width == width, "inputs.width", inputs.width, f"the teacher's width = {width}")
    require(is_integer(test_patterns) and test_patterns >= 1, "test_patterns", test_patterns, "an integer >= 1")
    require(label_beta >= 0, "label_beta", label_beta, "at least 0, or inf for labels without noise")
    train, test = inputs.sample(stream(key, "inputs"), training_patterns(alpha, teacher.wiring.fan_in), test_patterns)
    output = jax.vmap(lambda pattern: teacher(pattern)[-1])
    labels = output(train)
    if label_beta < math.inf:
        odds = math.exp(-label_beta)
        wrong = jax.random.bernoulli(stream(key, "label noise"), odds / (1 + odds), (labels.size,))
        labels = jnp.where(wrong.reshape(labels.shape), -labels, labels)
    return Problem(teacher, train, labels, test, output(test))


def first_patterns(problem: Problem, patterns: Int[Array, ""] | int) -> Problem:
    """The problem with the first of its training patterns alone, in arrays of the same shapes: labels of the others are 0.

    Problems that differ in the number of patterns then share compiled programs.
    """
    kept = jnp.arange(problem.labels.shape[0], dtype=jnp.int32) < patterns
    return eqx.tree_at(lambda p: p.labels, problem, jnp.where(kept[:, None], problem.labels, 0))
