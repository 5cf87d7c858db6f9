"""Generalisation error."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm.observables._base import OBSERVABLES, AbstractObservable, Snapshot, Variable


def test_error(output: Int8[Array, "M N"], label: Int8[Array, "M N"]) -> Float[Array, ""]:
    """eps = (1 - q(L))/2 on fresh patterns: the fraction of wrong output signs; 1/2 is guessing.

    Counted, so that it is exactly 0 for a machine without errors.
    """
    return jnp.sum(output != label, dtype=jnp.int32).astype(jnp.float32) / output.size


@OBSERVABLES.register("test_error")
class TestError(AbstractObservable):
    """Fraction of wrong output signs on the test patterns."""

    __test__ = False  # a name for physicists, not a test class for pytest
    pairs: ClassVar[tuple[str, ...]] = ("teacher",)
    variables: ClassVar[dict[str, Variable]] = {"test_error": Variable("test error, fraction of wrong outputs", False)}

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"test_error": test_error(a.test[-1], b.test[-1])}
