"""Where students start."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from dsm.data import Problem
from dsm.samplers.sign_perceptron._base import State


def random_start(key: Key[Array, ""], problem: Problem) -> State:
    """A student drawn from the prior, independent of the teacher."""
    return state_of(problem.teacher.redraw(key).weights, problem)


def planted_start(key: Key[Array, ""], problem: Problem) -> State:
    """The teacher itself: an exact draw from the law at beta = label_beta of the problem (at beta = inf, without label
    noise: uniform over E = 0).

    There it is an equilibrium student from the first sweep on. At another beta it is a start like others. `key` is not
    used; it is there so that all starts are called alike.
    """
    del key
    return state_of(problem.teacher.weights, problem)


def state_of(weights: Float[Array, "L N c"], problem: Problem) -> State:
    """The state with these weights, its energy computed from scratch."""
    student = problem.teacher.with_weights(weights)
    output = jax.vmap(lambda pattern: student(pattern)[-1])(problem.inputs)
    return State(weights, jnp.sum(output != problem.labels, dtype=jnp.int32))


STARTS = {"random": random_start, "planted": planted_start}
