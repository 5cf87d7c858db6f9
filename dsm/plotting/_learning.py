"""The figure of an online-SGD run: simulation over theory."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsm.plotting._drawn import drawn


def draw_learning(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw test error and order parameters against time; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "online_sgd.png"
    learning_of_overlaps(dataset).savefig(path, dpi=150)
    return [path]


def learning_of_overlaps(dataset: xr.Dataset) -> Figure:
    """Test error, student-teacher overlaps and lengths against time, and a panel for each further quantity that says it is
    drawn as a curve.

    Points are simulation, means over samples with jackknife errors; lines are the equations of motion.
    """
    further = [names[""] for names in drawn(dataset, "curve").values() if "" in names]
    figure = Figure(figsize=(13 + 4.3 * len(further), 3.8), layout="constrained")
    panels = figure.subplots(1, 3 + len(further))
    error, cross, own = panels[:3]
    overlay(error, dataset, "test_error", color="C0")
    if "train_error_mean" in dataset:
        overlay(error, dataset, "train_error", color="C3", label="training error")
    for axes, name in zip(panels[3:], further, strict=True):
        inner = [dim for dim in dataset[f"{name}_mean"].dims if dim != "t"]
        for entry, place in enumerate(np.ndindex(*(dataset.sizes[dim] for dim in inner))):
            overlay(axes, dataset.isel(dict(zip(inner, place, strict=True))), name, color=f"C{entry % 10}")
        axes.set_ylabel(dataset[name].attrs["label"])
    error.set_yscale("log")
    error.set_ylabel(r"test error $\epsilon$")
    for student in range(dataset.sizes["student"]):
        for teacher in range(dataset.sizes["teacher"]):
            one = dataset.isel(student=student, teacher=teacher)
            style = {"color": f"C{teacher % 10}", "alpha": 1 - 0.6 * student / dataset.sizes["student"]}
            overlay(cross, one, "R", label=f"$m={teacher}$" if student == 0 else None, **style)
        overlay(
            own, dataset.isel(student=student, student_2=student), "Q", label=f"$k={student}$", color=f"C{student % 10}"
        )
    cross.set_ylabel("$R_{km}$")
    own.set_ylabel("$Q_{kk}$")
    for axes in panels:
        axes.set_xscale("symlog", linthresh=max(float(dataset.t[1]), 1e-9))
        axes.set_xlim(left=0)
        axes.set_xlabel("$t$ = steps / $N$")
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=8)
    samples = f"{dataset.sizes['sample']} samples, jackknife errors" if "sample" in dataset.sizes else "theory alone"
    lines = "; lines: equations of motion" if "theory_test_error" in dataset else ""
    figure.suptitle(f"points: simulation, {samples}{lines}", fontsize=9)
    return figure


def overlay(axes: Axes, dataset: xr.Dataset, name: str, label: str | None = None, **style: object) -> None:
    """Points of `name` with errors, and the line of its theory, whichever there are."""
    shown = label
    if f"{name}_mean" in dataset:
        errors = np.nan_to_num(dataset[f"{name}_error"].values)
        points = {"fmt": "o", "ms": 3, "capsize": 1.5, "lw": 0, "elinewidth": 0.8, "label": shown, **style}
        axes.errorbar(dataset.t.values, dataset[f"{name}_mean"].values, errors, **points)  # type: ignore[arg-type]
        shown = None
    if f"theory_{name}" in dataset:
        theory = dataset[f"theory_{name}"]
        line = theory.mean("sample") if "sample" in theory.dims else theory  # where each sample has a theory of its own
        axes.plot(dataset.t.values, line.values, lw=1, label=shown, **style)  # type: ignore[arg-type]
