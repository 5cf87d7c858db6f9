"""The figure of an online-SGD run: simulation over theory."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsm.plotting._caption import ensemble, entitle, label, settings
from dsm.plotting._drawn import drawn, entries
from dsm.plotting._panels import DOTS, Shades, from_zero, panels

SETTINGS = {
    "network.width": "N",
    "network.students": "K",
    "network.teachers": "M",
    "network.activation": "activation",
    "data.law.name": "inputs",
    "data.law.latent": "D",
    "data.noise": "σ",
    "data.patterns": "P",
    "training.lr": "η",
    "training.lr_second": "$η_v$",
    "training.weight_decay": "κ",
    "training.start.name": "start",
}


def draw_learning(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw test error and order parameters against time; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "online_sgd.png"
    learning_of_overlaps(dataset).savefig(path, dpi=DOTS)
    return [path]


def learning_of_overlaps(dataset: xr.Dataset) -> Figure:
    """Test error, student-teacher overlaps and lengths against time, and a panel for each further quantity that says it is
    drawn as a curve.

    Points are simulation, means over samples with jackknife errors; lines are the equations of motion.
    """
    further = [
        name for pairs in drawn(dataset, "curve").values() for name in pairs.values() if "t" in dataset[name].dims
    ]
    figure, axes = panels(3 + len(further))
    error, cross, own = axes[:3]
    overlay(error, dataset, "test_error", color="C0", label="test error")
    if "train_error_mean" in dataset:
        overlay(error, dataset, "train_error", color="C3", label="training error")
    error.set_yscale("log")
    error.set_ylabel(r"error $\epsilon$")
    _overlaps(figure, cross, dataset)
    _lengths(figure, own, dataset)
    for one, name in zip(axes[3:], further, strict=True):
        for place, (entry, told) in enumerate(entries(dataset, name, ("t",))):
            overlay(one, dataset.isel(entry), name, color=f"C{place % 10}", label=told or None)
        base = f"baseline_{dataset[name].attrs['quantity']}_mean"
        if base in dataset:
            one.axhline(float(dataset[base].mean()), color="0.4", ls=":", lw=1, label="baseline: independent machines")
        one.set_ylabel(label(dataset[name].attrs))
    for one in axes:
        from_zero(one, linear=max(float(dataset.t[1]), 1e-9))
        one.set_xlabel("$t$ = steps / $N$")
        if one.get_legend_handles_labels()[1]:
            one.legend(fontsize=7)
    points = any(str(name).endswith("_mean") for name in dataset.data_vars)
    kinds = ["points: simulation"] if points else []
    fresh = ", fresh inputs" if isinstance(dataset.attrs.get("data.patterns"), int | np.integer) else ""
    kinds += [f"lines: equations of motion, N → ∞{fresh}"] if "theory_test_error" in dataset else []
    entitle(figure, settings(dataset, SETTINGS), ensemble(dataset), kinds)
    return figure


def _overlaps(figure: Figure, axes: Axes, dataset: xr.Dataset) -> None:
    """R, one colour a unit of the teacher; units of the student are paler and paler."""
    shades = Shades([f"$m={unit}$" for unit in dataset.teacher.values], "unit $m$ of the teacher")
    for student in range(dataset.sizes["student"]):
        for teacher in range(dataset.sizes["teacher"]):
            at = dataset.isel(student=student, teacher=teacher)
            style = {"color": shades[teacher], "alpha": 1 - 0.6 * student / dataset.sizes["student"]}
            overlay(axes, at, "R", label=shades.name(teacher) if student == 0 else None, **style)
    axes.axhline(0, color="0.4", ls=":", lw=1, label="baseline: independent weights")
    axes.set_ylabel("$R_{km}$, overlap of student and teacher (paler: larger $k$)")
    shades.scale(figure, [axes])


def _lengths(figure: Figure, axes: Axes, dataset: xr.Dataset) -> None:
    """The diagonal of Q, one colour a unit of the student."""
    shades = Shades([f"$k={unit}$" for unit in dataset.student.values], "unit $k$ of the student")
    for student in range(dataset.sizes["student"]):
        at = dataset.isel(student=student, student_2=student)
        overlay(axes, at, "Q", color=shades[student], label=shades.name(student))
    axes.set_ylabel("$Q_{kk}$, square length of a student unit")
    shades.scale(figure, [axes])


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
