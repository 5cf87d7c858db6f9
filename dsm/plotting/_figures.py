"""The figures of a sampling run. They draw what is stored and compute nothing."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

#: Markers, in the order of the quantities; colours are matplotlib's own.
MARKERS = "os^Dv<>Pp*"
PAIRS = {"teacher": "teacher and student", "student": "student and student", "": "students"}


def drawn(dataset: xr.Dataset, figure: str) -> dict[str, dict[str, str]]:
    """The quantities that say they are drawn in a figure, in the order in which they were recorded: the name of the variable
    of each pair of machines."""
    found: dict[str, dict[str, str]] = {}
    for name, variable in dataset.data_vars.items():
        if figure in variable.attrs.get("figures", "").split() and f"{name}_mean" in dataset:
            found.setdefault(variable.attrs["quantity"], {})[variable.attrs["pair"]] = str(name)
    return found


def draw_run(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw every figure that the recorded observables allow; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in (
        ("overlap_profile", overlap_profile(dataset)),
        ("learning_curves", learning_curves(dataset)),
        ("two_time_overlap", two_time_overlap(dataset)),
    ):
        if figure is not None:
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=150)
    return files


def _title(dataset: xr.Dataset) -> str:
    sizes = dataset.sizes
    return f"{sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors over samples"


def _beta(value: float) -> str:
    return r"$\beta=\infty$" if np.isinf(value) else rf"$\beta={value:g}$"


def _points(axes: Axes, x: np.ndarray, dataset: xr.Dataset, name: str, **style: object) -> None:
    axes.errorbar(x, dataset[f"{name}_mean"], dataset[f"{name}_error"], capsize=2, **style)  # type: ignore[arg-type]


def overlap_profile(dataset: xr.Dataset) -> Figure | None:
    """Quantities against the layer at the last recorded sweep: one panel a pair, one row a beta, with the baseline of
    independent machines dashed. Layer 0 is the input, where q = 1."""
    quantities = drawn(dataset, "profile")
    pairs = [pair for pair in PAIRS if any(pair in names for names in quantities.values())]
    if not pairs:
        return None
    rows, last = dataset.sizes["beta"], dataset.isel(sweep=-1)
    figure = Figure(figsize=(5.2 * len(pairs), 0.8 + 3.6 * rows), layout="constrained")
    grid = figure.subplots(rows, len(pairs), squeeze=False, sharex=True, sharey=True)
    based = False
    for row, beta in enumerate(dataset.beta.values):
        for column, pair in enumerate(pairs):
            axes, at = grid[row][column], last.isel(beta=row)
            for place, names in enumerate(quantities.values()):
                if pair not in names:
                    continue
                name, colour, x = names[pair], f"C{place % 10}", at.layer.values
                label = dataset[name].attrs["label"]
                _points(axes, x, at, name, color=colour, marker=MARKERS[place % len(MARKERS)], ms=5, label=label)
                # Where independent machines have something in common, it is shown; a mean of signs is zero.
                baseline = at.get(f"{names['baseline']}_mean") if "baseline" in names else None
                if baseline is not None and float(abs(baseline).max()) > 0.1:
                    axes.plot(x, baseline, color=colour, ls="--", lw=1, alpha=0.6)
                    based = True
                if "from_input" in dataset[name].attrs["figures"].split():
                    axes.plot([0, x[0]], [1, at[f"{name}_mean"].values[0]], color=colour, lw=0.8, ls=":")
            axes.axhline(0, color="0.8", lw=0.8, zorder=0)
            axes.set_title(f"{PAIRS[pair]}, {_beta(beta)}", fontsize=10)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            if pair:  # overlaps
                axes.set_ylim(-0.12, 1.05)
            if row == rows - 1:
                axes.set_xlabel("layer $l$ (0: input)")
            if column == 0:
                axes.set_ylabel("overlap")
    handles, labels = grid[0][0].get_legend_handles_labels()
    if based:
        handles.append(grid[0][0].plot([], [], "--", color="0.4", lw=1)[0])
        labels.append("same colour, dashed: independent machines")
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    figure.suptitle(f"sweep {int(last.sweep)}, {_title(dataset)}", fontsize=9)
    return figure


def learning_curves(dataset: xr.Dataset) -> Figure | None:
    """Quantities of students against sweeps, one panel each and one colour a beta; one curve an entry of further
    dimensions."""
    shown = {names[""]: dataset[names[""]] for names in drawn(dataset, "curve").values() if "" in names}
    if not shown:
        return None
    figure = Figure(figsize=(5.2 * len(shown), 3.8), layout="constrained")
    for axes, (name, variable) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        further = [dim for dim in dataset[f"{name}_mean"].dims if dim not in ("beta", "sweep")]
        for row, beta in enumerate(dataset.beta.values):
            at = dataset[[f"{name}_mean", f"{name}_error"]].isel(beta=row)
            for entry, place in enumerate(np.ndindex(*(at.sizes[dim] for dim in further))):
                style = {"color": f"C{row}", "marker": MARKERS[entry % len(MARKERS)], "ms": 3}
                where = at.isel(dict(zip(further, place, strict=True)))
                _points(axes, dataset.sweep.values, where, name, label=None if entry else _beta(beta), **style)
        if "guess" in variable.attrs:
            axes.axhline(variable.attrs["guess"], color="0.6", lw=0.8, ls=":", label="guessing")
            axes.set_ylim(bottom=0)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
        axes.set_xlabel("sweeps")
        axes.set_ylabel(variable.attrs["label"])
        axes.legend(fontsize=8)
    figure.suptitle(_title(dataset), fontsize=9)
    return figure


def two_time_overlap(dataset: xr.Dataset) -> Figure | None:
    """Overlaps of students with their own past, by layer, at the highest beta: one row a quantity, one panel a reference."""
    names = [pairs["past"] for pairs in drawn(dataset, "two_time").values() if "past" in pairs]
    if not names:
        return None
    at = dataset.isel(beta=-1)
    size = (5.2 * at.sizes["reference"], 3.8 * len(names))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(names), at.sizes["reference"], squeeze=False, sharey="row")
    for panels, name in zip(grid, names, strict=True):
        for axes, reference in zip(panels, at.reference.values, strict=True):
            curve = at.sel(reference=reference, sweep=slice(int(reference), None))
            for layer in at.layer.values:
                shade = {"color": f"C{(layer - 1) % 10}", "marker": "o", "ms": 3, "label": f"$l={layer}$"}
                _points(axes, curve.sweep.values - reference, curve.sel(layer=layer), name, **shade)
            axes.set_xscale("symlog", linthresh=1)
            axes.set_xlabel("$t - t_w$ (sweeps)")
            axes.set_ylabel(f"$C(l; t, t_w)$: {dataset[name].attrs['label']}")
            axes.set_title(f"$t_w={reference}$, {_beta(float(at.beta))}", fontsize=10)
            axes.legend(fontsize=8)
    figure.suptitle(_title(dataset), fontsize=9)
    return figure
