"""Training error of two-layer networks."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Variable
from dsm.data import TwoLayerProblem
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.two_layer._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("train_error")
class TrainError(AbstractMachineObservable):
    """Half the mean squared error on a finite training set, whose labels have noise."""

    variables: ClassVar[dict[str, Variable]] = {
        "train_error": Variable(
            (), "half the mean squared error on the training set, with its noise", label="training error"
        )
    }

    def applies(self, problem: TwoLayerProblem) -> bool:
        return problem.train_labels.size > 0

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        problem = machine.problem
        difference = jax.vmap(machine.student)(problem.train_inputs) - problem.train_labels
        return {"train_error": jnp.mean(difference.astype(jnp.float64) ** 2) / 2}
