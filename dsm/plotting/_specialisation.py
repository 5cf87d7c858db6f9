"""The figures of a specialisation run."""

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsm.plotting._caption import ensemble, entitle, label, listed, settings
from dsm.plotting._drawn import drawn, entries
from dsm.plotting._panels import DOTS, Shades, below, from_zero, panels, say_upright

SETTINGS = {
    "network.width": "N",
    "network.teachers": "teacher units",
    "network.multi": "multi",
    "network.outputs": "outputs",
    "network.decay": "p",
    "network.activation.name": "activation",
    "data.dataset.name": "inputs",
    "data.patterns": "P",
    "training.loss": "loss",
    "training.optimiser.name": "optimiser",
    "training.lr": "lr",
    "training.batch": "batch",
}
#: What is recorded as a loss.
RECORDED = {
    "half_square": ", squared error per output without 1/2",
    "mean_square": ", squared error per output",
    "cross_entropy": ", cross entropy (nats)",
}
#: Decays for which the last state is drawn, evenly chosen.
DECAYS = 6
#: Colours of teacher units, the strongest dark.
SHADES = "viridis"


def draw_specialisation(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw what the recorded quantities allow; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in (("learning", learning(dataset)), ("l_shape", l_shape(dataset))):
        if figure is not None:
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=DOTS)
    return files


def learning(dataset: xr.Dataset) -> Figure | None:
    """Losses against epochs, one colour a decay and learning rate; the best correlation of each teacher unit with a student
    unit, one panel a layer, over the baseline; and a panel for each further quantity that says it is drawn as a curve. Where
    nothing else is said, at the first decay and learning rate."""
    losses = [name for name in ("test_loss", "train_loss") if f"{name}_mean" in dataset]
    layers = dataset.layer.values if "teacher_best_correlation_mean" in dataset else []
    further = [name for of in drawn(dataset, "curve").values() for name in of.values() if "epoch" in dataset[name].dims]
    number = bool(losses) + len(layers) + len(further)
    if not number:
        return None
    figure, places = panels(number)
    axes_of = iter(places)
    if losses:
        _losses(figure, next(axes_of), dataset, losses)
    first = dataset.isel(decay=0, lr=0)
    for layer in layers:
        axes = next(axes_of)
        _correlations(axes, first.sel(layer=layer, inputs="test"))
        axes.set_title(f"layer {layer}, {_where(dataset, first)}", fontsize=9)
    for name in further:
        _further(next(axes_of), first, name, _where(dataset, first))
    entitle(figure, settings(dataset, SETTINGS), ensemble(dataset))
    return figure


def _where(dataset: xr.Dataset, at: xr.Dataset) -> str:
    """Decay and, where there are several, learning rate of what is drawn."""
    lr = f", lr {float(at.lr):g}" if dataset.sizes["lr"] > 1 else ""
    return f"$p={float(at.decay):g}${lr}"


def _further(axes: Axes, at: xr.Dataset, name: str, where: str) -> None:
    """One curve for each entry of a quantity's own dimensions."""
    for place, told in entries(at, name, ("epoch",)):
        one = at[[f"{name}_mean", f"{name}_error"]].isel(place)
        axes.errorbar(at.epoch, one[f"{name}_mean"], np.nan_to_num(one[f"{name}_error"]), lw=1, label=told or None)
    say_upright(axes, label(at[name].attrs))
    axes.set_title(where, fontsize=9)
    _epochs(axes)
    below(axes)


