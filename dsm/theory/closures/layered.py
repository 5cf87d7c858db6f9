r"""The closure of Bayes-optimal multi-layer inference.

Where the weights are known (Q = 1) the equations of the spins, lam_l = q_{l-1} and f_l = 2 g_{l+1} = E d**2 with d the
derivative of the log likelihood of a unit's output, are the state evolution of multi-layer approximate message passing in
layers of equal width (Manoel, Krzakala, Mezard, Zdeborova, arXiv:1701.06981: its output function is d, its effective
observation of a hidden variable from above the Gaussian channel of strength f), and the terms of the spins are their free
entropy. For independent Gaussian weights it has the fixed points of the state evolution of multi-layer VAMP (Fletcher,
Rangan, Schniter, arXiv:1706.06549), and the free entropy is that of Gabrie et al. (arXiv:1805.09785), both written for
orthogonally invariant matrices. What is added here is that weights are learned: lam_l = q_{l-1} Q_l, and Q_l follows from
the Gaussian channel of a weight (`dsm.theory.weight_channels`).
"""

import jax
import jax.numpy as jnp
from jax import lax

from dsm.theory._gaussian_channel import Scalar
from dsm.theory._hidden_unit import hidden_free_entropy, hidden_unit, output_free_entropy, output_gain
from dsm.theory.closures._base import CLOSURES, AbstractClosure, Order, Response, product_gap


@CLOSURES.register("layered")
class Layered(AbstractClosure):
    """A hidden spin is the sign of its field from below, lam_l = q_{l-1} Q_l, and is observed from above through a
    Gaussian channel of strength f_l = 2 Q_{l+1} g_{l+1}: its exact one-unit measure. Information enters at the output and is
    passed downwards; without it (f = 0) nothing is learned below."""

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
