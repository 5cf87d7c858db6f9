"""Students that start as the teacher."""

from jaxtyping import Array, Key

from dsm.data import Problem
from dsm.samplers.sign_perceptron._base import State
from dsm.samplers.sign_perceptron.starts._base import STUDENT_STARTS, state_of


@STUDENT_STARTS.register("planted")
def planted_start(key: Key[Array, ""], problem: Problem) -> State:
    """The teacher itself: an exact draw from the law at beta = label_beta of the problem (at beta = inf, without label
    noise: uniform over E = 0).

    There it is an equilibrium student from the first sweep on. At another beta it is a start like others. `key` is not
    used; it is there so that all starts are called alike.
    """
    del key
    return state_of(problem.teacher.weights, problem)
