"""Loss on test inputs."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("test_loss")
class TestLoss(AbstractMachineObservable):
    """Squared error, mean over test inputs and outputs; or cross entropy in nats."""

    __test__ = False  # a name for physicists, not a test class for pytest
    variables: ClassVar[dict[str, Variable]] = {
        "test_loss": Variable(
            (),
            "loss on test inputs: squared error, mean over patterns and outputs, or cross entropy in nats",
            label="test loss",
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        loss, outputs = machine.problem.loss, machine.test_outputs
        return {"test_loss": loss.recorded(loss(outputs, machine.problem.test_targets).mean(), outputs.shape[1])}
