"""What a start provides: a function `start(key, problem) -> State`, the first state of one student."""

import jax
from jaxtyping import Array, Float

from dsm._registry import Registry
from dsm.data import Problem
from dsm.observables.sign_network.energy import wrong_outputs
from dsm.samplers.sign_perceptron._base import State

STUDENT_STARTS: Registry[State] = Registry("student start")


def state_of(weights: Float[Array, "L N c"], problem: Problem) -> State:
    """The state with these weights, its energy computed from scratch."""
    student = problem.teacher.with_weights(weights)
    output = jax.vmap(lambda pattern: student(pattern)[-1])(problem.inputs)
    return State(weights, wrong_outputs(output, problem.labels))
