"""What observables may know of a sign network."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Int8

from dsm._registry import Registry
from dsm.data import Problem
from dsm.networks import SignNetwork
from dsm.observables._base import AbstractObservable


class Snapshot(eqx.Module):
    """A machine on the data of its problem.

    Attributes:
        weights: normalised, sum_k J_k**2 = c.
        train: spins S on the training patterns, layers 1..L; 0 on patterns that are none, whose labels are 0
            (`dsm.data.first_patterns`).
        test: spins S on the fresh test patterns, layers 1..L.
        labels: training labels, which differ from the teacher's outputs if there is label noise.
        test_labels: the teacher's outputs on the test patterns.
        neighbours: the unit of the layer below that each weight reads; None if dense.
    """

    weights: Float[Array, "L N c"]
    train: Int8[Array, "L M N"]
    test: Int8[Array, "L M_test N"]
    labels: Int8[Array, "M N"]
    test_labels: Int8[Array, "M_test N"]
    neighbours: Int[Array, "L N c"] | None = None


def take_snapshot(machine: SignNetwork, problem: Problem) -> Snapshot:
    """Evaluate a machine on the inputs of a problem."""
    spins = jax.vmap(lambda pattern: machine(pattern)[1:], out_axes=1)
    train, test = spins(problem.inputs), spins(problem.test_inputs)
    train = jnp.where(problem.labels[None, :, :1] == 0, 0, train)
    return Snapshot(
        machine.normalised_weights, train, test, problem.labels, problem.test_labels, machine.wiring.neighbours
    )


OBSERVABLES: Registry[AbstractObservable] = Registry("observable of sign networks", AbstractObservable)
