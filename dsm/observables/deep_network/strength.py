"""How strongly each hidden unit acts on the output."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from dsm._variables import Variable
from dsm.observables._base import AbstractMachineObservable
from dsm.observables.deep_network._snapshot import OBSERVABLES, Snapshot, stacked

#: Test inputs over which the mean is taken, at most.
PATTERNS = 1000


@OBSERVABLES.register("strength")
class Strength(AbstractMachineObservable):
    """sqrt(E beta_kk), beta(x) = V(x)^T V(x), V the Jacobian of the outputs by the activations of a layer: the strength of a
    unit's paths to the output (arXiv:1909.13458); the mean is over test inputs, 1000 at most. In the highest layer it is
    the norm of the fan-out."""

    machines: ClassVar[tuple[str, ...]] = ("student", "teacher")
    variables: ClassVar[dict[str, Variable]] = {
        "strength": Variable(
            ("layer", "student"),
            "strength of the paths from a unit to the output, sqrt(E beta_kk)",
            label=r"$\sqrt{E\,\beta_{kk}}$",
        )
    }

    def __call__(self, machine: Snapshot) -> dict[str, Array]:
        network, inputs = machine.network, machine.problem.test_inputs[:PATTERNS]
        zeros = tuple(jnp.zeros((inputs.shape[0], width), jnp.float32) for width in network.widths[1:-1])

        def squares(output: Int[Array, ""]) -> tuple[Float[Array, " _"], ...]:
            """Mean square of one row of the Jacobian, layer by layer."""
            rows = jax.grad(lambda nudges: network.propagate(inputs, units=nudges)[1][:, output].sum())(zeros)
            return tuple((row**2).mean(0) for row in rows)

        every = lax.map(squares, jnp.arange(network.widths[-1], dtype=jnp.int32))
        return {"strength": stacked([jnp.sqrt(square.sum(0)) for square in every])}
