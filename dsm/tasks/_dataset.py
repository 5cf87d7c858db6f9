"""From records to a labelled dataset, for any system."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from dsm._variables import Coordinate, Variable
from dsm.driver import Driver
from dsm.observables.statistics import effective_sample_size, jackknife, r_hat

logger = logging.getLogger("dsm")

#: Axes of one disorder sample, over which means are taken before samples are compared.
WITHIN = ("replica", "machine")


def dataset_of(
    driver: Driver,
    time: str,
    coordinates: Mapping[str, Coordinate],
    records: Mapping[str, np.ndarray],
    order: tuple[Any, ...],
) -> xr.Dataset:
    """What was recorded of an ensemble, with the descriptions of its system.

    Quantities of a chain's past are NaN before the reference time is reached. One that is not dsm's own, and NaN in all
    records after the first, is named in the log.

    Arguments:
        driver: of the ensemble.
        time: name of the dimension of time.
        coordinates: of time, of the driver's axes, and of whatever dimensions need more than numbers.
        records: by name, [time, *axes, ...].
        order: of dimensions in the result; those that are not named stand where "..." is.
    """
    axes = tuple(axis.name for axis in driver.axes)
    described = driver.system.variables
    arrays = {
        name: ((time, *axes, *described[name].dims), values, described[name].attributes(name))
        for name in described
        if (values := records.get(name)) is not None
    }
    for key, (_, values, _) in arrays.items():
        if not described[key].own and values[1:].size and np.isnan(values[1:]).all():
            logger.warning("%s is NaN in all records after the first", key)
    dataset = xr.Dataset(arrays, as_coordinates({**driver.system.coordinates, **coordinates}))
    dataset = dataset.transpose(*order, missing_dims="ignore")
    if "reference" in dataset.dims:
        reached = dataset[time] >= dataset.reference
        for name, variable in dataset.data_vars.items():
            if "reference" in variable.dims:
                dataset[name] = variable.where(reached).assign_attrs(variable.attrs)
    return dataset


def as_coordinates(coordinates: Mapping[str, Coordinate]) -> dict[str, tuple]:
    """Coordinates for `xr.Dataset`."""
    return {
        name: (name, np.asarray(given.values), {"long_name": given.long_name, "units": given.unit})
        for name, given in coordinates.items()
    }


def constants_of(
    variables: Mapping[str, Variable], values: Mapping[str, np.ndarray], axes: tuple[str, ...]
) -> dict[str, tuple]:
    """What was observed once for each entry of the axes, for `xr.Dataset`."""
    return {
        name: ((*axes, *variables[name].dims), array, variables[name].attributes(name))
        for name, array in values.items()
    }


def averages(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    """`v_mean` and `v_error` of every variable v that has samples: the mean over replicas and samples, and its jackknife
    standard error over samples (NaN with one sample)."""
    found = {}
    for name, variable in dataset.data_vars.items():
        if "sample" not in variable.dims:
            continue
        # One replica that diverged is not left out: the mean of the others would look as if it had recovered.
        by_sample = variable.mean([dim for dim in WITHIN if dim in variable.dims], skipna=False)
        mean, error = jackknife(by_sample.values, by_sample.get_axis_num("sample"))
        template = by_sample.isel(sample=0, drop=True)
        text, unit = variable.attrs["long_name"], variable.attrs["units"]
        for suffix, values, prefix in (("mean", mean, "mean"), ("error", error, "jackknife error of mean")):
            found[f"{name}_{suffix}"] = template.copy(data=values).assign_attrs(
                long_name=f"{prefix} {text}", units=unit
            )
    return found


def convergence(dataset: xr.Dataset, time: str, burn_in: int) -> dict[str, xr.DataArray]:
    """`v_ess` and `v_rhat` of the records after `burn_in`, over replicas as chains.

    Of a quantity of neighbouring replicas only disjoint pairs count, (0, 1), (2, 3), ...: others share a student.
    """
    kept = dataset.sel({time: slice(burn_in, None)})
    found = {}
    for name, variable in kept.data_vars.items():
        if not {"replica", time} <= set(variable.dims) or "reference" in variable.dims or not variable.attrs["draws"]:
            continue
        if variable.attrs["draws"] == "pair":
            variable = variable.isel(replica=slice(0, 2 * (variable.sizes["replica"] // 2), 2))
            if not variable.sizes["replica"]:
                continue
        for suffix, statistic, text in (
            ("ess", effective_sample_size, "effective sample size"),
            ("rhat", r_hat, "R-hat"),
        ):
            found[f"{name}_{suffix}"] = xr.apply_ufunc(
                statistic, variable, input_core_dims=[["replica", time]], vectorize=True
            ).assign_attrs(long_name=f"{text} of {variable.attrs['long_name']}", units="1")
    return found
