"""The closure of Bayes-optimal multi-layer inference."""

import jax
import jax.numpy as jnp
from jax import lax

from dsm.theory._gaussian_channel import Scalar
from dsm.theory._hidden_unit import hidden_free_entropy, hidden_unit, output_free_entropy, output_gain
from dsm.theory.closures._base import CLOSURES, AbstractClosure, Order, Response, product_gap


@CLOSURES.register("layered")
class Layered(AbstractClosure):
    """A hidden spin is the sign of its field from below, lam_l = q_{l-1} Q_l, and is seen from above through a Gaussian
    channel of strength f_l = 2 Q_{l+1} g_{l+1}: its exact one-unit measure. Information enters at the output and is
    handed down; without it (f = 0) nothing is learned below."""

    def respond(self, order: Order) -> Response:
        below = order.spin_gaps[:-1]
        gap = product_gap(below, order.weight_gap)

        def downwards(gain_above: Scalar, layer: tuple[Scalar, Scalar]) -> tuple[Scalar, tuple[Scalar, ...]]:
            own_gap, weight_gap_above = layer
            field = 2 * (1 - weight_gap_above) * gain_above
            spin_gap, gain = hidden_unit(own_gap, field)
            return gain, (field, spin_gap, gain)

        top = output_gain(gap[-1], self.label_correlation)
        _, (field, spin_gap, gain) = lax.scan(downwards, top, (gap[:-1], order.weight_gap[1:]), reverse=True)
        gain = jnp.append(gain, top)
        units = jax.vmap(hidden_free_entropy)(gap[:-1], field, spin_gap)
        return Response(
            weight_field=2 * (1 - below) * gain,
            spin_gap=spin_gap,
            free_entropy=jnp.sum(units) + output_free_entropy(gap[-1], self.label_correlation),
        )
