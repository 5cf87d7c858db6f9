"""What the figures of a sampling run have in common: its caption, the values at rest, and the lines of theory."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from dsm.observables.statistics import jackknife
from dsm.plotting._caption import ensemble, settings, spell
from dsm.plotting._caveats import caveats
from dsm.plotting._panels import Shades

#: Pairs of machines whose overlaps are drawn, and students by themselves.
PAIRS = {"teacher": "teacher and student", "student": "student and student", "": "students"}
SETTINGS = {
    "network.width": "N",
    "network.depth": "L",
    "network.fan_in": "c",
    "data.alpha": "α",
    "sampler.beta": "β",
    "network.weights": "weights",
    "network.wiring": "wiring",
    "data.inputs.name": "inputs",
    "data.inputs.latent": "D",
    "sampler.move.name": "move",
    "sampler.move.step_std": "step",
    "sampler.start": "start",
    "sampler.exchange": "exchange every",
}
#: Line styles of the closures, in the order of their names.
LINES = ("-", "--", "-.", ":")


def caption(dataset: xr.Dataset) -> list[list[str]]:
    """The lines of a caption: settings, then how many samples."""
    told = dict(dataset.attrs)
    if told.get("network.fan_in") == "null":
        told["network.fan_in"] = told.get("network.width", "null")
    if told.get("sampler.schedule.name", "constant") == "constant":
        schedule, finite = [], told.get("data.label_beta", np.inf)
        schedule = [] if np.isinf(finite) else [f"labels at β={spell(finite)}"]
    else:
        schedule = [f"{told['sampler.schedule.name']} schedule"]
    return [[*settings(dataset.assign_attrs(told), SETTINGS), *schedule], ensemble(dataset)]


def betas(dataset: xr.Dataset) -> Shades:
    """Colours of the inverse temperatures."""
    return Shades([f"β={spell(float(beta))}" for beta in dataset.beta.values], "β")


def burn_in(dataset: xr.Dataset) -> int | None:
    """The sweep after which students are said to be in equilibrium."""
    found = dataset.attrs.get("observe.burn_in", "null")
    return None if isinstance(found, str) else int(found)


def at_rest(dataset: xr.Dataset, name: str) -> xr.Dataset:
    """`mean` and `error` of a variable without time: over replicas, samples and all records from the burn-in on; of the last
    record without one. Errors are jackknife ones over samples."""
    start = burn_in(dataset)
    if start is None:
        last = dataset.isel(sweep=-1)
        return xr.Dataset({"mean": last[f"{name}_mean"], "error": last[f"{name}_error"]})
    late = dataset[name].sel(sweep=slice(start, None))
    by_sample = late.mean([dim for dim in ("replica", "sweep") if dim in late.dims]).transpose("sample", ...)
    mean, error = jackknife(by_sample.values)
    template = by_sample.isel(sample=0, drop=True)
    return xr.Dataset({"mean": template.copy(data=mean), "error": template.copy(data=error)})


def rest(dataset: xr.Dataset) -> str:
    """In words, what `at_rest` takes."""
    start = burn_in(dataset)
    if start is None:
        return f"at sweep {int(dataset.sweep[-1])}"
    records = int((dataset.sweep >= start).sum())
    return f"means over the {records} records from sweep {start} on"


def theories(dataset: xr.Dataset, quantity: str) -> Iterator[tuple[str, dict[str, Any], xr.DataArray]]:
    """The lines of theory for a quantity: name, style and values over beta and further dimensions, for each closure and
    branch; of branches that are the same, the first."""
    name = f"theory_{quantity}"
    if name not in dataset:
        return
    for row, closure in enumerate(dataset.closure.values):
        of_closure = dataset[name].sel(closure=closure)
        for column, branch in enumerate(dataset.branch.values):
            values = of_closure.sel(branch=branch)
            again = column and np.allclose(values, of_closure.isel(branch=0), atol=1e-6, equal_nan=True)
            if again or not values.notnull().any():
                continue
            told = f"theory of equilibrium, N ≫ c ≫ 1, {closure} closure"
            style = {"ls": LINES[row % len(LINES)], "lw": 1.2 if column == 0 else 0.6}
            yield told if column == 0 else f"{told}, {branch} branch", style, values


def of_theory(dataset: xr.Dataset, axes: Iterable[Axes]) -> list[str]:
    """What must be said of the lines of theory, if these axes have any."""
    told = (name for one in axes for name in one.get_legend_handles_labels()[1])
    return caveats(dataset) if any(name.startswith("theory") for name in told) else []
