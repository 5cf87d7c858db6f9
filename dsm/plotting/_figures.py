"""The figures of a sampling run against layers and sweeps, from stored results only."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dsm.plotting._caption import entitle, label, listed, spell, wrapped
from dsm.plotting._drawn import MARKERS, drawn, entries, points
from dsm.plotting._equilibrium import equilibrium, exchange, quality
from dsm.plotting._panels import DOTS, Shades, from_zero, gather, panel_width, panels, say_upright
from dsm.plotting._sampling import PAIRS, at_rest, betas, burn_in, caption, of_theory, rest, theories

#: References whose two-time overlaps are drawn, evenly chosen.
REFERENCES = 4
#: How far points of the lowest and of the highest beta stand beside their layer.
SPREAD = 0.18


def draw_run(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw every figure that the recorded observables allow; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in (
        ("overlap_profile", overlap_profile(dataset)),
        ("learning_curves", learning_curves(dataset)),
        ("two_time_overlap", two_time_overlap(dataset)),
        ("equilibrium", equilibrium(dataset)),
        ("exchange", exchange(dataset)),
    ):
        if figure is not None:
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=DOTS)
    return files


def overlap_profile(dataset: xr.Dataset) -> Figure | None:
    """Quantities against the layer, one panel for each quantity and pair of machines, one colour a beta, and the
    baseline of independent machines and the lines of theory. Layer 0 is the input, where q = 1.

    Points are means over all records from the burn-in on, where there is one; else they are those of the last record.
    """
    quantities = drawn(dataset, "profile").values()
    shown = [(pair, names) for pair in PAIRS for names in quantities if pair in names]
    if not shown:
        return None
    rows = [sum(pair == row for pair, _ in shown) for row in PAIRS]
    figure, axes = panels(len(shown), max(rows) if 1 < max(rows) <= 5 and len(set(rows) - {0}) == 1 else None)
    shades = betas(dataset)
    for one, (pair, names) in zip(axes, shown, strict=True):
        _profile(one, dataset, names, pair, shades)
        title = label(dataset[names[pair]].attrs)
        one.set_title(wrapped(title, 0.9 * panel_width(figure, one), 8), fontsize=8)
        one.set_ylabel(f"overlap, {PAIRS[pair]}" if pair else PAIRS[pair], fontsize=8)
        from_input = one.get_xlim()[0] < 0
        one.set_xlabel("layer $l$ (0: input)" if from_input else "layer $l$", fontsize=8)
        one.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    gather(figure, axes)
    shades.scale(figure, axes)
    entitle(figure, *caption(dataset), [rest(dataset), *quality(dataset)], of_theory(dataset, axes))
    return figure


def _profile(axes: Axes, dataset: xr.Dataset, names: dict[str, str], pair: str, shades: Shades) -> None:
    name = names[pair]
    attributes, found = dataset[name].attrs, at_rest(dataset, name)
    x, from_input = dataset.layer.values, "from_input" in dataset[name].attrs["figures"].split()
    lonely: dict[str, Any] = {"marker": "_", "ms": 12} if len(x) == 1 else {}  # a line through one point draws nothing
    axes.axhline(0, color="0.85", lw=0.8, zorder=0)
    if from_input:
        axes.plot([0], [1], "k.", ms=4)
    aside = np.linspace(-SPREAD, SPREAD, dataset.sizes["beta"]) if dataset.sizes["beta"] > 1 else [0.0]
    for row, shift in enumerate(aside):
        at = found.isel(beta=row)
        style = {"color": shades[row], "fmt": "o", "ms": 4 if shades.few else 3, "label": shades.name(row)}
        points(axes, x + shift, at["mean"], at["error"], **style)
    base = f"baseline_{attributes['quantity']}"
    if f"{base}_mean" in dataset:
        dotted: dict[str, Any] = {"color": "0.4", "ls": ":", "lw": 1, "label": "baseline: independent machines"}
        points(axes, x, dataset[f"{base}_mean"], dataset[f"{base}_error"], **dotted, **lonely)
    for told, line, values in theories(dataset, attributes["quantity"]):
        for row in range(dataset.sizes["beta"]):
            line_at = values.isel(beta=row)
            if line_at.notnull().any():
                ends = ([0, *x], [1, *line_at.values]) if from_input else (x, line_at.values)
                axes.plot(ends[0], ends[1], color=_of_theory(shades, row), label=told, **(line | lonely))
    axes.set_xlim(-0.3 if from_input else 0.7, x[-1] + 0.3)
    if pair:
        axes.set_ylim(min(-0.12, axes.get_ylim()[0]), 1.05)


def _of_theory(shades: Shades, row: int) -> Any:
    """Black where there is one beta only; else the colour of the beta."""
    return "k" if len(shades.names) == 1 else shades[row]


def learning_curves(dataset: xr.Dataset) -> Figure | None:
    """Quantities that say they are drawn as curves, against sweeps: one panel each, one colour a beta, a marker an entry of
    further dimensions, with the baseline of independent machines and the lines of theory."""
    quantities = drawn(dataset, "curve").values()
    shown = [(pair, names) for names in quantities for pair in PAIRS if pair in names]
    if not shown:
        return None
    figure, axes = panels(len(shown))
    shades = betas(dataset)
    for one, (pair, names) in zip(axes, shown, strict=True):
        _curves(one, dataset, names[pair], shades)
        told = label(dataset[names[pair]].attrs) + (f", {PAIRS[pair]}" if pair else "")
        say_upright(one, told, 8)
    gather(figure, axes)
    shades.scale(figure, axes)
    entitle(figure, *caption(dataset), of_theory(dataset, axes))
    return figure


def _curves(axes: Axes, dataset: xr.Dataset, name: str, shades: Shades) -> None:
    variable, sweeps = dataset[name], dataset.sweep.values
    places = entries(dataset, name, ("beta", "sweep"))
    for mark, (place, entry) in enumerate(places):
        marker = MARKERS[mark % len(MARKERS)]
        colours = (
            [f"C{mark}"] if entry and len(shades.names) == 1 else [shades[row] for row in range(len(shades.names))]
        )
        for row, colour in enumerate(colours):
            at = dataset.isel({"beta": row, **place})
            told = None if mark or (entry and len(colours) == 1) else shades.name(row)
            style = {"color": colour, "marker": marker, "ms": 3, "lw": 0.8, "label": told}
            points(axes, sweeps, at[f"{name}_mean"], at[f"{name}_error"], **style)
        if entry:
            grey = colours[0] if len(colours) == 1 else "0.4"
            axes.plot([], [], marker, color=grey, ms=3, label=f"{variable.attrs['quantity']}: {entry}")
    for told, line, values in theories(dataset, variable.attrs["quantity"]):
        for row in range(dataset.sizes["beta"]):
            level = values.isel(beta=row)
            if level.ndim == 0 and level.notnull():
                axes.axhline(float(level), color=_of_theory(shades, row), label=told, **line)
    base = f"baseline_{variable.attrs['quantity']}_mean"
    if base in dataset and dataset[base].ndim == 0:
        axes.axhline(float(dataset[base]), color="0.4", lw=1, ls=":", label="baseline: independent machines")
    if "guess" in variable.attrs:
        axes.axhline(variable.attrs["guess"], color="0.6", lw=0.8, ls=":", label="guessing")
        axes.set_ylim(bottom=0)
    start = burn_in(dataset)
    if start is not None:
        axes.axvspan(0, start, color="0.93", lw=0, zorder=0, label="burn-in")
    axes.set_xlim(0, max(1.05 * float(sweeps[-1]), 1))
    from_zero(axes, logarithmic=len(set(np.diff(sweeps))) > 2)  # where not evenly spaced
    axes.set_xlabel("sweeps", fontsize=8)


def two_time_overlap(dataset: xr.Dataset) -> Figure | None:
    """Overlaps of students with their own past, one colour a layer, at the highest beta: one panel for each quantity and
    reference, with the baseline of independent machines of the last layer."""
    names = [pairs["past"] for pairs in drawn(dataset, "two_time").values() if "past" in pairs]
    if not names:
        return None
    at = dataset.isel(beta=-1)
    references = [int(at.reference[place]) for place in listed(at.reference.values, REFERENCES)]
    # The last record has no past but itself.
    references = [reference for reference in references if reference < int(at.sweep[-1])]
    if not references:
        return None
    figure, axes = panels(len(names) * len(references), len(references))
    shades = Shades([f"$l={layer}$" for layer in at.layer.values], "layer")
    for one, (name, reference) in zip(axes, ((n, r) for n in names for r in references), strict=True):
        curve = at.sel(reference=reference, sweep=slice(reference, None))
        for row, layer in enumerate(at.layer.values):
            own = curve.sel(layer=layer)
            style = {"color": shades[row], "marker": "o", "ms": 3, "lw": 0.8, "label": shades.name(row)}
            points(one, curve.sweep.values - reference, own[f"{name}_mean"], own[f"{name}_error"], **style)
        base = f"baseline_{dataset[name].attrs['quantity']}_mean"
        if base in dataset:
            told = "baseline: independent machines, last layer"
            one.axhline(float(dataset[base].isel(layer=-1)), color="0.4", lw=1, ls=":", label=told)
        from_zero(one)
        one.set_xlabel("$t - t_w$ (sweeps)", fontsize=8)
        one.set_ylabel(f"$C(l; t, t_w)$: {label(dataset[name].attrs)}", fontsize=8)
        one.set_title(f"$t_w={reference}$, β={spell(float(at.beta))}", fontsize=8)
    gather(figure, axes)
    shades.scale(figure, axes)
    told = "$C(l; t, t_w)$: overlap of a replica at time $t$ with itself at waiting time $t_w$, layer $l$"
    entitle(figure, *caption(dataset), [told])
    return figure
