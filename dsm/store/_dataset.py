"""Results as labelled datasets: one run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dsm._errors import StoreError
from dsm._runs import find_runs
from dsm.config import flatten
from dsm.store._run_directory import RunDirectory, replace_file


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write NetCDF4, whole or not at all.

    Raises:
        StoreError: the disk refuses.
    """
    # In memory first: a file that HDF5 cannot write crashes the process when it is closed.
    content = dataset.to_netcdf(engine="h5netcdf")
    replace_file(path, lambda temporary: temporary.write_bytes(content))


def load(path: str | Path) -> xr.Dataset:
    """The results of one run, in memory; its settings are attributes by dotted key.

    Settings keep their types: whole numbers, numbers, text and lists. As NetCDF has no other kinds, true and false are 1
    and 0, null is the text "null", and a list of mixed kinds is text. The attribute `complete` is 1 for a finished run and
    0 for an interrupted one, whose records end at its last stop.

    Raises:
        StoreError: `path` is not a run directory, has no results yet, or cannot be read.
    """
    return load_some(path, lambda name, variable: True)


def load_some(path: str | Path, wanted: Callable[[str, xr.DataArray], bool]) -> xr.Dataset:
    """Those variables of a run that are `wanted`, by name and by what is described of them; else as `load`.

    Raises:
        StoreError: as `load`.
    """
    directory = RunDirectory(Path(path).expanduser().absolute())
    if not (directory.path / "config.yaml").exists() and set(find_runs(directory.path)) - {directory.path}:
        raise StoreError(f"{directory.path} is not a run directory: it has runs below it, which dsm.load_sweep joins")
    directory.config()  # first of all: is it a run?
    if not directory.results.exists():
        raise StoreError(f"{directory.path} has no results yet: run it to its end, or stop it with SIGTERM")
    try:
        with xr.open_dataset(directory.results, engine="h5netcdf") as stored:
            dataset = stored[[name for name in stored.data_vars if wanted(str(name), stored[name])]].load()
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # h5py has all of them for damaged files
        raise StoreError(f"cannot read {directory.results}: {error}") from error
    return dataset.assign_attrs(attributes(directory))


def attributes(directory: RunDirectory) -> dict[str, Any]:
    """The settings of a run by dotted key, and `complete`, as `load` gives them to its results."""
    settings = flatten(directory.config())
    return {key: _attribute(value) for key, value in settings.items()} | {"complete": int(directory.is_done)}


def _attribute(value: Any) -> Any:
    """A setting as an attribute that NetCDF can hold."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        kinds = {type(entry) for entry in value}
        return value if kinds <= {int, float} or kinds == {str} else str(value)
    return "null" if value is None else value


def describe(name: str, dims: tuple[str, ...], values: np.ndarray, long_name: str, unit: str = "1") -> dict[str, Any]:
    """One variable for `xr.Dataset`, with its attributes."""
    return {name: (dims, values, {"long_name": long_name, "units": unit})}
