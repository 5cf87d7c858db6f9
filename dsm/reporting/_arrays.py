"""Results as plain lists, few enough of them for one page.

Every quantity becomes one entry: its mean and error, what independent machines have, and what theory says, each with its
dimensions. The page needs no more to draw it against anything.
"""

import json
import math
import os
from typing import Any

import numpy as np
import xarray as xr

from dsm._runs import DONE
from dsm._variables import time_of
from dsm.plotting._caveats import caveats
from dsm.plotting._sampling import at_rest, burn_in
from dsm.reporting._collect import Found

#: Records that are kept of a run before a quantity is left out.
RECORDS = 24
#: Significant digits of a number on the page.
DIGITS = 4
#: Points of a scatter that are kept.
POINTS = 1500
#: What a mean, its error and a line of theory take on the page, in letters for each number.
LETTERS = 8

Json = dict[str, Any]


def arrays(found: Found, letters: float) -> Json:
    """What a page draws of a run, in at most so many letters (or with two records of one quantity).

    Records of time are thinned out evenly, and where that does not suffice quantities are left out, the largest first and
    those that have no figure of their own before the others. The page says both.
    """
    aim = letters
    while True:
        made = _thinned(found, aim)
        size = len(json.dumps(made, separators=(",", ":")))
        if size <= letters or aim < letters / 20:
            return made
        aim *= 0.9 * letters / size  # numbers have different lengths


def _thinned(found: Found, letters: float) -> Json:
    dataset = found.results
    assert dataset is not None
    time = time_of([str(dim) for dim in dataset.dims])
    names = [str(name).removesuffix("_mean") for name in dataset.data_vars if str(name).endswith("_mean")]
    names = [name for name in names if not name.startswith("baseline_")]
    names, records, left_out = _within(dataset, names, time, letters / LETTERS)
    if time is not None:
        kept = np.unique(np.linspace(0, dataset.sizes[time] - 1, min(records, dataset.sizes[time])).round().astype(int))
        thinned = dataset.isel({time: kept})
    else:
        thinned = dataset
    return {
        "time": time,
        "records": [thinned.sizes[time], dataset.sizes[time]] if time is not None else None,
        "left_out": left_out,
        "coordinates": {
            str(name): _coordinate(thinned, str(name), name in (time, *NUMBERED))
            for name in thinned.dims
            if name not in SKIPPED
        },
        "quantities": {name: _quantity(dataset, thinned, name, found.standing.state == DONE) for name in names},
        "scatter": _scatter(dataset),
        "caveats": caveats(dataset),
    }


#: Dimensions of whole numbers that are more than names of their entries.
NUMBERED = ("layer", "reference")
#: Dimensions over which means are taken already.
SKIPPED = ("sample", "replica", "machine")


def _within(
    dataset: xr.Dataset, names: list[str], time: str | None, numbers: float
) -> tuple[list[str], int, list[str]]:
    """Which quantities fit, how many of their records, and which do not."""

    def each(name: str) -> float:
        """Numbers of a quantity at one time."""
        mean = dataset[f"{name}_mean"]
        return mean.size / (dataset.sizes[time] if time is not None and time in mean.dims else 1)

    has_figure = lambda name: bool(dataset[f"{name}_mean"].attrs.get("figures"))  # noqa: E731
    kept, left_out = list(names), list[str]()
    last_first = sorted(names, key=lambda name: (has_figure(name), -each(name)))
    while True:
        records = int(numbers / (2 * sum(map(each, kept)) + 1))
        if records >= min(RECORDS, dataset.sizes[time] if time is not None else 1) or len(kept) <= 1:
            return kept, max(2, records), left_out
        gone = last_first.pop(0)
        kept.remove(gone)
        left_out.append(gone)


def _coordinate(dataset: xr.Dataset, name: str, is_numbered: bool) -> Json:
    if name not in dataset.coords:
        return {"values": list(range(dataset.sizes[name])), "name": name, "index": True}
    coordinate = dataset[name]
    values = [_value(value) for value in coordinate.values.tolist()]
    is_index = not is_numbered and coordinate.dtype.kind in "iu"
    return {"values": values, "name": coordinate.attrs.get("long_name", name), "index": is_index}


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value


