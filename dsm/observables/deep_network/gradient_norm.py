"""Norms of the gradient at single patterns."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from dsm._variables import Coordinate, Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot

#: Of the patterns; 1 is the largest, which the theorem of arXiv:1909.13458 is about.
QUANTILES = (0.5, 0.9, 0.99, 1.0)


@OBSERVABLES.register("gradient_norm")
class GradientNorm(AbstractMachineObservable):
    """|g_l(x)|, the gradient of the loss of one pattern by the fields of layer l: quantiles over the training set, or over
    the test inputs where every batch is fresh."""

    variables: ClassVar[dict[str, Variable]] = {
        "gradient_norm": Variable(
            ("layer", "quantile"),
            "norm of a pattern's gradient by the fields of a layer, |g_l(x)|",
            label="gradient of a pattern $|g_l(x)|$, quantiles over patterns",
            figures=("curve",),
        )
    }
    coordinates: ClassVar[dict[str, Coordinate]] = {
        "quantile": Coordinate(list(QUANTILES), "quantile over patterns; 1 is the largest")
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        network, problem = machine.network, machine.problem
        inputs, targets = problem.train_inputs, problem.train_targets
        if not inputs.shape[0]:
            inputs, targets = problem.test_inputs, problem.test_targets
        zeros = tuple(jnp.zeros((inputs.shape[0], width), jnp.float32) for width in network.widths[1:-1])

        def total(nudges: tuple[Array, ...]) -> Array:
            return problem.loss(network.propagate(inputs, fields=nudges)[1], targets).sum()

        norms = jnp.stack([jnp.sqrt((gradient**2).sum(1)) for gradient in jax.grad(total)(zeros)])
        return {"gradient_norm": jnp.quantile(norms, jnp.asarray(QUANTILES, jnp.float32), axis=1).T}