def _losses(figure: Figure, axes: Axes, dataset: xr.Dataset, names: list[str]) -> None:
    places = list(np.ndindex(dataset.sizes["decay"], dataset.sizes["lr"]))
    told = [_where(dataset, dataset.isel(decay=row, lr=column)) for row, column in places]
    shades = Shades(told, "decay $p$")
    for place, (row, column) in enumerate(places):
        at = dataset.isel(decay=row, lr=column)
        for name, style in zip(names, ("-", ":"), strict=False):
            mean, error = at[f"{name}_mean"].values, np.nan_to_num(at[f"{name}_error"].values)
            shown = shades.name(place) if style == "-" else None
            axes.errorbar(at.epoch, mean, error, color=shades[place], ls=style, lw=1, capsize=1.5, label=shown)
    if any((dataset[f"{name}_mean"] > 0).any() for name in names):
        axes.set_yscale("log")
    axes.set_ylabel(_loss(dataset, names))
    _epochs(axes)
    below(axes)
    shades.scale(figure, [axes])


def _loss(dataset: xr.Dataset, names: list[str]) -> str:
    """What is said at the axis of losses."""
    what = RECORDED.get(str(dataset.attrs.get("training.loss")), "")
    styles = "solid: test, dotted: training" if len(names) > 1 else label(dataset[names[0]].attrs)
    return f"loss{what}\n({styles})"


def _correlations(axes: Axes, at: xr.Dataset) -> None:
    units = at.teacher_best_correlation_mean.dropna("teacher", how="all").teacher.values
    for place, unit in enumerate(units):
        colour = _shade(place, len(units))
        one = at.sel(teacher=unit)
        mean, error = one.teacher_best_correlation_mean, np.nan_to_num(one.teacher_best_correlation_error)
        label = f"teacher unit {unit}" if place in (0, len(units) - 1) else None
        axes.errorbar(at.epoch, mean, error, color=colour, lw=1, label=label)
    if "baseline_best_correlation_mean" in at:
        axes.plot(
            at.epoch,
            at.baseline_best_correlation_mean.mean("teacher"),
            "--",
            color="0.4",
            lw=1,
            label="baseline: another teacher",
        )
    axes.set_ylim(0, 1.03)
    axes.set_ylabel(at.teacher_best_correlation.attrs["label"])
    _epochs(axes)
    below(axes)


def l_shape(dataset: xr.Dataset) -> Figure | None:
    """The specialisation of every student unit of every sample against the norm of its fan-out, at the end: one row a layer,
    one column a decay, at the first learning rate."""
    if not {"teacher_specialisation", "fan_out_norm"} <= set(dataset.data_vars):
        return None
    last = dataset.isel(epoch=-1, lr=0).sel(inputs="test")
    decays = listed(dataset.decay.values, DECAYS)
    figure, axes = panels(dataset.sizes["layer"] * len(decays), len(decays))
    places = ((layer, decay) for layer in range(dataset.sizes["layer"]) for decay in decays)
    for one, (layer, decay) in zip(axes, places, strict=True):
        at = last.isel(decay=decay, layer=layer)
        one.scatter(at.teacher_specialisation, at.fan_out_norm, s=4, lw=0, alpha=0.5)
        _baseline(one, at)
        one.set_xlim(0, 1.03)
        one.set_title(f"layer {int(at.layer)}, {_where(dataset, at)}", fontsize=8)
        one.set_xlabel(label(dataset.teacher_specialisation.attrs), fontsize=8)
        one.set_ylabel(label(dataset.fan_out_norm.attrs), fontsize=8)
    told = [f"epoch {int(last.epoch)}", "one point for each student unit and sample"]
    if "baseline_specialisation_mean" in dataset:
        told += ["dotted: baseline, mean with another teacher"]
    entitle(figure, settings(dataset, SETTINGS), ensemble(dataset)[:-1], told)
    return figure


def _baseline(axes: Axes, at: xr.Dataset) -> None:
    """The mean specialisation with a teacher that the students do not know."""
    if "baseline_specialisation_mean" in at:
        axes.axvline(float(at.baseline_specialisation_mean.mean()), color="0.4", ls=":", lw=1)


def _epochs(axes: Axes) -> None:
    from_zero(axes)
    axes.set_xlabel("epoch")


def _shade(place: int, number: int) -> tuple[float, ...]:
    return colormaps[SHADES](0.9 * place / max(number - 1, 1))
