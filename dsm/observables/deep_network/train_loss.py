"""Loss on the training set."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.data import DeepProblem
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("train_loss")
class TrainLoss(AbstractMachineObservable):
    """Squared error, mean over training patterns and outputs; or cross entropy in nats."""

    variables: ClassVar[dict[str, Variable]] = {
        "train_loss": Variable(
            (),
            "loss on the training set: squared error, mean over patterns and outputs, or cross entropy in nats",
            label="training loss",
        )
    }

    def applies(self, problem: DeepProblem) -> bool:
        return problem.train_inputs.size > 0

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        loss, outputs = machine.problem.loss, machine.train_outputs
        return {"train_loss": loss.recorded(loss(outputs, machine.problem.train_targets).mean(), outputs.shape[1])}
