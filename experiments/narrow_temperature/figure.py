r"""Narrow students at a finite temperature (figure F1 of arXiv:2507.00629).

python experiments/narrow_temperature/figure.py runs/narrow_temperature experiments/narrow_temperature/figure.png \
    [points.csv of the authors, or -] [dressings of the theory]
"""

import csv
import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import settled, with_error
from dsm.theory import narrow_network

#: Recorded variable, its label, and the property of the theory that predicts it.
PANELS = {
    "test_error": ("test error", "test_error", "error"),
    "teacher_overlap": ("diagonal overlap $R_{kk}$", "teacher_diagonal", "diagonal"),
    "teacher_overlap_off_diagonal": (r"off-diagonal $R_{k\neq l}$", "teacher_off_diagonal", "off_diagonal"),
}
MARKERS = {"planted": "o", "random": "s", "teacher": "^"}
LINES = {"entropy": "-", "full": "--", "none": ":"}


def main(runs: str, output: str, points: str = "-", dressings: str = "entropy,full,none") -> None:
    """Draw all runs below `runs`: one row an activation; print the table of the README."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    activations = sorted({data.attrs["network.activation.name"] for data in found})
    figure = Figure(figsize=(12, 3.6 * len(activations)), layout="constrained")
    grid = figure.subplots(len(activations), len(PANELS), squeeze=False)
    print("| activation | N | start | alpha | test error | R_kk | off-diagonal | another teacher, R_kk |")
    print("|---|---|---|---|---|---|---|---|")
    for row, activation in enumerate(activations):
        chosen = [data for data in found if data.attrs["network.activation.name"] == activation]
        _theory(grid[row], chosen, dressings.split(","))
        if points != "-":
            _authors(grid[row], points, activation)
        for data in chosen:
            _points(grid[row], data)
        for axes, (label, _, _) in zip(grid[row], PANELS.values(), strict=True):
            axes.set_xlabel(r"$\alpha$")
            axes.set_ylabel(f"{activation}: {label}")
        grid[row][0].set_yscale("log")
    handles = {label: handle for handle, label in zip(*grid[0][1].get_legend_handles_labels(), strict=True)}
    grid[0][1].legend(handles.values(), handles.keys(), fontsize=6)
    settings = found[0].attrs
    figure.suptitle(
        f"K = {settings['network.units']}, T = {settings['training.temperature']:g}, lambda = "
        f"{settings['training.weight_decay']:g}, {found[0].sizes['sample']} samples, jackknife errors; "
        "grey: the authors' points",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _points(row: np.ndarray, data: xr.Dataset) -> None:
    """The mean of the later half of the records."""
    activation, start = data.attrs["network.activation.name"], data.attrs["training.start.name"]
    width = data.attrs["network.width"]
    colour = {64: "C2", 128: "C0", 256: "C3"}.get(width, "C0")
    seen = {name: settled(data, name) for name in (*PANELS, "baseline_overlap")}
    for place, alpha in enumerate(data.alpha.values):
        at = {name: (float(mean[place, 0, 0]), float(error[place, 0, 0])) for name, (mean, error) in seen.items()}
        for axes, name in zip(row, PANELS, strict=True):
            label = f"N = {width}, {start} start" if place == 0 else None
            face = colour if start == "planted" else "none"
            axes.errorbar(alpha, *at[name], fmt=MARKERS[start], color=colour, mfc=face, ms=5, capsize=2, label=label)
        row[1].plot(alpha, at["baseline_overlap"][0], "_", color="0.4", ms=6)
        cells = " | ".join(with_error(*values) for values in at.values())
        print(f"| {activation} | {width} | {start} | {alpha:g} | {cells} |")


def _theory(row: np.ndarray, chosen: list[xr.Dataset], dressings: list[str]) -> None:
    """Both branches, for each dressing by terms in 1/K."""
    data, alphas = chosen[0], np.concatenate([data.alpha.values for data in chosen])
    grid = np.linspace(alphas.min() / 2, alphas.max() * 1.05, 120)
    for dressing in dressings:
        for branch, colour in (("unspecialised", "0.55"), ("specialised", "k")):
            found = narrow_network(
                data.attrs["network.activation.name"], grid, estimator="gibbs", noise=data.attrs["data.noise"],
                beta=1 / data.attrs["training.temperature"], weight_decay=data.attrs["training.weight_decay"],
                units=data.attrs["network.units"], dressing=dressing, branch=branch,
                second_layer=data.attrs["network.second_layer"],
            )  # fmt: skip
            name = {"entropy": "K, entropy", "full": "K, full", "none": r"$K\to\infty$"}[dressing]
            label = f"theory, {name}" if branch == "specialised" else None
            for axes, (_, quantity, _) in zip(row, PANELS.values(), strict=True):
                axes.plot(grid, getattr(found, quantity), LINES[dressing], color=colour, lw=1, label=label)


def _authors(row: np.ndarray, points: str, activation: str) -> None:
    """The points of the authors' figure data; of one run each."""
    with open(points) as file:
        lines = [line for line in csv.DictReader(file) if line["figure"] == "finite_temperature"]
    for axes, (_, _, quantity) in zip(row, PANELS.values(), strict=True):
        for start, marker in (("planted", "o"), ("random", "s")):
            seen = [
                (float(line["alpha"]), float(line["value"]))
                for line in lines
                if (line["activation"], line["start"], line["quantity"]) == (activation, start, quantity)
            ]
            axes.plot(*zip(*seen, strict=True), marker, color="0.75", ms=3, zorder=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
