"""Narrow students that learn from all patterns at once, at a temperature or without (arXiv:2507.00629)."""

import functools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from dsm._random import stream
from dsm._system import AbstractSystem, Others, Record
from dsm._variables import Coordinate, Variable, together
from dsm.data import NarrowProblem
from dsm.observables import Measures
from dsm.observables.narrow import take_snapshot
from dsm.training.dynamics import AbstractDynamics, Landscape
from dsm.training.narrow_starts import AbstractNarrowStart

#: With whom a student is compared at every record: its teacher, another teacher of the same law, and the next replica.
PAIRS = ("teacher", "baseline", "student")


class FullBatchState(eqx.Module):
    """A student that learns.

    Attributes:
        weights: of its hidden units.
        memory: what the dynamics keeps besides.
    """

    weights: Float[Array, "*axes K N"]
    memory: PyTree


class FullBatchLearning(AbstractSystem):
    """A student of the teacher's size that learns from all patterns at each step.

    Attributes:
        start: the student at t = 0.
        dynamics: the rule of one step.
        normalise: divide every w_k by its norm after each step, and at the start: fields are then of order N**-1/2.
        measures: what is recorded of the student.
    """

    start: AbstractNarrowStart
    dynamics: AbstractDynamics
    normalise: bool = eqx.field(static=True, default=False)
    measures: Measures = Measures()
    stream: ClassVar[str] = "dynamics"

    @property
    def variables(self) -> dict[str, Variable]:
        # What a dynamics records is of weights that are free.
        own = {} if self.normalise else self.dynamics.variables
        return together(own, self.measures.variables("student", PAIRS))

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        return self.measures.coordinates

    def begin(self, key: Key[Array, ""], problem: NarrowProblem) -> FullBatchState:
        weights = self._projected(self.start.draw(stream(key, "student"), problem.teacher.weights))
        return FullBatchState(weights, self.dynamics.begin(weights, _landscape(problem)))

    def step(
        self, key: Key[Array, ""], t: Int[Array, ""], state: FullBatchState, problem: NarrowProblem
    ) -> tuple[FullBatchState, Record]:
        weights, memory, info = self.dynamics.step(key, t, state.weights, state.memory, _landscape(problem))
        return FullBatchState(self._projected(weights), memory), {} if self.normalise else info

    def _projected(self, weights: Float[Array, "K N"]) -> Float[Array, "K N"]:
        return weights / jnp.sqrt((weights**2).sum(1, keepdims=True)) if self.normalise else weights

    def observe(self, state: FullBatchState, problem: NarrowProblem, others: Others) -> Record:
        look = functools.partial(take_snapshot, problem=problem)
        seen = [look(problem.teacher), look(problem.stranger)]
        if others.peer is not None:
            seen.append(look(problem.student(others.peer)))
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *seen)
        return self.measures.record("student", look(problem.student(state.weights)), stacked, PAIRS[: len(seen)])

    def machine(self, state: FullBatchState) -> Float[Array, "K N"]:
        """The weights."""
        return state.weights

    def constants(self, problem: NarrowProblem) -> Record:
        """Observables of the teacher and of the independent one, alone, for one problem."""
        teacher, stranger = (take_snapshot(network, problem) for network in (problem.teacher, problem.stranger))
        found = self.measures.record("teacher", teacher, teacher, ())
        return found | self.measures.record("baseline", stranger, stranger, ())

    @property
    def constant_variables(self) -> dict[str, Variable]:
        """What `constants` returns, described."""
        return self.measures.variables("teacher", ()) | self.measures.variables("baseline", ())

    def step_bytes(self, problem: NarrowProblem) -> int:
        """The patterns twice, fields and units of all of them forward and back, and some copies of the weights."""
        units, inputs = problem.teacher.weights.shape
        patterns = problem.train_inputs.shape[0]
        return 4 * (2 * patterns * inputs + 4 * patterns * units + 6 * units * inputs)

    def observe_bytes(self, problem: NarrowProblem, others: int) -> int:
        """What passes of the fields and units of four networks on all patterns. With it the count is 0.9 to 1.6 times what
        XLA allots (tests/driver/test_driver.py)."""
        patterns = problem.train_inputs.shape[0] + problem.test_inputs.shape[0]
        return 8 * patterns * problem.teacher.weights.shape[0]


def _landscape(problem: NarrowProblem) -> Landscape:
    return Landscape(problem.energy, problem.temperature, problem.lr)
