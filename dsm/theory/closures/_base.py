"""What a closure provides: the fields of the two adjacent layers on a hidden spin."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from dsm._registry import Registry


class Order(eqx.Module):
    """Order parameters, kept as distances from 1 so that nearly perfect learning keeps its digits.

    Attributes:
        weight_gap: 1 - Q_l for l = 1..L.
        spin_gap: 1 - q_l for the hidden layers l = 1..L-1, on training patterns; q_0 = q_L = 1.
    """

    weight_gap: Float[Array, " L"]
    spin_gap: Float[Array, " L_less_1"]

    @property
    def spin_gaps(self) -> Float[Array, " L_plus_1"]:
        """1 - q_l for l = 0..L, boundaries included."""
        return jnp.pad(self.spin_gap, 1)


class Response(eqx.Module):
    """What the patterns do to the order parameters.

    Attributes:
        weight_field: e_l / alpha, the field on the weights of layer l.
        spin_gap: 1 - q_l of the hidden layers, after one application of the saddle-point equations.
        free_entropy: all terms of the free entropy per N M but those of the weights, stationary at the saddle point.
    """

    weight_field: Float[Array, " L"]
    spin_gap: Float[Array, " L_less_1"]
    free_entropy: Float[Array, ""]


class AbstractClosure(eqx.Module):
    """Saddle-point equations of the deep student machine in the dense limit (arXiv:2302.07419), for all layers at once.

    Attributes:
        label_correlation: mean of label times the teacher's output: 1 - 2 rho if labels are flipped with probability rho.
    """

    label_correlation: Float[Array, ""]

    @abc.abstractmethod
    def respond(self, order: Order) -> Response:
        """The fields that these order parameters cause."""


def product_gap(*gaps: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 - prod_k (1 - gap_k), without subtracting from 1."""
    total = jnp.zeros_like(gaps[0])
    for gap in gaps:
        total = total + (1 - total) * gap
    return total


CLOSURES: Registry[AbstractClosure] = Registry("closure", AbstractClosure)
