"""What observables may know of a deep network, and how they lay out layers of different widths."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._registry import Registry
from dsm._variables import Coordinate
from dsm.data import DeepProblem
from dsm.networks import DeepNetwork
from dsm.observables._base import AbstractObservable

#: The dimension `inputs`: test inputs first.
INPUT_SETS = {"inputs": Coordinate(["test", "train"], "inputs on which a quantity is taken")}


class Snapshot(eqx.Module):
    """A network on the data of its problem.

    Attributes:
        network: the network.
        problem: teacher and data, with those patterns only that are looked at.
        test: activations h_l of the hidden layers on the test inputs.
        train: and on the training inputs.
        test_outputs: outputs on the test inputs.
        train_outputs: and on the training inputs.
    """

    network: DeepNetwork
    problem: DeepProblem
    test: tuple[Float[Array, "P_test _"], ...]
    train: tuple[Float[Array, "P _"], ...]
    test_outputs: Float[Array, "P_test C"]
    train_outputs: Float[Array, "P C"]


def take_snapshot(network: DeepNetwork, problem: DeepProblem, most: int | None = None) -> Snapshot:
    """Evaluate a network on the inputs of a problem, on the first `most` of each kind."""

    names = ("train_inputs", "train_targets", "test_inputs", "test_targets")
    cut = [getattr(problem, name)[:most] for name in names]
    seen = eqx.tree_at(lambda whole: [getattr(whole, name) for name in names], problem, cut)
    test, test_outputs = network.propagate(seen.test_inputs)
    train, train_outputs = network.propagate(seen.train_inputs)
    return Snapshot(network, seen, test, train, test_outputs, train_outputs)


def on_both(function: Callable[..., Array], *machines: Snapshot) -> Float[Array, "2 *shape"]:
    """`function` of the activations of the machines on test and on training inputs; NaN without a training set."""
    test = function(*(machine.test for machine in machines))
    patterns = machines[0].train[0].shape[0]
    train = function(*(machine.train for machine in machines)) if patterns else jnp.full_like(test, jnp.nan)
    return jnp.stack([test, train])


def stacked(layers: Sequence[Array]) -> Float[Array, "L *widest"]:
    """Arrays of the layers along a leading axis, padded with NaN to the widest."""
    shape = [max(sizes) for sizes in zip(*(layer.shape for layer in layers), strict=True)]

    def padded(layer: Array) -> Array:
        missing: Any = [(0, whole - size) for whole, size in zip(shape, layer.shape, strict=True)]
        return jnp.pad(layer.astype(jnp.float32), missing, constant_values=jnp.nan)

    return jnp.stack([padded(layer) for layer in layers])


OBSERVABLES: Registry[AbstractObservable] = Registry("observable of deep networks", AbstractObservable)
