"""Small problems of deep ReLU networks, and their forward pass in float64 NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from dsm import data
from dsm.data.datasets.gaussian import Gaussian
from dsm.data.losses.half_square import HalfSquare
from dsm.networks import DeepNetwork, make_activation

VALUES = (-0.5, -0.25, 0.0, 0.25, 0.5)
WIDTHS = (6, 4, 3, 5)


def law(widths=WIDTHS, **options) -> data.TeacherLaw:
    return data.TeacherLaw(widths, VALUES, make_activation("relu"), **options)


@eqx.filter_jit
def problem_of(widths=WIDTHS, *, loss=HalfSquare(), dataset=None, train=40, decay=1.0, **options) -> data.DeepProblem:  # noqa: B008
    """A problem without axes."""
    dataset = dataset or Gaussian(widths[0], 1.5)
    drawn = data.deep_problem(
        jax.random.key(3), law(widths, **options), [decay], dataset, loss, jnp.float32(0.1), train, 60
    )
    parts = lambda p: (p.teacher, p.stranger, p.train_targets, p.test_targets)  # noqa: E731
    return eqx.tree_at(parts, drawn, jax.tree.map(lambda leaf: leaf[0], parts(drawn)))


def by_hand(network: DeepNetwork, inputs) -> tuple[list[np.ndarray], np.ndarray]:
    """Activations and outputs in float64 numpy."""
    below, hidden = np.asarray(inputs, np.float64), []
    for layer in network.layers[:-1]:
        below = np.maximum(below @ np.asarray(layer.weights, np.float64).T + np.asarray(layer.bias, np.float64), 0)
        hidden.append(below)
    last = network.layers[-1]
    return hidden, below @ np.asarray(last.weights, np.float64).T + np.asarray(last.bias, np.float64)
