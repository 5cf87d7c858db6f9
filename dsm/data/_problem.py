"""Teacher-labelled learning problems."""

import math

import equinox as eqx
import jax
from jaxtyping import Array, Int8, Key

from dsm._errors import is_integer, require
from dsm.data.inputs import AbstractInputs
from dsm.networks import SignNetwork


class Problem(eqx.Module):
    """What a student learns from, and what it is tested on: one disorder sample.

    Attributes:
        teacher: the network that labels; students share its wiring and prior.
        inputs: training patterns.
        labels: the teacher's outputs on them.
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
    key: Key[Array, ""], teacher: SignNetwork, inputs: AbstractInputs, alpha: float, test_patterns: int = 1000
) -> Problem:
    """Draw M = round(alpha c) training and `test_patterns` fresh patterns and let the teacher label them.

    Raises:
        ConfigError: the widths of teacher and inputs differ, M = 0, or the inputs cannot give so many patterns.
    """
    width = teacher.wiring.width
    require(inputs.width == width, "inputs.width", inputs.width, f"the teacher's width = {width}")
    require(is_integer(test_patterns) and test_patterns >= 1, "test_patterns", test_patterns, "an integer >= 1")
    train, test = inputs.sample(key, training_patterns(alpha, teacher.wiring.fan_in), test_patterns)
    output = jax.vmap(lambda pattern: teacher(pattern)[-1])
    return Problem(teacher, train, output(train), test, output(test))
