"""What an observable provides.

An observable compares two machines that see the same inputs. The framework calls it for the pairs it names: teacher
and student, student and another student, a student and its own past, and, as a baseline, the teacher and an
independent machine. Conventions: l runs over 1..L, so the trivial q(0) = 1 is left out; every overlap of a machine with
itself is 1 (but the sum over all pairs of units, which is larger).
"""

import abc
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Int8

from dsm._registry import Registry
from dsm.data import Problem
from dsm.networks import SignNetwork, Wiring


class Snapshot(eqx.Module):
    """What observables may know of a machine.

    Attributes:
        weights: normalised, sum_k J_k**2 = c.
        train: spins S on the training patterns, layers 1..L.
        test: spins S on the fresh test patterns, layers 1..L.
        labels: training labels of the problem, which differ from the teacher's outputs if there is label noise.
        neighbours: the unit of the layer below that each weight reads; None if dense.
    """

    weights: Float[Array, "L N c"]
    train: Int8[Array, "L M N"]
    test: Int8[Array, "L M_test N"]
    labels: Int8[Array, "M N"]
    neighbours: Int[Array, "L N c"] | None = None


class Variable(NamedTuple):
    """Description of one recorded quantity.

    Attributes:
        long_name: in words, with the symbol.
        per_layer: True if it has the dimension `layer`.
        unit: "1" for pure numbers.
    """

    long_name: str
    per_layer: bool = True
    unit: str = "1"


class AbstractObservable(eqx.Module):
    """A quantity, or several that share work, of a pair of machines."""

    #: Pairs to record: any of "teacher", "student", "past", "baseline". The pair's name is put before that of the
    #: variable, except where only "teacher" makes sense.
    pairs: ClassVar[tuple[str, ...]] = ("teacher", "student", "past", "baseline")
    #: What it returns, by name.
    variables: ClassVar[dict[str, Variable]]

    def applies(self, wiring: Wiring) -> bool:
        """Whether the quantity has a meaning for this wiring; it is left out where it has none."""
        return True

    @abc.abstractmethod
    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        """The variables for one pair, each [L] or a scalar, float32."""


def take_snapshot(machine: SignNetwork, problem: Problem) -> Snapshot:
    """Evaluate a machine on the inputs of a problem."""
    spins = jax.vmap(lambda pattern: machine(pattern)[1:], out_axes=1)
    train, test = spins(problem.inputs), spins(problem.test_inputs)
    return Snapshot(machine.normalised_weights, train, test, problem.labels, machine.wiring.neighbours)


OBSERVABLES: Registry[AbstractObservable] = Registry("observable")
