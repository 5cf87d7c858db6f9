r"""Classification with the perceptron loss and weights of unit norm (figure F4 of arXiv:2507.00629), and condensation.

python experiments/narrow_classification/figure.py runs/narrow_classification \
    experiments/narrow_classification/figure.png [points.csv of the authors, or -]
"""

import csv
import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.plotting import settled, with_error
from dsm.theory import narrow_network

MARKERS = {"planted": "o", "random": "s", "teacher": "^"}
NAMES = ("test_error", "train_error", "teacher_overlap", "teacher_overlap_off_diagonal", "baseline_overlap")


def main(runs: str, output: str, points: str = "-") -> None:
    """Draw the runs below `runs` with unit norms, one panel an activation, and those with the square loss as scatters of
    their units; print the tables of the README."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    bounded = [data for data in found if data.attrs["training.normalise"]]
    squared = [data for data in found if data.attrs["training.loss"] == "square"]
    activations = sorted({data.attrs["network.activation.name"] for data in bounded})
    figure = Figure(figsize=(4.6 * (len(activations) + len(squared)), 4), layout="constrained")
    panels = figure.subplots(1, len(activations) + len(squared), squeeze=False)[0]
    print(f"| activation | N, K | start | alpha | {' | '.join(NAMES)} |")
    print("|---" * (len(NAMES) + 4) + "|")
    for axes, activation in zip(panels, activations, strict=False):
        _bounded(axes, activation, [d for d in bounded if d.attrs["network.activation.name"] == activation], points)
    for axes, data in zip(panels[len(activations) :], squared, strict=True):
        _units(axes, data)
    figure.savefig(output, dpi=110)


def _bounded(axes: Axes, activation: str, chosen: list[xr.Dataset], points: str) -> None:
    """Test errors against alpha."""
    if points != "-":
        with open(points) as file:
            lines = [line for line in csv.DictReader(file) if line["figure"] == "classification"]
        for start, marker in (("planted", "o"), ("random", "s")):
            wanted = activation, start, "error"
            seen = [line for line in lines if (line["activation"], line["start"], line["quantity"]) == wanted]
            values = [float(line["value"]) for line in seen]
            axes.plot([float(line["alpha"]) for line in seen], values, marker, color="0.75", ms=3, zorder=0)
    for data in chosen:
        settings, start = data.attrs, data.attrs["training.start.name"]
        seen = {name: settled(data, name) for name in NAMES}
        for place, alpha in enumerate(data.alpha.values):
            at = {name: (float(mean[place, 0, 0]), float(error[place, 0, 0])) for name, (mean, error) in seen.items()}
            style = {"color": "C0" if start == "planted" else "C3", "ms": 5, "capsize": 2}
            label = f"{start} start" if place == 0 else None
            axes.errorbar(alpha, *at["test_error"], fmt=MARKERS[start], label=label, **style)
            size = f"{settings['network.width']}, {settings['network.units']}"
            cells = " | ".join(with_error(*values) for values in at.values())
            print(f"| {activation} | {size} | {start} | {alpha:g} | {cells} |")
    alphas = np.concatenate([data.alpha.values for data in chosen])
    grid = np.linspace(alphas.min() / 2, alphas.max(), 60)
    solved = narrow_network(activation, grid, task="classification")
    axes.plot(grid, solved.test_error, "k", lw=1, label="optimal student, theory")
    axes.plot(grid, solved.sample_error, "k:", lw=1, label="a sample of its posterior")
    axes.set_xlabel(r"$\alpha$")
    axes.set_ylabel("share of wrong signs")
    axes.set_title(
        f"{activation}, N = {settings['network.width']}, K = {settings['network.units']}, {data.sizes['sample']} samples, "
        "jackknife errors", fontsize=8,
    )  # fmt: skip
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))  # one of several runs with one start
    axes.legend(handles.values(), handles.keys(), fontsize=7)


def _units(axes: Axes, data: xr.Dataset) -> None:
    """Each unit of the student: overlap with its own unit of the teacher, and with the teacher's sum mode."""
    last = data.isel(step=-1, alpha=0, temperature=0, weight_decay=0, replica=0)
    for sample in range(data.sizes["sample"]):
        one = last.isel(sample=sample)
        axes.plot(one.teacher_unit_overlap, one.teacher_sum_projection, ".", ms=4)
    condensed = (np.abs(last.teacher_sum_projection) > 1).sum("unit").values
    units = data.attrs["network.units"]
    settings = {"task": "classification", "estimator": "erm", "weight_decay": float(data.weight_decay[0])}
    plain = narrow_network(data.attrs["network.activation.name"], float(data.alpha[0]), **settings)
    train = settled(data.isel(step=[-1]), "energy")
    print(f"condensed units (projection above 1) of K = {units}, by sample: {condensed}; sqrt K = {np.sqrt(units):.1f}")
    print(f"energy / (K N): {with_error(float(train[0].squeeze()), float(train[1].squeeze()))}, "
          f"linear theory {-float(plain.free_entropy):.3f}")  # fmt: skip
    reached = np.abs(last.teacher_sum_projection.values)
    print(f"projections of condensed units {reached[reached > 1].min():.2f} to {reached.max():.2f}, of others at most "
          f"{reached[reached <= 1].max():.2f}; median overlap with the own unit, others: "
          f"{np.median(last.teacher_unit_overlap.values[reached <= 1]):.2f}")  # fmt: skip
    error = settled(data.isel(step=[-1]), "test_error")
    print(f"test error: {with_error(float(error[0].squeeze()), float(error[1].squeeze()))}, "
          f"linear theory {float(plain.test_error):.4f}")  # fmt: skip
    axes.set_xlabel("overlap with the matching unit of the teacher")
    axes.set_ylabel("overlap with the teacher's sum mode")
    axes.set_title(f"square loss, K = {units}, alpha = {float(data.alpha[0]):g}: each unit", fontsize=8)


if __name__ == "__main__":
    main(*sys.argv[1:])
