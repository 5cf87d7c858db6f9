"""How a computation of the theory ended."""

import enum


class Result(enum.IntEnum):
    """Outcome of a search or an integration; `message` says what to do about it."""

    converged = 0
    max_steps_reached = 1
    diverged = 2
    no_solution = 3

    @property
    def message(self) -> str:
        """What to do about it."""
        return {
            Result.converged: "the residual, or the error of every step, is below the tolerance",
            Result.max_steps_reached: "the largest number of steps was reached: raise `max_steps`, or see whether the point "
            "is close to a transition, or the equations stiff",
            Result.diverged: "order parameters grow without bound or are not finite: in learning, the learning rate is too "
            "large; in a search, the start is outside the domain of the equations",
            Result.no_solution: "the search came to rest where the equations do not hold: there is no solution near the "
            "start, try another",
        }[self]
