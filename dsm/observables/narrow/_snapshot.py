"""What observables may know of a narrow network."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._registry import Registry
from dsm.data import NarrowProblem
from dsm.networks import NarrowNetwork, products_of, sign_pm
from dsm.observables._base import AbstractObservable


class Snapshot(eqx.Module):
    """A network on the data of its problem. The problem itself is the same for all that are compared.

    Attributes:
        network: the network.
        energy: E of the problem at its weights.
        test_outputs: outputs on the test inputs.
        test_targets: those of the teacher.
        test_error: of the network: see `observables.narrow.test_error`.
        train_error: see `observables.narrow.train_error`.
    """

    network: NarrowNetwork
    energy: Float[Array, ""]
    test_outputs: Float[Array, " P_test"]
    test_targets: Float[Array, " P_test"]
    test_error: Float[Array, ""]
    train_error: Float[Array, ""]

    @property
    def signed_weights(self) -> Float[Array, "K N"]:
        """a_k w_k."""
        return self.network.signs[:, None] * self.network.weights

    @property
    def sum_mode(self) -> Float[Array, " N"]:
        """v = K**-1/2 sum_k a_k w_k."""
        return self.signed_weights.sum(0) * self.network.weights.shape[0] ** -0.5


def take_snapshot(network: NarrowNetwork, problem: NarrowProblem) -> Snapshot:
    """Evaluate a network on the inputs of a problem."""
    products = products_of(network.weights, problem.train_inputs, problem.train_columns)
    tested, trained = network(problem.test_inputs), network.outputs(products, problem.shown)

    def errors(outputs: Array, targets: Array) -> Array:
        if problem.classifies:
            return (sign_pm(outputs) != sign_pm(targets)).astype(jnp.float32)
        return (outputs - targets) ** 2

    learnt = problem.shown.astype(jnp.float32)
    losses = learnt * problem.loss(trained, problem.train_labels, problem.temperature)
    return Snapshot(
        network,
        losses.sum() + problem.weight_decay / 2 * (network.weights**2).sum(),
        tested,
        problem.test_targets,
        errors(tested, problem.test_targets).mean(),
        (learnt * errors(trained, problem.train_labels)).sum() / learnt.sum(),
    )


OBSERVABLES: Registry[AbstractObservable] = Registry("observable of narrow networks", AbstractObservable)
