"""Online SGD of two-layer networks: the rule of one step, and the system that follows it."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from dsm._random import stream
from dsm._system import AbstractSystem, Others, Record
from dsm._variables import Coordinate, Variable
from dsm.data import TwoLayerProblem
from dsm.networks import TwoLayerNetwork
from dsm.observables import Measures
from dsm.observables.two_layer import take_snapshot
from dsm.training._batches import reshuffled


class OnlineSGD(eqx.Module):
    """Gradient descent on (phi(x) - y)**2 / 2, the mean over the examples of a step (arXiv:1906.08632, eqs. 3 and 4).

        w <- w - lr dE/dw - (weight_decay / N) w        v <- v - (lr_second / N) dE/dv

    Attributes:
        lr: learning rate of the first layer.
        lr_second: learning rate of the second layer.
        weight_decay: of the first layer.
    """

    lr: Float[Array, ""] | float
    lr_second: Float[Array, ""] | float = 0.0
    weight_decay: Float[Array, ""] | float = 0.0

    def step(
        self, network: TwoLayerNetwork, inputs: Float[Array, "batch N"], labels: Float[Array, " batch"]
    ) -> TwoLayerNetwork:
        """The network after these examples."""

        def error(network: TwoLayerNetwork) -> Float[Array, ""]:
            return jnp.mean((jax.vmap(network)(inputs) - labels) ** 2) / 2

        gradient = eqx.filter_grad(error)(network)
        width = inputs.shape[1]
        decay = 1 - self.weight_decay / width
        return TwoLayerNetwork(
            decay * network.weights - self.lr * gradient.weights,
            network.outputs - (self.lr_second / width) * gradient.outputs,
            network.activation,
        )


class LearningState(eqx.Module):
    """A student that learns online.

    Attributes:
        student: the network.
        order: of the training patterns in the present epoch; empty if inputs are always fresh.
    """

    student: TwoLayerNetwork
    order: Int[Array, " P"]


class OnlineLearning(AbstractSystem):
    """A student that learns from its teacher, `batch` examples a step: fresh ones each time, or those of a finite training
    set, a multiple of `batch`, in a new random order every epoch.

    Runs where 64-bit types are enabled: weights and inputs are float32, order parameters float64.

    Attributes:
        rule: of one step.
        measures: what is recorded of the student.
        batch: examples of a step.
    """

    rule: OnlineSGD
    measures: Measures = Measures()
    batch: int = eqx.field(static=True, default=1)
    stream: ClassVar[str] = "examples"

    @property
    def variables(self) -> dict[str, Variable]:
        return self.measures.variables("student", ())

    @property
    def coordinates(self) -> dict[str, Coordinate]:
        return self.measures.coordinates

    def begin(self, key: Key[Array, ""], problem: TwoLayerProblem) -> LearningState:
        """The student that the problem begins with; `key` is not used."""
        del key
        return LearningState(problem.student, jnp.zeros(problem.train_labels.shape, jnp.int32))

    def step(
        self, key: Key[Array, ""], t: Int[Array, ""], state: LearningState, problem: TwoLayerProblem
    ) -> tuple[LearningState, Record]:
        patterns = state.order.size
        if patterns:
            first = t % (patterns // self.batch) * self.batch
            order = reshuffled(stream(key, "epoch"), first, state.order)
            chosen = jax.lax.dynamic_slice_in_dim(order, first, self.batch)
            inputs, labels = problem.train_inputs[chosen], problem.train_labels[chosen]
            return LearningState(self.rule.step(state.student, inputs, labels), order), {}
        inputs, seen = problem.law.draw(stream(key, "input"), problem.disorder, self.batch)
        labels = jax.vmap(problem.teacher)(seen)
        if problem.noise is not None:
            labels = labels + problem.noise * jax.random.normal(stream(key, "noise"), labels.shape, jnp.float32)
        return LearningState(self.rule.step(state.student, inputs, labels), state.order), {}

    def observe(self, state: LearningState, problem: TwoLayerProblem, others: Others) -> Record:
        snapshot = take_snapshot(state.student, problem)
        return self.measures.record("student", snapshot, snapshot, ())

    def step_bytes(self, problem: TwoLayerProblem) -> int:
        """Weights of student and teacher, the gradient, and the inputs."""
        students, width = problem.student.weights.shape
        return 4 * (2 * students * width + problem.teacher.weights.size + 2 * self.batch * width)

    def observe_bytes(self, problem: TwoLayerProblem, others: int) -> int:
        """Fields and their products on test and training inputs, in float64."""
        units = sum(problem.student.weights.shape[:1]) + problem.teacher.weights.shape[0]
        return 16 * units * (problem.test_inputs.shape[0] + problem.train_inputs.shape[0])
