"""Deep students that learn from mini-batches (arXiv:1909.13458): the rule of one step, and the system that follows it."""

import functools
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key, PyTree, Shaped

from dsm._random import stream
from dsm._system import AbstractSystem, Others, Record, tree_bytes
from dsm._variables import Coordinate, Variable
from dsm.data import DeepProblem
from dsm.networks import DeepNetwork
from dsm.observables import Measures
from dsm.observables.deep_network import take_snapshot
from dsm.training._batches import reshuffled
from dsm.training.network_starts import AbstractNetworkStart
from dsm.training.optimisers import AbstractOptimiser
from dsm.training.optimisers.sgd import SGD
from dsm.training.rates import AbstractRate
from dsm.training.rates.constant import Constant

#: With whom a student is compared at every record: its teacher, and another teacher of the same law.
PAIRS = ("teacher", "baseline")


class DeepState(eqx.Module):
    """A student that learns.

    Attributes:
        student: the network.
        optimiser: what the optimiser keeps from step to step.
        order: of the training patterns in the present epoch; empty where batches are drawn with replacement or fresh.
    """

    student: DeepNetwork
    optimiser: PyTree
    order: Int[Array, " P"]


class MinibatchLearning(AbstractSystem):
    """A student that learns from its teacher or from true classes; a step is one batch.

    Gradient g of the mean loss over the batch, g <- g + weight_decay w, then the optimiser's direction times minus the
    learning rate.

    Attributes:
        start: the student at t = 0.
        multi: hidden units of the student for each of the teacher, in each layer.
        batch: patterns a step.
        replacement: draw batches from the training set with replacement; else every pattern once an epoch, in a new order,
            and what does not fill a batch is left out.
        iterations: steps an epoch.
        epochs: of the whole run, for schedules.
        optimiser: from gradients to directions.
        rate: the learning rate over epochs.
        weight_decay: of all weights and biases.
        frozen: layers that keep their weights, counted from 1; the last is the readout.
        measures: what is recorded of the student.
        observed: the most training and test patterns that are looked at; None for all.
    """

    start: AbstractNetworkStart
    multi: int = eqx.field(static=True)
    batch: int = eqx.field(static=True)
    iterations: int = eqx.field(static=True)
    epochs: int = eqx.field(static=True)
    replacement: bool = eqx.field(static=True, default=True)
    optimiser: AbstractOptimiser = SGD()
    rate: AbstractRate = Constant()
    weight_decay: float = eqx.field(static=True, default=0.0)
    frozen: tuple[int, ...] = eqx.field(static=True, default=())
    measures: Measures = Measures()
    observed: int | None = eqx.field(static=True, default=None)
    stream: ClassVar[str] = "batches"

    @property
    def variables(self) -> dict[str, Variable]:
        return self.measures.variables("student", PAIRS)

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        return self.measures.coordinates

    def widths(self, teacher: DeepNetwork) -> tuple[int, ...]:
        """Widths of a student of this teacher."""
        inputs, *hidden, outputs = teacher.widths
        return inputs, *(self.multi * width for width in hidden), outputs

    def begin(self, key: Key[Array, ""], problem: DeepProblem) -> DeepState:
        student = self.start.draw(stream(key, "student"), self.widths(problem.teacher), problem.teacher)
        finite = problem.train_inputs.shape[0] and not self.replacement
        order = jnp.zeros((problem.train_inputs.shape[0] if finite else 0,), jnp.int32)
        return DeepState(student, self._direction().init(self._split(student)[0]), order)

    def step(
        self, key: Key[Array, ""], t: Int[Array, ""], state: DeepState, problem: DeepProblem
    ) -> tuple[DeepState, Record]:
        order, inputs, targets = self._batch(key, t, state.order, problem)
        learning, kept = self._split(state.student)

        def loss(learning: DeepNetwork) -> Float[Array, ""]:
            return problem.loss(eqx.combine(learning, kept)(inputs), targets).mean()

        gradient = jax.grad(loss)(learning)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes floats and counts
            direction, memory = self._direction().update(gradient, state.optimiser, learning)
        whole, part = t // self.iterations, t % self.iterations  # exact at the beginning of an epoch
        epoch = whole.astype(jnp.float32) + part.astype(jnp.float32) / self.iterations
        lr = problem.lr * self.rate.factor(epoch, self.epochs)
        moved = jax.tree.map(lambda weights, along: weights - lr * along, learning, direction)
        return DeepState(eqx.combine(moved, kept), memory, order), {}

    def _batch(
        self, key: Key[Array, ""], t: Int[Array, ""], order: Int[Array, " P"], problem: DeepProblem
    ) -> tuple[Int[Array, " P"], Float[Array, "B N"], Shaped[Array, "B *C"]]:
        """The order of the patterns, and inputs and targets of one step."""
        patterns = problem.train_inputs.shape[0]
        if not patterns:
            return order, *problem.fresh(stream(key, "fresh"), self.batch)
        if self.replacement:
            chosen = jax.random.randint(stream(key, "patterns"), (self.batch,), 0, patterns, jnp.int32)
        else:
            position = t % self.iterations
            order = reshuffled(stream(key, "epoch"), position, order)
            chosen = lax.dynamic_slice(order, (position * self.batch,), (self.batch,))
        return order, problem.train_inputs[chosen], problem.train_targets[chosen]

    def _direction(self) -> optax.GradientTransformation:
        decay = [optax.add_decayed_weights(self.weight_decay)] if self.weight_decay else []
        return optax.chain(*decay, self.optimiser.direction())

    def _split(self, student: DeepNetwork) -> tuple[DeepNetwork, DeepNetwork]:
        """What learns, and what is frozen."""
        layers = [
            jax.tree.map(lambda _, learns=number not in self.frozen: learns, layer)
            for number, layer in enumerate(student.layers, 1)
        ]
        learns = eqx.tree_at(lambda network: network.layers, student, tuple(layers))
        return eqx.partition(student, learns)

    def observe(self, state: DeepState, problem: DeepProblem, others: Others) -> Record:
        look = functools.partial(take_snapshot, problem=problem, most=self.observed)
        teachers = [look(problem.teacher), look(problem.stranger)]
        seen = jax.tree.map(lambda *leaves: jnp.stack(leaves), *teachers)
        return self.measures.record("student", look(state.student), seen, PAIRS)

    def machine(self, state: DeepState) -> Any:
        """Nothing: students are compared with teachers only."""
        return None

    def constants(self, problem: DeepProblem) -> Record:
        """Observables of the teacher of one problem."""
        teacher = take_snapshot(problem.teacher, problem, self.observed)
        return self.measures.record("teacher", teacher, teacher, ())

    @property
    def constant_variables(self) -> dict[str, Variable]:
        """What `constants` returns, described; what has a place for each unit of a student has one for each of a teacher."""
        found = self.measures.variables("teacher", ())
        return {
            name: variable._replace(dims=tuple("teacher" if dim == "student" else dim for dim in variable.dims))
            for name, variable in found.items()
        }

    def step_bytes(self, problem: DeepProblem) -> int:
        """Weights, gradient, direction and optimiser, and the fields of a batch forward and back."""
        widths = self.widths(problem.teacher)
        weights = sum((below + 1) * above for below, above in zip(widths, widths[1:], strict=False))
        return 4 * (4 * weights + 3 * self.batch * sum(widths))

    def observe_bytes(self, problem: DeepProblem, others: int) -> int:
        """Activations of the student and of two teachers on all patterns that are looked at, and what passes besides. With
        it the count is 1.0 to 1.2 times what XLA allots (tests/driver/test_driver.py)."""
        patterns = problem.train_inputs.shape[0] + problem.test_inputs.shape[0]
        if self.observed is not None:
            patterns = min(patterns, 2 * self.observed)
        widths = sum(self.widths(problem.teacher)[1:]) + 2 * sum(problem.teacher.widths[1:])
        return 6 * patterns * widths + tree_bytes(problem.teacher)
