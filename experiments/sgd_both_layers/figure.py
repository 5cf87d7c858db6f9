"""Final test error against the number of student units, first layer alone and both layers, from run directories.

python experiments/sgd_both_layers/figure.py runs/sgd_both_layers experiments/sgd_both_layers/figure.png
"""

import sys
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

KINDS = ("erf", "linear", "relu")


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    panels = figure.subplots(1, 3)
    each = "simulation | theory | theory, later"
    print(f"| units | K | first layer alone: {each} | both layers: {each} |")
    print("|---|---|---|---|---|---|---|---|")
    for axes, kind in zip(panels, KINDS, strict=True):
        rows: dict[int, list[str]] = {}
        for column, (both, colour, label) in enumerate(
            ((False, "C0", "first layer alone"), (True, "C1", "both layers"))
        ):
            members = [d for d in found if d.attrs["network.activation"] == kind and _both(d) == both]
            members.sort(key=lambda data: data.sizes["student"])
            for simulated, style, offset in ((True, "-", 0), (False, ":", 2)):
                own = [data for data in members if ("test_error" in data) == simulated]
                sizes = [data.sizes["student"] for data in own]
                line = [float(data.theory_test_error[-1]) / _scale(data) for data in own]
                if own:
                    text = f"{label}, $t={float(own[0].t[-1]):g}$"
                    axes.plot(sizes, line, style, lw=1.2, color=colour, label=text)
                for data, value in zip(own, line, strict=True):
                    cells = rows.setdefault(data.sizes["student"], [""] * 6)
                    cells[3 * column + max(offset, 1)] = f"{value:.4g}"
                    if simulated:
                        last, scale = data.isel(t=-1), _scale(data)
                        mean, error = float(last.test_error_mean) / scale, float(last.test_error_error) / scale
                        axes.errorbar(last.sizes["student"], mean, error, fmt="o", ms=4, capsize=2, color=colour)
                        cells[3 * column] = with_error(mean, error)
        for size, cells in sorted(rows.items()):
            print(f"| {kind} | {size} | {' | '.join(cells)} |")
        axes.set(xlabel="student units $K$", ylim=(0, None), title=kind)
        if rows:
            axes.legend(fontsize=8)
    for data in found:
        if "test_error" not in data and _both(data):
            mean = float(abs(data.theory_v.isel(t=-1)).mean())
            print(
                f"both layers, {data.attrs['network.activation']}, K = {data.sizes['student']}, later: mean |v| = {mean:.2f}"
            )
    panels[0].set_ylabel(r"$\epsilon/(\eta\sigma^2)$ at the end")
    data = next(data for data in found if "test_error" in data)
    figure.suptitle(
        f"M = {data.sizes['teacher']}, lr = {data.attrs['training.lr']}, noise {data.attrs['data.noise']}; lines: theory, "
        f"points: simulation, N = {data.attrs['network.width']}, {data.sizes['sample']} samples, jackknife errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=150)


def _both(data: xr.Dataset) -> bool:
    return float(data.attrs["training.lr_second"]) > 0


def _scale(data: xr.Dataset) -> float:
    return float(data.attrs["training.lr"]) * float(data.attrs["data.noise"]) ** 2


if __name__ == "__main__":
    main(*sys.argv[1:])
