"""The closure of the replica theory of the deep student machine."""

import jax
import jax.numpy as jnp

from dsm.theory._gaussian_channel import unbiased_free_entropy, unbiased_gap
from dsm.theory._hidden_unit import output_free_entropy, output_gain
from dsm.theory.closures._base import CLOSURES, AbstractClosure, Order, Response, product_gap


@CLOSURES.register("yoshino")
class Yoshino(AbstractClosure):
    """Layers interact through lam_l = q_{l-1} Q_l q_l, a hidden spin is a free sign in the fields of both its layers
    (arXiv:1910.09918, arXiv:2302.07419). The two boundaries are equivalent."""

    def respond(self, order: Order) -> Response:
        below, above = order.spin_gaps[:-1], order.spin_gaps[1:]
        gap = product_gap(below, order.weight_gap, above)
        correlation = jnp.ones_like(gap).at[-1].set(self.label_correlation)
        gain = jax.vmap(output_gain)(gap, correlation)
        overlap = 1 - order.weight_gap
        field = 2 * ((overlap * (1 - below) * gain)[:-1] + (overlap * (1 - above) * gain)[1:])
        # ln 2: spins are counted, not averaged, over their two values.
        spins = jax.vmap(unbiased_free_entropy)(field) + jnp.log(2.0)
        return Response(
            weight_field=2 * (1 - below) * (1 - above) * gain,
            spin_gap=jax.vmap(unbiased_gap)(field),
            free_entropy=jnp.sum(jax.vmap(output_free_entropy)(gap, correlation)) + jnp.sum(spins),
        )
