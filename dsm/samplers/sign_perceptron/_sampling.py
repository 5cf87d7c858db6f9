"""The deep student machine as a system: a student at one temperature (arXiv:2302.07419)."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key

from dsm._random import stream
from dsm._system import Others, Record
from dsm._variables import Coordinate, Variable, together
from dsm.data import Problem
from dsm.observables import Measures
from dsm.observables.sign_network import Snapshot, take_snapshot
from dsm.samplers._thermal import AbstractThermalSystem, AtBeta
from dsm.samplers.schedules import AbstractSchedule
from dsm.samplers.schedules.constant import Constant
from dsm.samplers.sign_perceptron._base import AbstractSampler, State
from dsm.samplers.sign_perceptron.starts.random import random_start

#: With whom a student is compared at every record.
PAIRS = ("teacher", "student", "past")


class Sampling(AbstractThermalSystem):
    """A student that is sampled; a step is a sweep.

    It is compared with its teacher, with the next student of the same teacher, and with its own past.

    Attributes:
        sampler: moves the student.
        schedule: beta as a function of the sweep.
        start: the student before the first sweep, of (key, problem).
        measures: what is recorded of it.
    """

    sampler: AbstractSampler
    schedule: AbstractSchedule = Constant()
    start: Callable[[Key[Array, ""], Problem], State] = random_start
    measures: Measures = Measures()
    stream: ClassVar[str] = "moves"

    @property
    def variables(self) -> dict[str, Variable]:
        accepted = "fraction of accepted moves since the last record"
        own = {
            "acceptance": Variable(("layer",), accepted, draws=""),
            "cached_energy": Variable((), "energy E as the sampler keeps it"),
        }
        return together(own, self.measures.variables("student", PAIRS))

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        return self.measures.coordinates

    def begin(self, key: Key[Array, ""], problem: AtBeta) -> State:
        return self.start(key, problem.problem)

    def step(self, key: Key[Array, ""], t: Int[Array, ""], state: State, problem: AtBeta) -> tuple[State, Record]:
        beta = self.schedule.beta(t, problem.beta)
        state, info = self.sampler.step(key, state, problem.problem, beta)
        return state, {"acceptance": info.acceptance}

    def energy(self, state: State) -> Int[Array, ""]:
        return state.energy

    def machine(self, state: State) -> Float[Array, "L N c"]:
        return state.weights

    def observe(self, state: State, problem: AtBeta, others: Others) -> Record:
        record: Record = {"cached_energy": state.energy}
        if not self.measures.observables:
            return record
        machines, pairs = [state.weights[None], problem.problem.teacher.weights[None]], ["teacher"]
        if others.peer is not None:
            machines.append(others.peer[None])
            pairs.append("student")
        if others.past is not None:
            machines.append(others.past)
            pairs += ["past"] * len(others.past)
        snapshots = jax.vmap(lambda weights: _look(problem.problem, weights))(jnp.concatenate(machines))
        own, seen = (jax.tree.map(lambda leaf, rows=rows: leaf[rows], snapshots) for rows in (0, slice(1, None)))
        return record | self.measures.record("student", own, seen, tuple(pairs))

    def step_bytes(self, problem: AtBeta) -> int:
        """6 arrays [N, M], the weights as matrices, a layer's random numbers."""
        return self.sampler.step_bytes(problem.problem)

    def observe_bytes(self, problem: AtBeta, others: int) -> int:
        """Spins of all machines in all layers, as they pass through integers and floats of 1 to 4 bytes, and what matching
        units takes. With it the count is 0.9 to 1.6 times what XLA allots (tests/driver/test_driver.py)."""
        wiring = problem.problem.teacher.wiring
        patterns = problem.problem.inputs.shape[0] + problem.problem.test_inputs.shape[0]
        layer = 13 * patterns + 16 * wiring.width
        return (1 + others) * wiring.depth * wiring.width * layer

    @eqx.filter_jit
    def constants(self, key: Key[Array, ""], problems: Problem, machines: int) -> Record:
        """What does not change during a run, for each of `problems` [S, ...]: observables of the teacher, {name: [S, ...]},
        and of `machines` independent ones of the same kind, by themselves and with the teacher, {name: [S, machines, ...]}.
        """

        def independent(problem: Problem, teacher: Snapshot, key: Key[Array, ""]) -> Record:
            other = _look(problem, problem.teacher.redraw(key).weights)
            teachers = jax.tree.map(lambda leaf: leaf[None], teacher)
            return self.measures.record("baseline", other, teachers, ("baseline",))

        def sample(own: tuple[Problem, Array]) -> Record:
            problem, number = own
            keys = jax.vmap(lambda machine: stream(key, "independent", number, machine))(jnp.arange(machines))
            teacher = _look(problem, problem.teacher.weights)
            baseline = jax.vmap(independent, (None, None, 0))(problem, teacher, keys)
            return baseline | self.measures.record("teacher", teacher, teacher, ())

        samples = np.arange(problems.inputs.shape[0], dtype=np.int32)
        return lax.map(sample, (problems, jnp.asarray(samples)))

    @property
    def constant_variables(self) -> dict[str, Variable]:
        """What `constants` returns, described."""
        machines = self.measures.variables("baseline", ("baseline",))
        machines = {name: variable._replace(dims=("machine", *variable.dims)) for name, variable in machines.items()}
        return machines | self.measures.variables("teacher", ())


def _look(problem: Problem, weights: Float[Array, "L N c"]) -> Any:
    """The machine with these weights on the data of the problem."""
    return take_snapshot(problem.teacher.with_weights(weights), problem)
