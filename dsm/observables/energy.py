"""Training error."""

from typing import ClassVar

from jaxtyping import Array

from dsm.observables._base import OBSERVABLES, AbstractObservable, Snapshot, Variable
from dsm.observables.test_error import test_error


@OBSERVABLES.register("energy")
class Energy(AbstractObservable):
    """E/(MN), the fraction of wrong output signs on the training patterns."""

    pairs: ClassVar[tuple[str, ...]] = ("teacher",)
    variables: ClassVar[dict[str, Variable]] = {"energy": Variable("energy per pattern and output, E/(MN)", False)}

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"energy": test_error(a.train[-1], b.labels)}
