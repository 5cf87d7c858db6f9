"""Small problems of narrow networks, and their outputs and energy in float64 NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erf, log_ndtr

from dsm.data import OUTPUT_LOSSES, NarrowLaw, narrow_problem
from dsm.networks import ACTIVATIONS

#: A run of a second.
SMALL = ("task=narrow", "network.width=6", "network.units=2", "data.alpha=1.5", "data.samples=2", "data.test_patterns=20",
         "training.steps=8", "observe.theory=false", "run.progress=none", "run.figures=false")  # fmt: skip


def problem_of(
    activation="erf", second_layer="equal", mean=False, inputs=6, units=4, alpha=1.5, loss="square", classifies=False,
    temperature=0.1, decay=0.05, lr=0.1, noise=0.01, teacher="normal", seed=0,
):  # fmt: skip
    """One chain's problem."""
    law = NarrowLaw(inputs, units, ACTIVATIONS.get(activation)(), second_layer, mean, teacher)

    @jax.jit
    def draw(key):
        return narrow_problem(key, law, (alpha / 2, alpha), noise, OUTPUT_LOSSES.get(loss)(), 30, classifies)

    drawn = draw(jax.random.key(seed))
    numbers = {"temperature": temperature, "weight_decay": decay, "lr": lr}
    return dataclasses.replace(
        drawn, train_labels=drawn.train_labels[1], shown=drawn.shown[1],
        **{name: jnp.float32(value) for name, value in numbers.items()},
    )  # fmt: skip


def outputs_by_hand(problem, weights, inputs) -> np.ndarray:
    """f in float64 numpy, without the subtraction of a mean."""
    name = type(problem.teacher.activation).__name__
    function = {
        "Erf": lambda x: erf(x / 2**0.5), "ReLU": lambda x: np.maximum(x, 0), "Tanh": np.tanh, "Square": np.square,
        "GELU": lambda x: x * (1 + erf(x / 2**0.5)) / 2, "Linear": lambda x: x,
    }[name]  # fmt: skip
    units, width = weights.shape
    total = np.zeros(len(inputs))
    for k in range(units):
        sign = -1 if problem.teacher.second_layer == "balanced" and k >= units // 2 else 1
        total += sign * function(np.asarray(inputs, np.float64) @ weights[k] / width**0.5)
    return total / units**0.5


def energy_by_hand(problem, weights, loss: str) -> float:
    shown = np.asarray(problem.shown)
    outputs = outputs_by_hand(problem, weights, np.asarray(problem.train_inputs)[shown])
    if problem.teacher.mean_subtraction:
        outputs = outputs - outputs.mean()
    labels, temperature = np.asarray(problem.train_labels, np.float64)[shown], float(problem.temperature)
    margin = labels * outputs
    losses = {
        "square": (labels - outputs) ** 2 / 2,
        "logistic": np.log1p(np.exp(-margin)),
        "hinge": np.maximum(1 - margin, 0),
        "perceptron": np.maximum(-margin, 0) / 2,
        "probit": -temperature * log_ndtr(margin / temperature**0.5),
    }[loss]
    return losses.sum() + float(problem.weight_decay) / 2 * (weights**2).sum()
