"""The figures of a sampling run. They draw what is stored and compute nothing."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

#: One colour and marker a quantity, the same in every figure.
STYLES = {
    "weight_overlap": ("C0", "o", r"$Q(l)$ weights"),
    "spin_overlap_train": ("C1", "s", r"$q(l)$ train"),
    "spin_overlap_test": ("C2", "^", r"$q(l)$ test"),
    "abs_spin_overlap_test": ("C3", "D", r"$\langle|q_i|\rangle$ test (gauge-invariant)"),
    "matched_overlap": ("C4", "v", r"matched $|q_{ij}|$ test (gauge- and permutation-invariant)"),
}
PAIRS = {"teacher": "teacher and student", "student": "student and student"}


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
    """Overlaps against the layer at the last recorded sweep: one panel a pair, one row a beta, with the baseline of
    independent machines dashed. Layer 0 is the input, where q = 1."""
    pairs = [pair for pair in PAIRS if any(f"{pair}_{name}_mean" in dataset for name in STYLES)]
    if not pairs:
        return None
    rows, last = dataset.sizes["beta"], dataset.isel(sweep=-1)
    figure = Figure(figsize=(5.2 * len(pairs), 0.8 + 3.6 * rows), layout="constrained")
    grid = figure.subplots(rows, len(pairs), squeeze=False, sharex=True, sharey=True)
    for row, beta in enumerate(dataset.beta.values):
        for column, pair in enumerate(pairs):
            axes, at = grid[row][column], last.isel(beta=row)
            for name, (colour, marker, label) in STYLES.items():
                if f"{pair}_{name}_mean" not in dataset:
                    continue
                x, dashed = at.layer.values, {"color": colour, "ls": "--", "lw": 1, "alpha": 0.6}
                _points(axes, x, at, f"{pair}_{name}", color=colour, marker=marker, ms=5, label=label)
                if f"baseline_{name}_mean" in dataset and name in ("abs_spin_overlap_test", "matched_overlap"):
                    axes.plot(x, at[f"baseline_{name}_mean"], **dashed)
                if name.startswith("spin"):
                    axes.plot([0, x[0]], [1, at[f"{pair}_{name}_mean"].values[0]], color=colour, lw=0.8, ls=":")
            axes.axhline(0, color="0.8", lw=0.8, zorder=0)
            axes.set_title(f"{PAIRS[pair]}, {_beta(beta)}", fontsize=10)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_ylim(-0.12, 1.05)
            if row == rows - 1:
                axes.set_xlabel("layer $l$ (0: input)")
            if column == 0:
                axes.set_ylabel("overlap")
    handles, labels = grid[0][0].get_legend_handles_labels()
    if any(f"baseline_{name}_mean" in dataset for name in ("abs_spin_overlap_test", "matched_overlap")):
        handles.append(grid[0][0].plot([], [], "--", color="0.4", lw=1)[0])
        labels.append("same colour, dashed: independent machines")
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8)
    figure.suptitle(f"sweep {int(last.sweep)}, {_title(dataset)}", fontsize=9)
    return figure


def learning_curves(dataset: xr.Dataset) -> Figure | None:
    """Energy and test error against sweeps, one colour a beta."""
    shown = {"energy": "energy per pattern and output $E/(MN)$", "test_error": r"test error $\epsilon$"}
    shown = {name: label for name, label in shown.items() if f"{name}_mean" in dataset}
    if not shown:
        return None
    figure = Figure(figsize=(5.2 * len(shown), 3.8), layout="constrained")
    for axes, (name, label) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        for row, beta in enumerate(dataset.beta.values):
            _points(
                axes,
                dataset.sweep.values,
                dataset.isel(beta=row),
                name,
                color=f"C{row}",
                marker="o",
                ms=3,
                label=_beta(beta),
            )
        axes.axhline(0.5, color="0.6", lw=0.8, ls=":", label="guessing")
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
        axes.set_xlabel("sweeps")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=8)
    figure.suptitle(_title(dataset), fontsize=9)
    return figure


def two_time_overlap(dataset: xr.Dataset) -> Figure | None:
    """Spin overlap of students with their own past on test patterns, by layer, at the highest beta."""
    name = "past_spin_overlap_test"
    if f"{name}_mean" not in dataset:
        return None
    at = dataset.isel(beta=-1)
    figure = Figure(figsize=(5.2 * at.sizes["reference"], 3.8), layout="constrained")
    for axes, reference in zip(
        figure.subplots(1, at.sizes["reference"], squeeze=False, sharey=True)[0], at.reference.values, strict=True
    ):
        curve = at.sel(reference=reference, sweep=slice(int(reference), None))
        for layer in at.layer.values:
            shade = {"color": f"C{(layer - 1) % 10}", "marker": "o", "ms": 3, "label": f"$l={layer}$"}
            _points(axes, curve.sweep.values - reference, curve.sel(layer=layer), name, **shade)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlabel("$t - t_w$ (sweeps)")
        axes.set_ylabel("$C(l; t, t_w)$, test patterns")
        axes.set_title(f"$t_w={reference}$, {_beta(float(at.beta))}", fontsize=10)
        axes.legend(fontsize=8)
    figure.suptitle(_title(dataset), fontsize=9)
    return figure
