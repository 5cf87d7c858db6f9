"""Share of patterns whose class is wrong."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.data import DeepProblem
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import INPUT_SETS, OBSERVABLES, Snapshot


@OBSERVABLES.register("misclassified")
class Misclassified(AbstractMachineObservable):
    """Share of patterns on which the largest output is not that of the class."""

    variables: ClassVar[dict[str, Variable]] = {
        "misclassified": Variable(("inputs",), "share of patterns with a wrong class", label="misclassified")
    }
    coordinates: ClassVar[dict[str, Coordinate]] = INPUT_SETS

    def applies(self, problem: DeepProblem) -> bool:
        return problem.loss.classifies

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        problem = machine.problem
        test = _wrong(machine.test_outputs, problem.test_targets)
        trained = problem.train_targets.shape[0] > 0
        train = _wrong(machine.train_outputs, problem.train_targets) if trained else jnp.full_like(test, jnp.nan)
        return {"misclassified": jnp.stack([test, train])}


def _wrong(outputs: Array, classes: Array) -> Array:
    return (outputs.argmax(1).astype(jnp.int32) != classes).astype(jnp.float32).mean()
