"""Students drawn from the prior."""

from jaxtyping import Array, Key

from dsm.data import Problem
from dsm.samplers.sign_perceptron._base import State
from dsm.samplers.sign_perceptron.starts._base import STUDENT_STARTS, state_of


@STUDENT_STARTS.register("random")
def random_start(key: Key[Array, ""], problem: Problem) -> State:
    """A student drawn from the prior, independent of the teacher."""
    return state_of(problem.teacher.redraw(key).weights, problem)
