"""From settings to the equations of narrow networks, checked."""

import math
import numbers
from typing import Any

import jax.numpy as jnp
import numpy as np

from dsm._errors import is_integer, require
from dsm.networks import make_activation
from dsm.theory.narrow._bayes import Bayes
from dsm.theory.narrow._energy import AbstractEnergy, Classification, Regression
from dsm.theory.narrow._erm import ERM
from dsm.theory.narrow._estimators import AbstractEstimator
from dsm.theory.narrow._gibbs import Gibbs
from dsm.theory.narrow._outputs import DRESSINGS, SECOND_LAYERS, Outputs
from dsm.theory.output_channels import OUTPUT_CHANNELS

TASKS = ("regression", "classification")
ESTIMATORS = ("bayes", "gibbs", "erm")
BRANCHES = ("specialised", "unspecialised", "glassy", "rotated")


def checked_estimator(
    activation: Any,
    alphas: np.ndarray,
    *,
    branch: str,
    task: Any = "regression",
    estimator: Any = "bayes",
    noise: Any = 0.0,
    beta: Any = None,
    weight_decay: Any = None,
    loss: Any = "square",
    units: Any = None,
    dressing: Any = "none",
    second_layer: Any = "balanced",
) -> AbstractEstimator:
    """The equations, or a `ConfigError` (see `narrow_network`)."""
    model = make_activation(activation)
    for key, value, legal in (
        ("task", task, TASKS),
        ("estimator", estimator, ESTIMATORS),
        ("dressing", dressing, DRESSINGS),
        ("branch", branch, BRANCHES),
        ("second_layer", second_layer, SECOND_LAYERS),
    ):
        require(value in legal, key, value, f"one of {', '.join(legal)}")
    channel = OUTPUT_CHANNELS.get(loss, "loss")()
    require(_is_number(noise) and 0 <= noise < math.inf, "noise", noise, "a finite number >= 0")
    least = 1 if dressing == "none" else 2  # terms in 1/K are of pairs of units
    legal_units = f"None or an integer >= {least}"
    require(units is None or (is_integer(units) and units >= least), "units", units, legal_units)
    if dressing == "full" and second_layer == "balanced" and units is not None:
        require(units % 2 == 0, "units", units, "even with dressing = full and second_layer = balanced")
    if task == "regression":
        require(loss == "square", "loss", loss, "square with task = regression")
    _check_estimator(estimator, task, loss, channel, beta, weight_decay, alphas, branch)
    rotated = branch == "rotated"
    if rotated:
        require(dressing == "none" or units is None, "branch", branch, "used with dressing = none")
        curved = abs(float(model.mean_curvature(jnp.ones(())))) > 1e-12
        require(curved, "branch", branch, "used with activations that have a second Hermite order, such as relu")
    if branch == "glassy":
        require(estimator == "gibbs", "branch", branch, "used with estimator = gibbs")
    outputs = Outputs(
        activation=model,
        dressing="none" if units is None else dressing,
        units=jnp.asarray(math.inf if units is None or dressing == "none" else float(units)),
        second_layer=second_layer,
        rotated=rotated,
    )
    if estimator == "erm":
        finite = bool(jnp.isfinite(model.remainder_slope(jnp.ones(()))))
        require(finite, "estimator", estimator, "bayes or gibbs with activations that jump, such as sign")
    variance = jnp.asarray(float(noise))
    energy: AbstractEnergy = Regression(variance) if task == "regression" else Classification(variance, channel)
    if estimator == "bayes":
        return Bayes(outputs, energy)
    if estimator == "gibbs":
        return Gibbs(outputs, energy, jnp.asarray(float(beta or 0)), jnp.asarray(float(weight_decay or 0)))
    return ERM(outputs, energy, jnp.asarray(float(weight_decay or 0)))


def _check_estimator(
    estimator: str, task: str, loss: str, channel: Any, beta: Any, weight_decay: Any, alphas: np.ndarray, branch: str
) -> None:
    """Refuse what an estimator does not take, and what it needs and has not."""
    if estimator == "bayes":
        require(beta is None, "beta", beta, "None with estimator = bayes, whose beta is 1/noise")
        require(weight_decay is None, "weight_decay", weight_decay, "None with estimator = bayes, whose prior is known")
        require(loss == "square", "loss", loss, "left out with estimator = bayes, which knows the likelihood")
        return
    if estimator == "gibbs":
        positive = _is_number(beta) and 0 < beta < math.inf
        require(positive, "beta", beta, "a positive finite number with estimator = gibbs; erm is its limit")
        positive = _is_number(weight_decay) and 0 < weight_decay < math.inf
        require(positive, "weight_decay", weight_decay, "a positive finite number with estimator = gibbs")
        return
    require(beta is None or beta == math.inf, "beta", beta, "None with estimator = erm")
    legal = f"one of {', '.join(name for name in OUTPUT_CHANNELS.names if _minimised(name))} with estimator = erm"
    require(_minimised(loss), "loss", loss, legal)
    number = _is_number(weight_decay) and 0 <= weight_decay < math.inf
    require(number, "weight_decay", weight_decay, "a finite number >= 0 with estimator = erm")
    if weight_decay == 0:
        unique = loss == "square" and bool(np.all(alphas > 1)) and branch == "specialised"
        legal = "positive: without it the minimum is unique only for the square loss at alpha > 1, on the specialised branch"
        require(unique, "weight_decay", weight_decay, legal)


def _minimised(loss: str) -> bool:
    """Whether the loss has a minimum to speak of: not a likelihood, and not at zero weights."""
    part: Any = OUTPUT_CHANNELS.get(loss, "loss")
    return part.minimised and not part.collapses


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
