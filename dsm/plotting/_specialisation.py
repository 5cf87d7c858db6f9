"""The figures of a specialisation run."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsm.plotting._drawn import drawn

#: Colours of teacher units, the strongest dark.
SHADES = "viridis"


def draw_specialisation(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw what the recorded quantities allow; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in (("learning", learning(dataset)), ("l_shape", l_shape(dataset))):
        if figure is not None:
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=150)
    return files


def learning(dataset: xr.Dataset) -> Figure | None:
    """Losses against epochs, one colour a decay and learning rate; the best correlation of each teacher unit with a student
    unit, one panel a layer, over the baseline; and a panel for each further quantity that says it is drawn as a curve. Where
    nothing else is said, at the first decay and learning rate."""
    losses = [name for name in ("test_loss", "train_loss") if f"{name}_mean" in dataset]
    layers = dataset.layer.values if "teacher_best_correlation_mean" in dataset else []
    further = [name for pairs in drawn(dataset, "curve").values() for name in pairs.values()]
    number = bool(losses) + len(layers) + len(further)
    if not number:
        return None
    figure = Figure(figsize=(4.6 * number, 3.8), layout="constrained")
    panels = iter(figure.subplots(1, number, squeeze=False)[0])
    if losses:
        _losses(next(panels), dataset, losses)
    first = dataset.isel(decay=0, lr=0)
    for layer in layers:
        axes = next(panels)
        _correlations(axes, first.sel(layer=layer, inputs="test"))
        axes.set_title(f"layer {layer}, $p={float(first.decay):g}$", fontsize=9)
    for name in further:
        _further(next(panels), first, name)
    figure.suptitle(f"{dataset.sizes['sample']} samples, jackknife errors", fontsize=9)
    return figure


def _further(axes: Axes, at: xr.Dataset, name: str) -> None:
    """One curve for each entry of a quantity's own dimensions."""
    inner = [dim for dim in at[f"{name}_mean"].dims if dim != "epoch"]
    for place in np.ndindex(*(at.sizes[dim] for dim in inner)):
        one = at[[f"{name}_mean", f"{name}_error"]].isel(dict(zip(inner, place, strict=True)))
        label = ", ".join(f"{dim} {one[dim].item()}" for dim in inner if at.sizes[dim] > 1)
        mean, error = one[f"{name}_mean"], np.nan_to_num(one[f"{name}_error"])
        axes.errorbar(at.epoch, mean, error, lw=1, label=label or None)
    axes.set_ylabel(at[name].attrs["label"])
    axes.set_title(f"$p={float(at.decay):g}$", fontsize=9)
    _epochs(axes)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=7)


def _losses(axes: Axes, dataset: xr.Dataset, names: list[str]) -> None:
    for row, decay in enumerate(dataset.decay.values):
        for column, lr in enumerate(dataset.lr.values):
            at = dataset.isel(decay=row, lr=column)
            for name, style in zip(names, ("-", ":"), strict=False):
                label = f"$p={decay:g}$" + (f", lr {lr:g}" if dataset.sizes["lr"] > 1 else "")
                colour = f"C{(row * dataset.sizes['lr'] + column) % 10}"
                mean, error = at[f"{name}_mean"].values, np.nan_to_num(at[f"{name}_error"].values)
                axes.errorbar(
                    at.epoch, mean, error, color=colour, ls=style, lw=1, label=label if style == "-" else None
                )
    axes.set_yscale("log")
    axes.set_ylabel("loss (solid: test, dotted: training)" if len(names) > 1 else dataset[names[0]].attrs["label"])
    _epochs(axes)
    axes.legend(fontsize=8)


def _correlations(axes: Axes, at: xr.Dataset) -> None:
    units = at.teacher_best_correlation_mean.dropna("teacher", how="all").teacher.values
    for place, unit in enumerate(units):
        colour = _shade(place, len(units))
        one = at.sel(teacher=unit)
        mean, error = one.teacher_best_correlation_mean, np.nan_to_num(one.teacher_best_correlation_error)
        label = f"unit {unit}" if place in (0, len(units) - 1) else None
        axes.errorbar(at.epoch, mean, error, color=colour, lw=1, label=label)
    if "baseline_best_correlation_mean" in at:
        axes.plot(
            at.epoch,
            at.baseline_best_correlation_mean.mean("teacher"),
            "--",
            color="0.4",
            lw=1,
            label="another teacher",
        )
    axes.set_ylim(0, 1.03)
    axes.set_ylabel(at.teacher_best_correlation.attrs["label"])
    _epochs(axes)
    axes.legend(fontsize=8)


def l_shape(dataset: xr.Dataset) -> Figure | None:
    """The specialisation of every student unit of every sample against the norm of its fan-out, at the end: one row a layer,
    one column a decay, at the first learning rate."""
    if not {"teacher_specialisation", "fan_out_norm"} <= set(dataset.data_vars):
        return None
    last = dataset.isel(epoch=-1, lr=0).sel(inputs="test")
    size = 3.0 * dataset.sizes["decay"] + 0.6, 2.8 * dataset.sizes["layer"] + 0.4
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(dataset.sizes["layer"], dataset.sizes["decay"], squeeze=False, sharey=True)
    for row, layer in enumerate(dataset.layer.values):
        for column, decay in enumerate(dataset.decay.values):
            axes, at = grid[row][column], last.isel(decay=column, layer=row)
            axes.scatter(at.teacher_specialisation, at.fan_out_norm, s=4, lw=0, alpha=0.5)
            axes.set_xlim(0, 1.03)
            axes.set_title(f"layer {layer}, $p={decay:g}$", fontsize=9)
            axes.set_xlabel(dataset.teacher_specialisation.attrs["label"])
        grid[row][0].set_ylabel(dataset.fan_out_norm.attrs["label"])
    figure.suptitle(f"epoch {int(last.epoch)}, all student units of {dataset.sizes['sample']} samples", fontsize=9)
    return figure


def _epochs(axes: Axes) -> None:
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(left=0)
    axes.set_xlabel("epoch")


def _shade(place: int, number: int) -> tuple[float, ...]:
    return colormaps[SHADES](0.9 * place / max(number - 1, 1))
