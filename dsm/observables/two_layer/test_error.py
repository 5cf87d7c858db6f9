"""Generalisation error of two-layer networks."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dsm import theory
from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.two_layer._snapshot import OBSERVABLES, Snapshot


@OBSERVABLES.register("test_error")
class TestError(AbstractMachineObservable):
    """Half the mean squared error against the noiseless teacher: from the order parameters if fields are exactly Gaussian,
    else on the test inputs."""

    __test__ = False  # a name for physicists, not a test class for pytest
    variables: ClassVar[dict[str, Variable]] = {
        "test_error": Variable(
            (),
            "half the mean squared error on fresh inputs, against the noiseless teacher",
            label=r"test error $\epsilon$",
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        student, problem = machine.student, machine.problem
        if machine.fields is None:
            return {"test_error": theory.test_error(student.activation, machine.overlaps)}
        difference = jax.vmap(student.read)(machine.fields) - jax.vmap(problem.teacher.read)(problem.test_fields)
        return {"test_error": jnp.mean(difference.astype(jnp.float64) ** 2) / 2}
