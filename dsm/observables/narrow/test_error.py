"""Error on test inputs."""

from typing import ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("test_error")
class TestError(AbstractMachineObservable):
    """Regression: E (f - f*)**2, without 1/2 and against the teacher without noise. Classification: the share of test inputs
    on which the sign of f is not that of f*. The baseline is another teacher."""

    __test__ = False  # a name for physicists, not a test class for pytest
    machines: ClassVar[tuple[str, ...]] = ("student", "baseline")
    variables: ClassVar[dict[str, Variable]] = {
        "test_error": Variable(
            (), "error on test inputs, E (f - f*)**2 or share of wrong signs", label="test error",
            figures=("error",),
        )
    }  # fmt: skip

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"test_error": machine.test_error}
