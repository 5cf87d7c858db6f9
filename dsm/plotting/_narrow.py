"""The figures of a run of narrow networks: simulation, and theory where it is there."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dsm.observables.statistics import jackknife
from dsm.plotting._caption import ensemble, entitle, label, listed, settings
from dsm.plotting._caveats import caveats, limits
from dsm.plotting._drawn import MARKERS, drawn, entries
from dsm.plotting._panels import DOTS, from_zero, gather, panels, say_upright

#: Axes of a run, of which each entry is a curve.
SETTINGS = {"alpha": r"$\alpha$", "temperature": "$T$", "weight_decay": r"$\lambda$"}
#: Panels, and what is said at their axes.
PANELS = {"error": "error", "overlap": "overlap"}
PAIRS = {"teacher": "teacher", "student": "two students", "baseline": "baseline", "": ""}
NAMES = {
    "network.width": "N",
    "network.units": "K",
    "network.activation.name": "activation",
    "network.second_layer": "second layer",
    "data.labels": "labels",
    "data.alpha": "α",
    "data.noise": "D",
    "training.loss": "loss",
    "training.dynamics.name": "dynamics",
    "training.lr": "lr",
    "training.temperature": "T",
    "training.weight_decay": "λ",
    "training.start.name": "start",
}
#: Branches of theory, and how they are drawn.
BRANCHES = {"specialised": "-", "unspecialised": "--"}
#: Free entropies that differ by no more are those of one solution.
SAME = 1e-7
#: Errors of theory that are no larger are rounding.
ROUNDING = 1e-12
#: The most settings that are drawn in one panel, evenly chosen.
CURVES = 6


def draw_narrow(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw what the recorded quantities allow; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in (("learning", learning(dataset)), ("alpha", against_alpha(dataset))):
        if figure is not None:
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=DOTS)
    return files


def learning(dataset: xr.Dataset) -> Figure | None:
    """Errors, overlaps, and each further quantity that says it is drawn as a curve, against steps.

    One panel for errors and one for overlaps, with a colour for each; of several settings a panel for each quantity, with
    a colour for each setting. Baselines of an independent teacher are dotted, and theory is a line.
    """
    places = _settings(dataset)
    shown = _panels(dataset)
    if len(places) > 1:
        shown = [([name], title) for names, title in shown for name in names]
    shown += [
        ([name], "")
        for names in drawn(dataset, "curve").values()
        for name in names.values()
        if "step" in dataset[name].dims
    ]
    if not shown:
        return None
    figure, panel = panels(len(shown))
    for axes, (names, title), first in zip(panel, shown, _firsts(shown), strict=True):
        # At step 0 nothing has been tried yet: rates, which are no draws, begin with the next record.
        since = {name: int(dataset[name].attrs.get("draws") == "") for name in names}
        lines = [(name, *entry) for name in names for entry in entries(dataset, name, ("step", *SETTINGS))]
        for place, (name, entry, called) in enumerate(lines, first):
            for row, (setting, named) in enumerate(places):
                colour = f"C{(row if len(places) > 1 else place) % 10}"
                style = {"color": colour, "marker": MARKERS[place % len(MARKERS)]}
                of = _label(dataset, name) if len(names) > 1 else ""
                told = ", ".join(filter(None, (of, named, called))) or None
                at = dataset.isel({**setting, **entry}).sel(step=slice(since[name], None))
                _curve(axes, at, name, "step", told, **style)
        from_zero(axes, logarithmic=len(set(np.diff(dataset.step.values))) > 1)  # where not evenly spaced
        axes.set_xlabel("steps")
        _finish(axes, dataset, names, title)
    gather(figure, panel)
    entitle(figure, settings(dataset, NAMES), ensemble(dataset), *_lines(dataset, shown))
    return figure


def _firsts(shown: Sequence[tuple[list[str], str]]) -> list[int]:
    """For each panel, which marker comes first: all panels share a legend, so that no two of its names have the same. A
    quantity alone in its panel has no name there."""
    named = [len(names) if len(names) > 1 else 0 for names, _ in shown]
    return [sum(named[:place]) if named[place] else 0 for place in range(len(named))]


def against_alpha(dataset: xr.Dataset) -> Figure | None:
    """Errors and overlaps of the last record against alpha, where there are several; at the first of other settings."""
    shown = _panels(dataset)
    if dataset.sizes.get("alpha", 1) < 2 or not shown:
        return None
    last = dataset.isel(step=-1, temperature=0, weight_decay=0)
    figure, panel = panels(len(shown))
    for axes, (names, title), first in zip(panel, shown, _firsts(shown), strict=True):
        for place, name in enumerate(names, first):
            style = {"color": f"C{place % 10}", "marker": MARKERS[place % len(MARKERS)]}
            _curve(axes, last, name, "alpha", _label(dataset, name), **style)
        axes.set_xlabel(r"$\alpha=P/(NK)$")
        _finish(axes, dataset, names, title)
    where = [f"at step {int(dataset.step[-1])}"]
    several = [name for name in ("temperature", "weight_decay") if dataset.sizes.get(name, 1) > 1]
    where += [f"{SETTINGS[name]}={float(dataset[name][0]):g}" for name in several]
    if _has_theory(dataset):
        where += ["theory is solved at the alphas of the run, with no line across the jump of a branch"]
    gather(figure, panel)
    entitle(figure, settings(dataset, NAMES), ensemble(dataset), where, *_lines(dataset, shown))
    return figure


def _panels(dataset: xr.Dataset) -> list[tuple[list[str], str]]:
    """The variables of each panel, and what is said at its axis."""
    found = []
    for panel, title in PANELS.items():
        quantities = drawn(dataset, panel).values()
        names = [name for pairs in quantities for pair, name in pairs.items() if pair != "baseline"]
        fitting = {"step", *SETTINGS}
        names = [
            name for name in names if "step" in dataset[name].dims and fitting >= set(dataset[f"{name}_mean"].dims)
        ]
        if names:
            found.append((names, title))
    return found


def _settings(dataset: xr.Dataset) -> list[tuple[dict[str, int], str]]:
    """Places along the axes of settings, and what they are called: at most `CURVES`."""
    axes = [name for name in SETTINGS if name in dataset.dims]
    places = list(np.ndindex(*(dataset.sizes[name] for name in axes)))
    found = []
    for place in (places[index] for index in listed(places, CURVES)):
        several = [(name, index) for name, index in zip(axes, place, strict=True) if dataset.sizes[name] > 1]
        told = ", ".join(f"{SETTINGS[name]}={float(dataset[name][index]):g}" for name, index in several)
        found.append((dict(zip(axes, place, strict=True)), told))
    return found


def _curve(axes: Axes, at: xr.Dataset, name: str, along: str, told: str | None, color: str, marker: str) -> None:
    """Points with errors, a dotted baseline, and the line of theory, whichever there are."""
    x = at[along].values
    errors = np.nan_to_num(at[f"{name}_error"].values)
    axes.errorbar(x, at[f"{name}_mean"].values, errors, fmt=marker, ms=3, capsize=1.5, lw=0, elinewidth=0.8,
                  color=color, label=told)  # fmt: skip
    baseline = f"baseline_{at[name].attrs['quantity']}_mean"
    if baseline in at:
        axes.plot(x, np.broadcast_to(at[baseline].values, x.shape), ":", color=color, lw=0.8)
    if f"theory_{name}" not in at:
        return
    for branch, line in BRANCHES.items():
        values = np.broadcast_to(at[f"theory_{name}"].sel(branch=branch).values, x.shape)
        is_larger = np.broadcast_to(_has_larger_free_entropy(at, branch), x.shape)
        for part in _parts(at, along):
            axes.plot(x[part], values[part], line, color=color, lw=0.7)
            larger = np.where(is_larger[part], values[part], np.nan)
            axes.plot(x[part], larger, line, color=color, lw=1.6, marker="_" if along == "alpha" else "")


def _finish(axes: Axes, dataset: xr.Dataset, names: Sequence[str], title: str) -> None:
    if title == "error":
        # At the teacher itself errors are rounding.
        least = min(float(dataset[f"{name}_mean"].isel(step=slice(1, None)).min()) for name in names)
        if least > 0:
            theories = (dataset[f"theory_{name}"].values for name in names if f"theory_{name}" in dataset)
            lowest = [float(found.min()) for values in theories if (found := values[values > ROUNDING]).size]
            axes.set_yscale("log")
            axes.set_ylim(bottom=min([least, *lowest]) / 2)
    say_upright(axes, title if len(names) > 1 else _label(dataset, names[0]))


def _label(dataset: xr.Dataset, name: str) -> str:
    attributes = dataset[name].attrs
    pair = PAIRS.get(attributes["pair"], attributes["pair"])
    # Theory calls the overlap of two students q.
    symbol = label(attributes).replace("R_", "q_") if attributes["pair"] == "student" else label(attributes)
    return f"{symbol}, {pair}" if pair else symbol


def _has_theory(dataset: xr.Dataset) -> bool:
    """Whether there is theory beside the results."""
    return "theory_free_entropy" in dataset and bool(dataset.theory_free_entropy.notnull().any())


def _has_larger_free_entropy(at: xr.Dataset, branch: str) -> np.ndarray:
    """Whether a branch is that of equilibrium. Both are where they are the same solution."""
    entropies = at.theory_free_entropy
    return (entropies.sel(branch=branch) >= entropies.max("branch") - SAME).values


def _parts(at: xr.Dataset, along: str) -> list[slice]:
    """Stretches in which the branches are the same, or are not: between them one of them begins, with a jump where the
    transition is of first order."""
    if along != "alpha":
        return [slice(None)]
    entropies = at.theory_free_entropy
    one = (entropies.max("branch") - entropies.min("branch") <= SAME).values
    ends = [0, *(np.flatnonzero(np.diff(one)) + 1), one.size]
    return [slice(*pair) for pair in itertools.pairwise(ends)]


def _lines(dataset: xr.Dataset, shown: Sequence[tuple[list[str], str]]) -> list[list[str]]:
    """What the lines are, as lines of a caption."""
    names = {name for names, _ in shown for name in names}
    baselines = (f"baseline_{dataset[name].attrs['quantity']}_mean" for name in names)
    told = ["dotted: baseline of another teacher"] if any(name in dataset for name in baselines) else []
    if not _has_theory(dataset):
        return [told]
    told += [f"theory of equilibrium ({limits(dataset)}) solid on the specialised branch, dashed on the other"]
    told += ["thick where the free entropy is the larger one"]
    if {"teacher_overlap", "student_overlap"} <= names and _coincide(dataset):
        told += ["lines of teacher and students are the same"]
    return [told, caveats(dataset)]


def _coincide(dataset: xr.Dataset) -> bool:
    """Whether R = q, as on the Nishimori line."""
    return bool(np.allclose(dataset.theory_teacher_overlap, dataset.theory_student_overlap, atol=1e-3, equal_nan=True))


def settled(dataset: xr.Dataset, name: str, share: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the last `share` of the records and over replicas, with its jackknife error over samples; the axes of the
    settings are left."""
    late = (
        dataset[name]
        .isel(step=slice(int((1 - share) * dataset.sizes["step"]), None))
        .mean(["step", "replica"], skipna=False)
    )
    return jackknife(late.transpose("sample", ...).values)