def describe(name: str, mean: xr.DataArray) -> Json:
    """What the page says of a quantity; the same for all runs."""
    attributes = mean.attrs
    return {
        "name": attributes.get("long_name", name).removeprefix("mean "),
        "pair": attributes.get("pair", ""),
        "figures": attributes.get("figures", ""),
        "guess": attributes.get("guess"),
    }


def _quantity(dataset: xr.Dataset, thinned: xr.Dataset, name: str, is_done: bool) -> Json:
    mean = thinned[f"{name}_mean"]
    quantity = mean.attrs.get("quantity", name)
    theory = next((own for own in (f"theory_{name}", f"theory_{quantity}") if own in thinned), "")
    if mean.attrs.get("pair") == "past":
        theory = ""  # that is of two students, to which an overlap with one's own past decays
    parts = {
        "mean": f"{name}_mean",
        "error": f"{name}_error",
        "baseline": f"baseline_{quantity}_mean",
        "theory": theory,
    }
    told = {part: numbers(thinned[own]) for part, own in parts.items() if own in thinned}
    if theory:
        told["theory"]["about"] = _about(thinned[theory].attrs.get("long_name", ""), describe(name, mean)["name"])
    if is_done and burn_in(dataset) is not None and name in dataset and "sweep" in dataset[name].dims:
        found = at_rest(dataset, name)
        told["rest"] = {"mean": numbers(found["mean"]), "error": numbers(found["error"])}
    return told


def _about(theory: str, quantity: str) -> str:
    """What the name of a line of theory says besides the quantity."""
    if theory.startswith(f"{quantity}, "):
        return theory.removeprefix(f"{quantity}, ")
    common = os.path.commonprefix([theory, quantity])
    return theory[common.rfind(", ") + 2 :] if ", " in common else theory


def numbers(array: xr.DataArray) -> Json:
    """An array as a flat list, row after row, with its dimensions. Of what has samples (a theory of each), the mean."""
    array = array.mean([dim for dim in SKIPPED if dim in array.dims])
    values = np.asarray(array.values, float).reshape(-1)
    return {
        "dims": [str(dim) for dim in array.dims],
        "shape": list(array.shape),
        "values": [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in values.tolist()],
    }


def _scatter(dataset: xr.Dataset) -> Json | None:
    """The L shape of specialisation, at the last record: specialisation of each unit of a student against the norm of its
    fan-out, one point a unit and sample."""
    if not {"teacher_specialisation", "fan_out_norm"} <= set(dataset.data_vars):
        return None
    last = dataset.isel({"epoch": -1}).sel(inputs="test") if "inputs" in dataset.dims else dataset.isel({"epoch": -1})
    apart = [dim for dim in ("decay", "lr", "layer") if dim in last.teacher_specialisation.dims]
    groups = []
    for place in np.ndindex(*(last.sizes[dim] for dim in apart)):
        at = last.isel(dict(zip(apart, place, strict=True)))
        pair = xr.broadcast(at.fan_out_norm, at.teacher_specialisation)
        y, x = (one.values.reshape(-1) for one in pair)
        kept = np.unique(np.linspace(0, x.size - 1, min(POINTS, x.size)).round().astype(int))
        base = float(at["baseline_specialisation"].mean()) if "baseline_specialisation" in at else math.nan
        groups.append(
            {
                "at": {dim: _value(last[dim].values[row].item()) for dim, row in zip(apart, place, strict=True)},
                "x": [round(v, 3) if math.isfinite(v) else None for v in x[kept].tolist()],
                "y": [float(f"{v:.3g}") if math.isfinite(v) else None for v in y[kept].tolist()],
                "all": int(x.size),
                "baseline": base if math.isfinite(base) else None,
            }
        )
    return {
        "x": last.teacher_specialisation.attrs.get("long_name", ""),
        "y": last.fan_out_norm.attrs.get("long_name", ""),
        "dims": apart,
        "groups": groups,
    }
