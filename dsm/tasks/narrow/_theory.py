"""What the replica theory says of a run of narrow networks, beside its results."""

import logging
from typing import Any

import numpy as np
import xarray as xr

from dsm import theory
from dsm.store import describe
from dsm.tasks.narrow._schema import NarrowConfig

logger = logging.getLogger("dsm")

#: Branches that are put beside the results.
BRANCHES = ("specialised", "unspecialised")
SETTINGS = ("alpha", "temperature", "weight_decay")


def with_theory(config: NarrowConfig, dataset: xr.Dataset) -> xr.Dataset:
    """The results with both branches of `dsm.theory.narrow_network` beside them, as `theory_...` of the dimension
    `branch`, where there is a theory of these settings."""
    training = config.training
    why = _none(config)
    if why:
        logger.info("no theory beside the results: %s", why)
        return dataset
    found = [
        [[_solve(config, branch, T, decay) for decay in training.weight_decays] for T in training.temperatures]
        for branch in BRANCHES
    ]
    arrays: dict[str, Any] = {}
    dressing = config.observe.dressing
    limits = "N >> K >> 1" if dressing == "none" else f"N >> K, with terms in 1/K (observe.dressing={dressing})"
    text = f"replica theory of equilibrium for {limits}"
    for name in found[0][0][0]:
        # [branch, temperature, weight_decay, alpha] -> [branch, alpha, temperature, weight_decay]
        values = np.moveaxis(np.array([[[one[name] for one in row] for row in rows] for rows in found]), -1, 1)
        told = dataset[name].attrs["long_name"] if name in dataset else name.replace("_", " ")
        arrays |= describe(f"theory_{name}", ("branch", *SETTINGS), values, f"{told}, {text}")
    return dataset.assign(arrays).assign_coords(branch=list(BRANCHES))


def _none(config: NarrowConfig) -> str:
    """Why there is no theory, if there is none."""
    training = config.training
    if training.normalise:
        return "training.normalise projects on unit norms"
    if min(training.weight_decays) == 0:
        return "training.weight_decay = 0 leaves directions undetermined"
    if training.loss == "perceptron" and min(training.temperatures) == 0:
        return "decay shrinks the minimum of the perceptron loss to zero weights"
    if config.network.units == 1 and config.observe.dressing != "none":
        return (
            f"observe.dressing = {config.observe.dressing} is of 2 units or more; none has theory of network.units = 1"
        )
    if config.network.activation["name"] == "sign":
        return "sign units do not learn"
    return ""


def _solve(config: NarrowConfig, branch: str, temperature: float, decay: float) -> dict[str, np.ndarray]:
    """Predictions along alpha, under the names of what is recorded."""
    network, data, training, dressing = config.network, config.data, config.training, config.observe.dressing
    common: dict[str, Any] = {
        "task": data.labels,
        "noise": data.noise,
        "loss": training.loss,
        "units": None if dressing == "none" else network.units,
        "dressing": dressing,
        "second_layer": network.second_layer,
        "branch": branch,
    }
    # Half a perceptron loss at beta is a whole one at beta / 2.
    factor = 0.5 if training.loss == "perceptron" else 1.0
    if temperature > 0:
        common |= {"estimator": "gibbs", "beta": factor / temperature, "weight_decay": decay / factor}
    else:
        common |= {"estimator": "erm", "weight_decay": decay}
    found = theory.narrow_network(network.function(), np.asarray(data.alphas), **common)
    failed = found.result != theory.Result.converged
    if failed.any():
        logger.warning("theory, %s branch: %s", branch, theory.Result(int(found.result[failed][0])).message)
    predicted = {"test_error": found.test_error}
    if data.labels == "regression":
        predicted |= {"train_error": found.train_error, "student_posterior_error": found.mean_error}
    for pair in ("self", "student", "teacher"):
        units, summed = getattr(found, f"{pair}_overlap"), getattr(found, f"sum_{pair}_overlap")
        off = np.zeros_like(units) if dressing == "none" else (summed - units) / network.units
        predicted |= {f"{pair}_overlap": units + off, f"{pair}_overlap_off_diagonal": off}
        predicted[f"{pair}_sum_overlap" if pair != "self" else "sum_self_overlap"] = summed
        if pair != "self":
            predicted[f"{pair}_overlap_specialised"] = units
    return predicted | {"free_entropy": found.free_entropy, "replicon": found.replicon, "residual": found.residual}
