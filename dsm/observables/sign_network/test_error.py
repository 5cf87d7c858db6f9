"""Generalisation error."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int8

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot
from dsm.observables.sign_network.energy import wrong_outputs


def test_error(output: Int8[Array, "M N"], label: Int8[Array, "M N"]) -> Float[Array, ""]:
    """eps = (1 - q(L))/2 on fresh patterns: the fraction of wrong output signs; 1/2 is guessing.

    Counted, so that it is exactly 0 for a machine without errors.
    """
    return wrong_outputs(output, label).astype(jnp.float32) / output.size


@OBSERVABLES.register("test_error")
class TestError(AbstractMachineObservable):
    """Fraction of wrong output signs on the test patterns."""

    __test__ = False  # a name for physicists, not a test class for pytest
    variables: ClassVar[dict[str, Variable]] = {
        "test_error": Variable(
            (), "test error, fraction of wrong outputs", label=r"test error $\epsilon$", figures=("curve",), guess=0.5
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        return {"test_error": test_error(machine.test[-1], machine.test_labels)}
