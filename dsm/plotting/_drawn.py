"""Which quantities are drawn where, and the points of one of them."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from dsm.plotting._caption import listed
from dsm.plotting._panels import NAMED

#: Markers, in the order of the quantities; colours are matplotlib's own.
MARKERS = "os^Dv<>Pp*"


def drawn(dataset: xr.Dataset, figure: str) -> dict[str, dict[str, str]]:
    """The quantities that say they are drawn in a figure, in the order in which they were recorded: the name of the variable
    of each pair of machines."""
    found: dict[str, dict[str, str]] = {}
    for name, variable in dataset.data_vars.items():
        if figure in variable.attrs.get("figures", "").split() and f"{name}_mean" in dataset:
            found.setdefault(variable.attrs["quantity"], {})[variable.attrs["pair"]] = str(name)
    return found


def entries(dataset: xr.Dataset, name: str, apart: tuple[str, ...]) -> list[tuple[dict[str, int], str]]:
    """Places along the dimensions of a variable's mean that are not `apart`, and what they are called: a few of them, evenly
    chosen. A single one has no name."""
    dims = [str(dim) for dim in dataset[f"{name}_mean"].dims if dim not in apart]
    places = list(np.ndindex(*(dataset.sizes[dim] for dim in dims)))
    found = []
    for place in (places[index] for index in listed(places, NAMED)):
        several = [(dim, at) for dim, at in zip(dims, place, strict=True) if dataset.sizes[dim] > 1]
        words = [f"{dim} {dataset[dim].values[at] if dim in dataset.coords else at}" for dim, at in several]
        found.append((dict(zip(dims, place, strict=True)), ", ".join(words)))
    return found


def points(axes: Axes, x: np.ndarray, mean: Any, error: Any, **style: Any) -> None:
    """Points with error bars, where there are errors."""
    known = np.isfinite(np.asarray(error, float))
    bars = np.where(known, error, 0) if known.any() else None
    axes.errorbar(x, mean, bars, **{"capsize": 2, "elinewidth": 0.8, "ms": 4, **style})
