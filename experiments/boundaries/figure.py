"""Overlaps by layer of greedy students with their teacher, and sweeps until E = 0, from run directories.

python experiments/boundaries/figure.py runs/boundaries experiments/boundaries/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

SPINS, WEIGHTS = "gauge_invariant_overlap_squared_train", "gauge_invariant_weight_overlap"
#: Lines of the two closures, both from their ordered branch.
CLOSURES = {"layered": "-", "yoshino": ":"}


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print two tables, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=size_of)
    print_overlaps(found)
    print_times(found)
    width, depth = min(size_of(data)[0] for data in found), 8
    shown = [data for data in found if size_of(data)[:2] == (width, depth)] or found[:1]
    figure = Figure(figsize=(15, 8.4), layout="constrained")
    (spins, weights, fronts), (students, verdict, times) = figure.subplots(2, 3)
    for index, data in enumerate(shown):
        style = {"color": f"C{index}", "label": rf"$\alpha={size_of(data)[2]:g}$"}
        profile(spins, data, SPINS, "teacher", slice(0, -1), style)
        profile(students, data, SPINS, "student", slice(0, -1), style)
        profile(weights, data, WEIGHTS, "teacher", slice(None), style)
    for axes, title in (
        (spins, "spins of hidden layers: student and teacher"),
        (students, "spins of hidden layers: two students"),
        (weights, "weights: student and teacher"),
    ):
        axes.axhline(0, color="0.7", lw=0.8)
        axes.set(title=title, xlabel="layer $l$", yscale="symlog")
        axes.set_yscale("symlog", linthresh=0.01)
        axes.set_ylabel("overlap, less that of independent machines")
    for closure, line in CLOSURES.items():
        spins.plot([], [], line, color="0.5", label=f"{closure}, dense limit")
    spins.legend(fontsize=8, ncols=2)
    one = shown[len(shown) // 2]
    draw_fronts(fronts, one)
    draw_verdict(verdict, found)
    draw_times(times, found)
    sizes = found[0].sizes
    figure.suptitle(
        f"greedy, random starts, random wiring, c = {int(found[0].attrs['network.fan_in'])}; profiles: N = {width}, "
        f"L = {shown[0].sizes['layer']}; {sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors",
        fontsize=10,
    )
    figure.savefig(file, dpi=110)


def size_of(data: xr.Dataset) -> tuple[int, int, float]:
    """N, L, alpha."""
    return int(data.attrs["network.width"]), data.sizes["layer"], float(data.attrs["data.alpha"])


def excess(data: xr.Dataset, name: str, other: str = "teacher") -> np.ndarray:
    """Overlaps with `other` [sample, layer, sweep], less those of independent machines on the same inputs and wiring."""
    own = data[f"{other}_{name}"]
    own = own.mean([dim for dim in own.dims if dim not in ("sample", "layer", "sweep")])
    baseline = data[f"baseline_{name}"].mean("machine")
    return (own - baseline).transpose("sample", "layer", "sweep").values


def contrasts(values: np.ndarray, hidden: bool) -> dict[str, tuple[float, float]]:
    """First and last layer less the central ones, from overlaps [sample, layer], and those layers themselves."""
    layers = values[:, :-1] if hidden else values
    middle = layers.shape[1] // 2
    centre = layers[:, middle] if layers.shape[1] % 2 else layers[:, middle - 1 : middle + 1].mean(1)
    there = {
        "input": layers[:, 0],
        "centre": centre,
        "output": layers[:, -1],
        "input - centre": layers[:, 0] - centre,
        "output - centre": layers[:, -1] - centre,
    }
    return {name: tuple(map(float, jackknife(value))) for name, value in there.items()}


def times_to_zero(data: xr.Dataset) -> tuple[np.ndarray, float]:
    """log10 of the sweeps until E = 0 [sample, replica], the middle between two records, and the share that got there.

    A chain that did not get there counts with the last sweep: the mean is then a bound.
    """
    solved = (data.wrong_outputs == 0).transpose("sample", "replica", "sweep").values
    sweeps = np.maximum(data.sweep.values.astype(float), 0.5)
    first = np.where(solved.any(-1), solved.argmax(-1), len(sweeps) - 1)
    middle = np.sqrt(sweeps[first] * sweeps[np.maximum(first - 1, 0)])
    return np.log10(np.where(solved.any(-1), middle, sweeps[-1])), float(solved.any(-1).mean())


def print_overlaps(found: list[xr.Dataset]) -> None:
    for name, what, hidden in ((SPINS, "spins", True), (WEIGHTS, "weights", False)):
        print(f"\n| N | L | alpha | E/(MN) | test error | {what}: input | centre | output ", end="")
        print("| input - centre | in errors | output - centre | in errors |\n" + "|---" * 12 + "|")
        for data in found:
            last = data.isel(sweep=-1)
            cells = [
                with_error(float(last[f"{key}_mean"]), float(last[f"{key}_error"])) for key in ("energy", "test_error")
            ]
            values = contrasts(excess(data, name)[..., -1], hidden)
            cells += [with_error(*values[key]) for key in ("input", "centre", "output")]
            for key in ("input - centre", "output - centre"):
                value, error = values[key]
                cells += [with_error(value, error), f"{value / error:.1f}"]
            print(f"| {' | '.join(map(str, size_of(data)))} | {' | '.join(cells)} |")


def print_times(found: list[xr.Dataset]) -> None:
    print("\n| N | L | alpha | chains with E = 0 | log10 of the sweeps until then |\n|---|---|---|---|---|")
    for data in found:
        logs, share = times_to_zero(data)
        value = with_error(*map(float, jackknife(logs.mean(1))))
        print(f"| {' | '.join(map(str, size_of(data)))} | {share:.1%} | {'' if share == 1 else 'at least '}{value} |")


def profile(axes: Axes, data: xr.Dataset, name: str, other: str, part: slice, style: dict) -> None:
    """Overlaps at the last sweep by layer, and the dense limit's."""
    value, error = jackknife(excess(data, name, other)[..., -1])
    layers = data.layer.values[part]
    axes.errorbar(layers, value[part], error[part], marker="o", ls="none", capsize=2, ms=4, **style)
    if "theory_result" not in data:
        return
    for closure, line in CLOSURES.items():
        theory = data.sel(closure=closure, branch="ordered")
        spins = np.abs(theory.theory_spin_overlap_train.values)
        if name == SPINS:
            values = spins**2
        else:
            below = np.concatenate([[1.0], spins[:-1]])
            values = below * np.abs(theory.theory_weight_overlap.values) * spins
        axes.plot(layers, values[part], line, color=style["color"], lw=0.8)


