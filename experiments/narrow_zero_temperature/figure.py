r"""Narrow students at zero temperature: gradient descent beside the minimum of the loss (figure F2 of arXiv:2507.00629).

python experiments/narrow_zero_temperature/figure.py runs/narrow_zero_temperature \
    experiments/narrow_zero_temperature/figure.png [points.csv of the authors, or -] [dressings of the theory]
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

MARKERS = {"planted": "o", "random": "s", "teacher": "^"}
LINES = {"entropy": "-", "full": "--", "none": ":"}
#: A student has specialised if matched units overlap more than others by this.
SPECIALISED = 0.5


def main(runs: str, output: str, points: str = "-", dressings: str = "entropy,full,none") -> None:
    """Draw all runs below `runs`: one row an activation; print the table of the README."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    activations = sorted({data.attrs["network.activation.name"] for data in found})
    figure = Figure(figsize=(12, 3.6 * len(activations)), layout="constrained")
    grid = figure.subplots(len(activations), 3, squeeze=False)
    print("| activation | start | alpha | test error | R_kk | another teacher | specialised |")
    print("|---|---|---|---|---|---|---|")
    for row, activation in zip(grid, activations, strict=True):
        chosen = [data for data in found if data.attrs["network.activation.name"] == activation]
        _theory(row, chosen, dressings.split(","))
        if points != "-":
            _authors(row, points, activation)
        for data in sorted(chosen, key=lambda data: (data.attrs["training.start.name"], float(data.alpha[0]))):
            _points(row, data)
        for axes, label in zip(
            row, ("test error", "diagonal overlap $R_{kk}$", "samples that specialise"), strict=True
        ):
            axes.set_xlabel(r"$\alpha$")
            axes.set_ylabel(f"{activation}: {label}")
        row[0].set_yscale("log")
        row[2].set_ylim(-0.05, 1.05)
    handles = {label: handle for handle, label in zip(*grid[0][1].get_legend_handles_labels(), strict=True)}
    grid[0][1].legend(handles.values(), handles.keys(), fontsize=6)
    settings = found[0].attrs
    figure.suptitle(
        f"gradient descent, N = {settings['network.width']}, K = {settings['network.units']}, lambda = "
        f"{settings['training.weight_decay']:g}, {found[0].sizes['sample']} samples, jackknife errors; "
        "lines: minimum of the loss, specialised (black) and not (grey); grey points: the authors'",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _points(row: np.ndarray, data: xr.Dataset) -> None:
    """The last record."""
    activation, start = data.attrs["network.activation.name"], data.attrs["training.start.name"]
    names = ("test_error", "teacher_overlap", "baseline_overlap")
    seen = {name: settled(data.isel(step=[-1]), name) for name in names}
    share = (data.teacher_overlap_specialised.isel(step=-1) > SPECIALISED).mean(["sample", "replica"]).values
    style = {"fmt": MARKERS[start], "color": "C0" if start == "planted" else "C3", "ms": 5, "capsize": 2}
    for place, alpha in enumerate(data.alpha.values):
        at = {name: (float(mean[place, 0, 0]), float(error[place, 0, 0])) for name, (mean, error) in seen.items()}
        there, count = float(share[place, 0, 0]), data.sizes["sample"]
        label = f"{start} start" if place == 0 else None
        row[0].errorbar(alpha, *at["test_error"], **style)
        row[1].errorbar(alpha, *at["teacher_overlap"], label=label, **style)
        row[1].plot(alpha, at["baseline_overlap"][0], "_", color="0.4", ms=6)
        row[2].errorbar(alpha, there, np.sqrt(there * (1 - there) / count), **style)
        cells = " | ".join(with_error(*values) for values in at.values())
        print(f"| {activation} | {start} | {alpha:g} | {cells} | {there:.2f} |")


def _theory(row: np.ndarray, chosen: list[xr.Dataset], dressings: list[str]) -> None:
    """Both branches, for each dressing by terms in 1/K."""
    settings, alphas = chosen[0].attrs, np.concatenate([data.alpha.values for data in chosen])
    grid = np.linspace(alphas.min() / 2, alphas.max() * 1.05, 120)
    for dressing in dressings:
        for branch, colour in (("unspecialised", "0.55"), ("specialised", "k")):
            found = narrow_network(
                settings["network.activation.name"], grid, estimator="erm", noise=settings["data.noise"],
                weight_decay=settings["training.weight_decay"], units=settings["network.units"], dressing=dressing,
                branch=branch, second_layer=settings["network.second_layer"],
            )  # fmt: skip
            name = {"entropy": "K, entropy", "full": "K, full", "none": r"$K\to\infty$"}[dressing]
            label = f"theory, {name}" if branch == "specialised" else None
            row[0].plot(grid, found.test_error, LINES[dressing], color=colour, lw=1)
            row[1].plot(grid, found.teacher_diagonal, LINES[dressing], color=colour, lw=1, label=label)


def _authors(row: np.ndarray, points: str, activation: str) -> None:
    """The points of the authors' figure data; of one run each."""
    with open(points) as file:
        lines = [line for line in csv.DictReader(file) if line["figure"] == "zero_temperature"]
    for axes, quantity in zip(row, ("error", "diagonal"), strict=False):
        for start, marker in (("planted", "o"), ("random", "s"), ("gd", "v")):
            seen = [
                (float(line["alpha"]), float(line["value"]))
                for line in lines
                if (line["activation"], line["start"], line["quantity"]) == (activation, start, quantity)
            ]
            axes.plot(*zip(*seen, strict=True), marker, color="0.75", ms=3, zorder=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
