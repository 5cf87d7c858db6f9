"""Error of the posterior mean."""

from typing import Any, ClassVar

from jaxtyping import Array

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.narrow._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("posterior_error")
class PosteriorError(AbstractPairObservable):
    """E (f_a - f*)(f_b - f*) over test inputs, of two independent students of the same data: an estimate without bias of the
    squared error of the posterior mean. Regression only."""

    variables: ClassVar[dict[str, Variable]] = {
        "posterior_error": Variable(
            (), "error of the posterior mean on test inputs, E (f_a - f*)(f_b - f*)", label="posterior mean",
            figures=("error",),
        )
    }  # fmt: skip
    pairs: ClassVar[tuple[str, ...]] = ("student",)

    def applies(self, problem: Any) -> bool:
        return not problem.classifies

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"posterior_error": ((a.test_outputs - a.test_targets) * (b.test_outputs - a.test_targets)).mean()}
