"""Results as labelled datasets: one run, or a sweep joined along what was swept."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from dsm._errors import StoreError
from dsm.config import flatten
from dsm.store._run_directory import RunDirectory, replace_file

#: How variables of several runs are put side by side, whatever the defaults of xarray become.
CONCAT: dict[str, Any] = {
    "data_vars": "all",
    "coords": "minimal",
    "compat": "override",
    "combine_attrs": "drop_conflicts",
}


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write NetCDF4, whole or not at all.

    Raises:
        StoreError: the disk refuses.
    """
    replace_file(path, lambda temporary: dataset.to_netcdf(temporary, engine="h5netcdf"))


def load(path: str | Path) -> xr.Dataset:
    """The results of one run, in memory; its settings are attributes by dotted key.

    The attribute `complete` is 1 for a finished run and 0 for an interrupted one, whose records end at its last stop.

    Raises:
        StoreError: `path` is not a run directory, or has no results yet.
    """
    directory = RunDirectory(Path(path).expanduser().absolute())
    settings = flatten(directory.config())
    if not directory.results.exists():
        raise StoreError(f"{directory.path} has no results yet: run it to its end, or stop it with SIGTERM")
    with xr.open_dataset(directory.results, engine="h5netcdf") as stored:
        dataset = stored.load()
    dataset.attrs |= {key: str(value) for key, value in settings.items()} | {"complete": int(directory.is_done)}
    return dataset


def load_sweep(path: str | Path) -> xr.Dataset:
    """All finished runs below `path`, joined along the settings in which they differ.

    Each such setting becomes a dimension with the last part of its key as its name ("depth", "seed"; the whole key where
    that is ambiguous). `sampler.beta` joins the dimension `beta`, but for exchange, where every ladder is a setting.
    Combinations that were not run, and layers that a shallow network does not have, are NaN.

    Raises:
        StoreError: no finished run below `path`.
    """
    root = Path(path).expanduser().absolute()
    folders = sorted(done.parent for done in root.rglob("DONE"))
    if not folders:
        raise StoreError(f"no finished run below {root}")
    settings = [_settings(folder) for folder in folders]
    swept = [
        key for key in dict.fromkeys(k for s in settings for k in s) if len({str(s.get(key)) for s in settings}) > 1
    ]
    # Rows of one ladder belong together.
    by_beta = "sampler.beta" in swept and not any(s.get("sampler.exchange") for s in settings)
    names = _short_names([key for key in swept if not (by_beta and key == "sampler.beta")])
    datasets = []
    for folder in folders:
        dataset = load(folder)
        dataset.attrs = {k: v for k, v in dataset.attrs.items() if k not in swept}
        datasets.append(dataset)
    if not names:
        return _along_beta(datasets) if by_beta else datasets[0]
    rows = [tuple(s.get(key) for key in names) for s in settings]
    index = pd.MultiIndex.from_tuples(sorted(set(rows), key=str), names=list(names.values()))
    merged = []
    for row in index:
        same = [dataset for dataset, own in zip(datasets, rows, strict=True) if own == tuple(row)]
        if len(same) > 1 and not by_beta:
            raise StoreError(f"several runs below {root} have the settings {dict(zip(names, row, strict=True))}")
        merged.append(_along_beta(same) if by_beta else same[0])
    coordinates = xr.Coordinates.from_pandas_multiindex(index, "run")
    joined = xr.concat(merged, "run", join="outer", **CONCAT)
    return joined.assign_coords(coordinates).unstack("run")


def _along_beta(datasets: list[xr.Dataset]) -> xr.Dataset:
    return xr.concat(datasets, "beta", join="exact", **CONCAT).sortby("beta")


def _settings(folder: Path) -> dict[str, Any]:
    stored = RunDirectory(folder).config()
    stored.pop("run", None)
    return {key: _hashable(value) for key, value in flatten(stored).items()}


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list) else value


def _short_names(keys: list[str]) -> dict[str, str]:
    last = [key.rsplit(".", 1)[-1] for key in keys]
    taken = {"sample", "beta", "pair", "replica", "layer", "sweep", "reference", "machine", "run"}
    return {
        k: short if last.count(short) == 1 and short not in taken else k for k, short in zip(keys, last, strict=True)
    }


def describe(name: str, dims: tuple[str, ...], values: np.ndarray, long_name: str, unit: str = "1") -> dict[str, Any]:
    """One variable for `xr.Dataset`, with its attributes."""
    return {name: (dims, values, {"long_name": long_name, "units": unit})}
