"""What observables may know of a two-layer student."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._registry import Registry
from dsm.data import TwoLayerProblem
from dsm.networks import TwoLayerNetwork
from dsm.observables._base import AbstractObservable
from dsm.theory import Overlaps


class Snapshot(eqx.Module):
    """A student on the data of its problem.

    Attributes:
        student: the network.
        problem: teacher and data.
        overlaps: of the units, a `dsm.theory.Overlaps`: `student` is Q, `cross` R, `teacher` T, `outputs` v and
            `teacher_outputs` vt.
        fields: of the student's units on the test inputs; None where the order parameters say all.
    """

    student: TwoLayerNetwork
    problem: TwoLayerProblem
    overlaps: Overlaps
    fields: Float[Array, "P_test K"] | None


def take_snapshot(student: TwoLayerNetwork, problem: TwoLayerProblem) -> Snapshot:
    """Order parameters of a student, from its weights if fields are exactly Gaussian, else from its test inputs."""
    v, vt = (network.outputs.astype(jnp.float64) for network in (student, problem.teacher))
    if problem.law.gaussian_fields:
        w, wt = (network.weights.astype(jnp.float64) for network in (student, problem.teacher))
        number, fields = w.shape[1], None
        own, seen = w.T, wt.T
    else:
        fields = jax.vmap(student.fields)(problem.test_inputs)
        own, seen = fields.astype(jnp.float64), problem.test_fields.astype(jnp.float64)
        number = own.shape[0]
    overlaps = Overlaps(own.T @ own / number, own.T @ seen / number, seen.T @ seen / number, v, vt)
    return Snapshot(student, problem, overlaps, fields)


OBSERVABLES: Registry[AbstractObservable] = Registry("observable of two-layer networks", AbstractObservable)
