"""Figures of equilibrium: averages against beta, how well they are sampled, and how the betas of a ladder change hands."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsm.observables.statistics import jackknife
from dsm.plotting._caption import entitle, label, listed, spell, wrapped
from dsm.plotting._drawn import drawn, points
from dsm.plotting._panels import Shades, gather, panel_width, panels
from dsm.plotting._sampling import PAIRS, at_rest, betas, burn_in, caption, rest, theories

#: Quantities whose sampling is drawn, those with the fewest effective draws.
ROWS = 16


def quality(dataset: xr.Dataset) -> list[str]:
    """The least effective sample size and the largest R-hat of all quantities that are drawn, as parts of a caption."""
    names = _judged(dataset)
    if not names:
        return []
    least = min((_known(dataset[f"{name}_ess"], np.min) for name in names), default=np.nan)
    most = max(_known(dataset[f"{name}_rhat"], np.max) for name in names)
    told = f"R-hat ≤ {most:.2f}" if np.isfinite(most) else "R-hat up to ∞: of chains that stand still and differ"
    return [f"effective sample size of a sample ≥ {least:.0f}", told]


def _judged(dataset: xr.Dataset) -> list[str]:
    """Quantities that are drawn somewhere and have convergence statistics that say something."""
    pairs = set(PAIRS)
    names = [
        str(name)
        for name, variable in dataset.data_vars.items()
        if variable.attrs.get("figures") and variable.attrs.get("pair") in pairs and f"{name}_ess" in dataset
    ]
    return [
        name for name in names if dataset[f"{name}_ess"].notnull().any() and dataset[f"{name}_rhat"].notnull().any()
    ]


def _known(values: xr.DataArray, what: object) -> float:
    found = values.values[~np.isnan(values.values)]
    return float(what(found)) if found.size else np.nan  # type: ignore[operator]


def equilibrium(dataset: xr.Dataset) -> Figure | None:
    """Averages from the burn-in on against beta, where there are several; and for each quantity the least effective sample
    size and the largest R-hat over samples and layers. None without a burn-in."""
    judged = _judged(dataset)
    if burn_in(dataset) is None or not judged:
        return None
    several = dataset.sizes["beta"] > 1
    names = [found[""] for found in drawn(dataset, "curve").values() if "" in found] if several else []
    names = [name for name in names if dataset[f"{name}_mean"].dims == ("beta", "sweep")]
    figure, axes = panels(len(names) + 2)
    shades = betas(dataset)
    for one, name in zip(axes, names, strict=False):
        _against_beta(one, dataset, name, 0.8 * panel_width(figure, one))
    judged = sorted(judged, key=lambda name: _known(dataset[f"{name}_ess"], np.min))[:ROWS]
    kept = int((dataset.sweep >= burn_in(dataset)).sum())
    _judge(axes[-2], dataset, judged, "ess", shades)
    axes[-2].axvline(kept * dataset.sizes["replica"], color="0.6", ls=":", lw=1, label="all records independent")
    axes[-2].set_xlim(left=0)
    axes[-2].set_xlabel("effective sample size of a sample, least", fontsize=8)
    _judge(axes[-1], dataset, judged, "rhat", shades)
    axes[-1].axvline(1.01, color="0.6", ls="--", lw=0.8, label="R-hat = 1.01")
    axes[-1].set_xlabel("R-hat, largest", fontsize=8)
    axes[-1].tick_params(labelleft=False)
    gather(figure, axes)
    shades.scale(figure, axes)
    entitle(figure, *caption(dataset), [rest(dataset), *quality(dataset)])
    return figure


def _against_beta(axes: Axes, dataset: xr.Dataset, name: str, width: float) -> None:
    attributes, found = dataset[name].attrs, at_rest(dataset, name)
    places = np.arange(dataset.sizes["beta"])
    points(axes, places, found["mean"], found["error"], fmt="o-", color="k", lw=0.6)
    for told, line, values in theories(dataset, attributes["quantity"]):
        axes.plot(places, values.values, color="C3", marker="_", ms=10, label=told, **line)
    if "guess" in attributes:
        axes.axhline(attributes["guess"], color="0.6", lw=0.8, ls=":", label="guessing")
        axes.set_ylim(bottom=0)
    _at_betas(axes, [spell(float(beta)) for beta in dataset.beta.values])
    axes.set_xlabel("β", fontsize=8)
    axes.set_ylabel(wrapped(label(attributes), width, 8), fontsize=8)


def _judge(axes: Axes, dataset: xr.Dataset, names: list[str], statistic: str, shades: Shades) -> None:
    for row in range(dataset.sizes["beta"]):
        reduce = np.min if statistic == "ess" else np.max
        values = np.asarray([_known(dataset[f"{name}_{statistic}"].isel(beta=row), reduce) for name in names])
        axes.plot(values, range(len(names)), "o", color=shades[row], ms=3, label=shades.name(row))
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            at_edge: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "clip_on": False}
            axes.plot(np.ones(infinite.size), infinite, ">", color=shades[row], ms=5, label="R-hat = ∞", **at_edge)
    told = []
    for name in names:
        pair = PAIRS[dataset[name].attrs["pair"]]
        told.append(f"{dataset[name].attrs['label'].split(' (')[0]}, {pair}")
    axes.set_yticks(range(len(names)), labels=told, fontsize=6)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", color="0.92", lw=0.6)


def _at_betas(axes: Axes, names: list[str]) -> None:
    shown = listed(names, 8)
    axes.set_xticks(shown, labels=[names[place] for place in shown], rotation=45 if len(names) > 5 else 0)


def exchange(dataset: xr.Dataset) -> Figure | None:
    """The share of swaps that are accepted, for each pair of neighbouring betas, and round trips along the ladder against
    sweeps; None without exchange."""
    if "swap_rate" not in dataset:
        return None
    figure, (rates, trips) = panels(2)
    mean, error = swap_rates(dataset)
    names = [spell(float(beta)) for beta in dataset.beta.values]
    points(rates, np.arange(mean.size), mean, error, fmt="o-", color="C0", lw=0.6)
    _at_betas(rates, [f"{a} | {b}" for a, b in zip(names, names[1:], strict=False)])
    rates.set_ylim(0, 1)
    rates.set_xlabel("neighbours on the ladder of β", fontsize=8)
    rates.set_ylabel("accepted swaps, share of attempts", fontsize=8)
    made = dataset["round_trips"].transpose(..., "sweep")
    points(
        trips, dataset.sweep.values, dataset.round_trips_mean, dataset.round_trips_error, fmt="o-", color="C0", lw=0.6
    )
    trips.set_ylim(bottom=0)
    trips.set_xlim(left=0)
    trips.set_xlabel("sweeps", fontsize=8)
    trips.set_ylabel("round trips since sweep 0, mean of ladders", fontsize=8)
    total = int(made.isel(sweep=-1).sum())
    ladders = dataset.sizes["sample"] * dataset.sizes["replica"]
    start = burn_in(dataset)
    since = "all sweeps" if start is None else f"sweeps after {start}"
    entitle(figure, *caption(dataset), [f"swaps of {since}", f"{total} round trips in {ladders} ladders"])
    return figure


def swap_rates(dataset: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Share of accepted swaps for each pair of neighbours, of sweeps after the burn-in if there is one, with its jackknife
    error over samples. Records count by the sweeps since the one before."""
    start = burn_in(dataset) or 0
    rate = dataset.swap_rate.transpose("sample", "replica", "pair", "sweep")
    sweeps = np.diff(dataset.sweep.values, prepend=0)
    weights = np.where(np.isnan(rate.values) | (dataset.sweep.values <= start), 0.0, sweeps)
    total = weights.sum(axis=(1, 3))
    done = (np.nan_to_num(rate.values) * weights).sum(axis=(1, 3))
    return jackknife(np.divide(done, total, out=np.full_like(done, np.nan), where=total > 0))
