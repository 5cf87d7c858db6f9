"""The figures of a specialisation run."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Colours of decays, light to dark, and of layers.
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
    """Losses against epochs, one colour a decay and one style a learning rate; and the best correlation of each teacher unit
    with a student unit, one panel a layer, at the first decay and learning rate, over the baseline."""
    losses = [name for name in ("test_loss", "train_loss") if f"{name}_mean" in dataset]
    correlations = "teacher_best_correlation_mean" in dataset
    layers = dataset.layer.values if correlations else []
    if not losses and not correlations:
        return None
    figure = Figure(figsize=(4.6 * (bool(losses) + len(layers)), 3.8), layout="constrained")
    panels = list(figure.subplots(1, bool(losses) + len(layers), squeeze=False)[0])
    if losses:
        _losses(panels.pop(0), dataset, losses)
    for axes, layer in zip(panels, layers, strict=True):
        _correlations(axes, dataset.isel(decay=0, lr=0).sel(layer=layer, inputs="test"))
        axes.set_title(f"layer {layer}, $p={float(dataset.decay[0]):g}$", fontsize=9)
    figure.suptitle(f"{dataset.sizes['sample']} samples, jackknife errors", fontsize=9)
    return figure


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
    from matplotlib import colormaps

    return colormaps[SHADES](0.9 * place / max(number - 1, 1))
