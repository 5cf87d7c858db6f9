"""Weight overlaps that do not see the sign gauge."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._variables import Variable
from dsm.observables._base import AbstractPairObservable
from dsm.observables.sign_network._snapshot import OBSERVABLES, Snapshot
from dsm.observables.sign_network.spin_overlap import unit_overlaps


def gauge_invariant_weight_overlap(a: Snapshot, b: Snapshot) -> Float[Array, " L"]:
    """Mean over units i and inputs k of q_i J_a[i, k] J_b[i, k] q_k, with q the overlaps of the two units on training
    patterns, and q = 1 where a sign is fixed: at the inputs and at the outputs.

    Turning the sign of a hidden unit, with the weights into and out of it, changes nothing. In the dense limit all units
    of a layer have the same |q_i| and this is q_{l-1} Q_l q_l, with q_L = 1.
    """
    units = unit_overlaps(a.train, b.train)
    fixed = jnp.ones_like(units[:1])
    above = jnp.concatenate([units[:-1], fixed])
    below = jnp.concatenate([fixed, units[:-1]])
    if a.neighbours is None:
        read = below[:, None, :]
    else:
        read = jnp.take_along_axis(below[:, None, :], a.neighbours, axis=-1)
    return jnp.mean(above[:, :, None] * a.weights * b.weights * read, axis=(-2, -1))


@OBSERVABLES.register("gauge_invariant_weight_overlap")
class GaugeInvariantWeightOverlap(AbstractPairObservable):
    """q_{l-1} Q_l q_l by layer, gauge-invariant."""

    variables: ClassVar[dict[str, Variable]] = {
        "gauge_invariant_weight_overlap": Variable(
            ("layer",), "gauge-invariant weight overlap, mean of q_i J J q_k, training patterns"
        )
    }

    def __call__(self, a: Snapshot, b: Snapshot) -> dict[str, Array]:
        return {"gauge_invariant_weight_overlap": gauge_invariant_weight_overlap(a, b)}
