"""Learning curves at several N over theory, how fluctuations shrink, and finite training sets.

python experiments/sgd_curves/figure.py runs/sgd_curves experiments/sgd_curves/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.plotting import overlay, with_error


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    online = sorted((d for d in found if d.attrs["data.patterns"] == "null"), key=_width)
    epochs = sorted((d for d in found if d.attrs["data.patterns"] != "null"), key=_patterns)
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    curves, shrinking, finite = figure.subplots(1, 3)
    for row, data in enumerate(online):
        overlay(curves, data, "test_error", color=f"C{row}", label=f"$N={_width(data)}$")
    curves.set_title("fresh inputs; lines: equations of motion", fontsize=10)
    shrink(shrinking, online)
    if epochs:
        same = [d for d in online if _width(d) == _width(epochs[0])]
        training_sets(finite, epochs, same[0] if same else epochs[0])
    for axes in (curves, finite):
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_xlim(left=0)
        axes.set_yscale("log")
        axes.set_xlabel("$t$ = steps / $N$")
        axes.set_ylabel(r"test error $\epsilon$")
        axes.legend(fontsize=8)
    attrs = found[0].attrs
    figure.suptitle(
        f"K = {attrs['network.students']}, M = {attrs['network.teachers']}, {attrs['network.activation']}, "
        f"lr = {attrs['training.lr']}, noise {attrs['data.noise']}; {found[0].sizes['sample']} samples from one start, "
        "jackknife errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=150)


def shrink(axes: Axes, online: list[xr.Dataset]) -> None:
    """Spread of order parameters between samples, and distance of test errors from theory, against N."""
    print(
        "| N | median of abs(eps - theory)/theory | spread of R | times sqrt(N) | mean of eps against theory, in s.e. |"
    )
    print("|---|---|---|---|---|")
    rows = []
    for data in online:
        late = data.isel(t=slice(1, None))
        relative = (np.abs(late.test_error - late.theory_test_error) / late.theory_test_error).median("t").values
        spreads = late.R.std("sample", ddof=1) ** 2
        spread = float(np.sqrt(spreads.mean()))
        error = spread / np.sqrt(2 * (data.sizes["sample"] - 1))  # of one standard deviation
        bias = ((late.test_error_mean - late.theory_test_error) / late.test_error_error).values
        width = _width(data)
        middle = (float(np.median(relative)), float(np.std(relative, ddof=1) / len(relative) ** 0.5))
        rows.append((width, *middle, spread, error))
        print(f"| {width} | {with_error(*middle)} | {with_error(spread, error)} | {spread * width**0.5:.3g} | "
              f"{bias.mean():+.1f} on average, {np.abs(bias).max():.1f} at most |")  # fmt: skip
    widths, middles, errors, spreads, uncertain = (np.array(column) for column in zip(*rows, strict=True))
    axes.errorbar(
        widths,
        middles,
        errors,
        fmt="o-",
        capsize=2,
        label=r"median $|\epsilon-\epsilon_{th}|/\epsilon_{th}$ of a sample",
    )
    axes.errorbar(widths, spreads, uncertain, fmt="s-", capsize=2, label="spread of $R_{km}$ between samples")
    axes.plot(widths, spreads[0] * (widths / widths[0]) ** -0.5, "k:", lw=1, label="$N^{-1/2}$")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("$N$")
    axes.set_xticks(widths, [f"{width}" for width in widths])
    axes.set_xticks([], minor=True)
    axes.legend(fontsize=8)


def training_sets(axes: Axes, epochs: list[xr.Dataset], online: xr.Dataset) -> None:
    """Test and training error with training sets of several sizes."""
    print("\n| P / N | epochs | test error at the end | training error | theory (fresh inputs) |")
    print("|---|---|---|---|---|")
    for row, data in enumerate(epochs):
        ratio, style = _patterns(data) / _width(data), {"color": f"C{row + 4}"}
        simulated = data.drop_vars([name for name in data if str(name).startswith("theory")])
        overlay(axes, simulated, "test_error", label=f"$P={ratio:g}N$", **style)
        axes.plot(data.t, data.train_error_mean, ls="--", lw=1, **style)
        last = data.isel(t=-1)
        cells = (with_error(float(last[f"{n}_mean"]), float(last[f"{n}_error"])) for n in ("test_error", "train_error"))
        print(f"| {ratio:g} | {float(last.t) / ratio:g} | {' | '.join(cells)} | {float(last.theory_test_error):.4g} |")
    overlay(axes, online, "test_error", color="0.3", label="fresh inputs")
    axes.set_title(f"N = {_width(online)}; dashed: training error", fontsize=10)


def _width(data: xr.Dataset) -> int:
    return int(data.attrs["network.width"])


def _patterns(data: xr.Dataset) -> int:
    return int(data.attrs["data.patterns"])


if __name__ == "__main__":
    main(*sys.argv[1:])
