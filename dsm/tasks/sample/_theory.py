"""What the replica theory says of a run of deep sign perceptrons, beside its results."""

import logging
from typing import Any

import numpy as np
import xarray as xr

from dsm import theory
from dsm.data import training_patterns
from dsm.store import describe
from dsm.tasks.sample._schema import SampleConfig
from dsm.theory import CLOSURES, WEIGHT_CHANNELS, Result

logger = logging.getLogger("dsm")

#: Branches that are followed; they are one where there is one phase.
BRANCHES = ("ordered", "disordered")
#: What is stored, and what it is called in words; those of layers first.
BY_LAYER = {
    "weight_overlap": "weight overlap Q(l)",
    "spin_overlap_train": "spin overlap q(l), training patterns",
    "spin_overlap_test": "spin overlap q(l), test patterns",
    # All units of a layer are alike in this limit: |q_i| = q.
    "gauge_invariant_overlap_train": "gauge-invariant overlap, mean of |q_i|, training patterns",
    "gauge_invariant_overlap_test": "gauge-invariant overlap, mean of |q_i|, test patterns",
}
NUMBERS = {
    "test_error": "test error, fraction of wrong outputs",
    "free_entropy": "free entropy per training label",
    "result": "dsm.theory.Result of the search; -1: there is no theory of these settings",
}


def with_theory(config: SampleConfig, dataset: xr.Dataset) -> xr.Dataset:
    """The results with the saddle points of the dense limit beside them, as `theory_...` along the dimensions `closure`,
    `branch` and `beta`.

    They are those of equilibrium on the Nishimori line, where students and teacher overlap as much as two students do. NaN
    is at other betas, and where a search has failed: the log says why.
    """
    if not config.observe.theory:
        return dataset
    why = _none(config)
    if why:
        logger.info("no theory beside the results: %s", why)
        return dataset
    try:
        arrays = _solve_all(config)
    except Exception as error:  # whatever it is, what was simulated is worth more
        logger.warning("no theory beside the results: %s: %s", type(error).__name__, error)
        return dataset
    return dataset.assign(arrays).assign_coords(closure=list(CLOSURES.names), branch=list(BRANCHES))


def _none(config: SampleConfig) -> str:
    """Why there is no theory, if there is none."""
    weights, inputs, labels = config.network.weights, config.data.inputs["name"], config.data.label_beta
    if inputs != "iid":
        return f"it is of inputs that are iid, and data.inputs.name = {inputs}"
    if weights not in WEIGHT_CHANNELS.names:
        return f"network.weights = {weights} has none"
    if labels not in config.sampler.betas or labels == 0:
        return f"it is of students at the beta of the labels, and none has beta = data.label_beta = {labels:g}"
    return ""


def _solve_all(config: SampleConfig) -> dict[str, Any]:
    """All predictions, [closure, branch, beta, ...]."""
    betas, depth = config.sampler.betas, config.network.depth
    shape = (len(CLOSURES.names), len(BRANCHES), len(betas))
    found = {name: np.full((*shape, depth), np.nan) for name in BY_LAYER}
    found |= {name: np.full(shape, -1.0 if name == "result" else np.nan) for name in NUMBERS}
    beta = betas.index(config.data.label_beta)
    for row, closure in enumerate(CLOSURES.names):
        for column, branch in enumerate(BRANCHES):
            for name, values in _solve(config, closure, branch).items():
                found[name][row, column, beta] = values
    found["result"] = found["result"].astype(np.int32)
    arrays: dict[str, Any] = {}
    for name, text in (BY_LAYER | NUMBERS).items():
        dims = ("closure", "branch", "beta", *(("layer",) if name in BY_LAYER else ()))
        arrays |= describe(
            f"theory_{name}", dims, found[name], f"{text}, replica theory of equilibrium for N >> c >> 1"
        )
    return arrays


def _solve(config: SampleConfig, closure: str, branch: str) -> dict[str, Any]:
    """One saddle point under the names of what is recorded."""
    network, data = config.network, config.data
    c = network.inputs_per_unit
    alpha = training_patterns(data.alpha, c) / c
    found = theory.deep_student_machine(network.depth, alpha, network.weights, closure, branch, beta=data.label_beta)
    if found.result != Result.converged:
        message = Result(int(found.result)).message
        logger.warning("theory, %s closure, %s branch, is left out: %s", closure, branch, message)
        return {"result": found.result}
    train = found.spin_overlap[1:].copy()
    if data.label_beta < np.inf:
        train[-1] = np.nan  # outputs are read: with noisy labels the theory does not say how well students agree
    test = found.test_spin_overlap[1:]
    return {
        "weight_overlap": found.weight_overlap,
        "spin_overlap_train": train,
        "spin_overlap_test": test,
        "gauge_invariant_overlap_train": train,
        "gauge_invariant_overlap_test": test,
        "test_error": found.test_error,
        "free_entropy": found.free_entropy,
        "result": found.result,
    }
