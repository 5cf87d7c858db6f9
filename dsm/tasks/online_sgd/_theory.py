"""What theory says of a run of online SGD, at the times of its records."""

import logging
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from dsm import theory
from dsm._variables import Variable
from dsm.data.laws.hidden_manifold import ManifoldLaw
from dsm.driver import Driver
from dsm.networks import make_activation
from dsm.observables.two_layer import OBSERVABLES
from dsm.store import describe
from dsm.tasks.online_sgd._schema import OnlineSGDConfig
from dsm.training import StartOverlaps

logger = logging.getLogger("dsm")

#: The order parameters, and the error that follows from them.
QUANTITIES = ("Q", "R", "v", "test_error")


def with_theory(
    config: OnlineSGDConfig, overlaps: StartOverlaps | None, driver: Driver | None, dataset: xr.Dataset
) -> xr.Dataset:
    """The results with the equations of motion beside them, where there are any for this law of inputs."""
    if not config.observe.theory:
        return dataset
    times = dataset.t.values
    if overlaps is not None:
        return dataset.assign(_equations_of_motion(config, overlaps, times))
    law = config.input_law()
    if driver is not None and isinstance(law, ManifoldLaw) and law.teacher == "latent":
        return dataset.assign(_manifold_equations(config, driver, law, times))
    return dataset


def _rates(config: OnlineSGDConfig) -> dict[str, Any]:
    training = config.training
    return {
        "lr": training.lr,
        "lr_second": training.lr_second,
        "noise": config.data.noise,
        "weight_decay": training.weight_decay,
        "batch": training.batch,
    }


def _equations_of_motion(config: OnlineSGDConfig, overlaps: StartOverlaps, times: Float[np.ndarray, " n"]) -> dict:
    Q, R, T = overlaps
    v, vt = config.second_layers()
    common: dict[str, Any] = {**_rates(config), "activation": config.network.activation}
    found = theory.online_sgd(Q, R, T, v, vt, ts=times, **common)
    arrays = _trajectory(found, ("t",))
    if "best_correlation" in config.observe.quantities:
        arrays |= _correlations(config, found, T, vt)
    if config.observe.steady_state and found.result == theory.Result.converged:
        end = theory.steady_state(found.Q[-1], found.R[-1], T, found.v[-1], vt, **common)
        where = "steady state near the last time, by root finding"
        for name in QUANTITIES:
            variable = _variable(name)
            values = getattr(end, name)
            arrays |= describe(f"steady_{name}", variable.dims, values, f"{variable.long_name}, {where}")
        arrays |= describe("steady_residual", (), end.residual, f"largest time derivative, {where}")
        arrays |= describe("steady_growth", (), end.growth, f"largest real part of the Jacobian's spectrum, {where}")
        arrays |= describe("steady_result", (), end.result, f"dsm.theory.Result, {where}")
    return arrays


def _manifold_equations(
    config: OnlineSGDConfig, driver: Driver, law: ManifoldLaw, times: Float[np.ndarray, " n"]
) -> dict:
    """Of each sample, from its own features and weights."""
    problems = driver.problems
    students, teachers = np.asarray(problems.student.weights), np.asarray(problems.teacher.weights)
    features = np.asarray(problems.disorder)
    v, vt = config.second_layers()
    solved = [
        theory.hidden_manifold_sgd(
            features[sample],
            students[sample],
            teachers[sample],
            v,
            vt,
            ts=times,
            activation=config.network.activation,
            nonlinearity=law.nonlinearity,
            **_rates(config),
        )
        for sample in range(config.data.samples)
    ]
    return _trajectory(jax.tree.map(lambda *leaves: np.stack(leaves), *solved), ("sample", "t"))


def _trajectory(found: theory.Trajectory, dims: tuple[str, ...]) -> dict:
    for result in sorted(set(np.ravel(found.result).tolist()) - {theory.Result.converged.value}):
        logger.warning("the equations of motion were not followed to the end: %s", theory.Result(result).message)
    arrays = describe("theory_result", dims[:-1], found.result, "dsm.theory.Result of the integration")
    for name in QUANTITIES:
        variable = _variable(name)
        text = f"{variable.long_name}, from the equations of motion"
        arrays |= describe(f"theory_{name}", (*dims, *variable.dims), getattr(found, name), text)
    return arrays


def _correlations(config: OnlineSGDConfig, found: theory.Trajectory, T: np.ndarray, vt: np.ndarray) -> dict:
    """The best correlation of each teacher unit, along the curve."""
    activation = make_activation(config.network.activation)

    def at(Q: Array, R: Array, v: Array) -> Array:
        return theory.unit_correlations(activation, theory.Overlaps(Q, R, jnp.asarray(T), v, jnp.asarray(vt))).max(1)

    values = jax.jit(jax.vmap(at))(*map(jnp.asarray, (found.Q, found.R, found.v)))
    variable = _variable("best_correlation")
    text = f"{variable.long_name}, from the equations of motion"
    return describe("theory_best_correlation", ("t", *variable.dims), np.asarray(values), text)


def _variable(name: str) -> Variable:
    """The description of an order parameter."""
    return OBSERVABLES.get(name)().variables[name]