def draw_fronts(axes: Axes, data: xr.Dataset) -> None:
    """Spins of each hidden layer against sweeps."""
    value, error = jackknife(excess(data, SPINS))
    hidden = data.sizes["layer"] - 1
    for layer in range(hidden):
        shade = {"color": f"C{layer}", "label": f"$l={layer + 1}$"}
        line = "-" if layer in (0, hidden - 1) else "--"
        axes.errorbar(data.sweep, value[layer], error[layer], ls=line, lw=1, capsize=2, **shade)
    axes.axhline(0, color="0.7", lw=0.8)
    axes.set_xscale("symlog", linthresh=1)
    width, depth, alpha = size_of(data)
    axes.set(title=rf"spins, $N={width}$, $L={depth}$, $\alpha={alpha:g}$", xlabel="sweeps", xlim=(0, None))
    axes.legend(fontsize=7, ncols=2)


def draw_verdict(axes: Axes, found: list[xr.Dataset]) -> None:
    """First and last hidden layer less the central one, against alpha."""
    for index, (key, members) in enumerate(series_of(found).items()):
        values = [contrasts(excess(data, SPINS)[..., -1], True) for data in members]
        alphas = np.array([size_of(data)[2] for data in members]) * 1.03 ** (index - 2)
        for name, line in (("input - centre", "o-"), ("output - centre", "v:")):
            value, error = zip(*(found[name] for found in values), strict=True)
            label = f"$N={key[0]}$, $L={key[1]}$" if line == "o-" else None
            axes.errorbar(alphas, value, error, fmt=line, color=f"C{index}", capsize=2, ms=4, lw=1, label=label)
    axes.plot([], [], "ko-", label="first hidden layer less the centre")
    axes.plot([], [], "kv:", label="last hidden layer less the centre")
    axes.axhline(0, color="0.7", lw=0.8)
    axes.set(title="spins: ends less centre", xlabel=r"$\alpha$", xscale="log", ylabel="difference of overlaps")
    axes.set_yscale("symlog", linthresh=0.01)
    axes.legend(fontsize=7)


def draw_times(axes: Axes, found: list[xr.Dataset]) -> None:
    """Sweeps until E = 0 against depth."""
    curves: dict[tuple[int, float], list[xr.Dataset]] = {}
    for data in found:
        width, _, alpha = size_of(data)
        curves.setdefault((width, alpha), []).append(data)
    widths = sorted({width for width, _ in curves})
    alphas = sorted({alpha for _, alpha in curves})
    for (width, alpha), members in curves.items():
        depths = [data.sizes["layer"] for data in members]
        logs = [times_to_zero(data) for data in members]
        value, error = zip(*(jackknife(log.mean(1)) for log, _ in logs), strict=True)
        low, high = 10 ** np.array(value), 10 ** (np.array(value) + np.array(error))
        style = {"color": f"C{alphas.index(alpha)}", "marker": "osD^"[widths.index(width) % 4], "lw": 1, "ms": 4}
        axes.errorbar(depths, low, high - low, capsize=2, label=rf"$N={width}$, $\alpha={alpha:g}$", **style)
        bounds = [(x, y) for x, y, (_, share) in zip(depths, low, logs, strict=True) if share < 1]
        if bounds:
            axes.plot(*zip(*bounds, strict=True), ls="none", marker=r"$\uparrow$", ms=14, color=style["color"])
    axes.set(title="time to learn all patterns", xlabel="depth $L$", yscale="log")
    axes.set_xticks(sorted({data.sizes["layer"] for data in found}))
    axes.set_ylabel("sweeps until $E=0$ (geometric mean)")
    axes.legend(fontsize=7, ncols=2)


def series_of(found: list[xr.Dataset]) -> dict[tuple[int, int], list[xr.Dataset]]:
    """Runs by N and L, each along alpha."""
    series: dict[tuple[int, int], list[xr.Dataset]] = {}
    for data in found:
        series.setdefault(size_of(data)[:2], []).append(data)
    return series


if __name__ == "__main__":
    main(*sys.argv[1:])
