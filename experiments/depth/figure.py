"""Test error against depth at several widths, and the effective dimension of the layers, from run directories.

python experiments/depth/figure.py runs/depth experiments/depth/figure.png
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print the table, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0, sweep=-1) for done in sorted(Path(runs).rglob("DONE"))]
    by_width: dict[int, dict] = {}
    for data in found:
        by_width.setdefault(int(data.attrs["network.width"]), {})[data.sizes["layer"]] = data
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    print("| N | L | E/(MN) | test error | effective dimension / N in the last layer: students | teacher |")
    print("|---|---|---|---|---|---|")
    for index, (width, runs_of) in enumerate(sorted(by_width.items())):
        depths = sorted(runs_of)
        for depth in depths:
            data = runs_of[depth]
            energy, test = (
                with_error(float(data[f"{n}_mean"]), float(data[f"{n}_error"])) for n in ("energy", "test_error")
            )
            last = data.isel(layer=-1)
            dims = (
                with_error(float(last[f"{name}_mean"]) / width, float(last[f"{name}_error"]) / width)
                for name in ("effective_dimension", "teacher_effective_dimension")
            )
            print(f"| {width} | {depth} | {energy} | {test} | {' | '.join(dims)} |")
        errors = [float(runs_of[d].test_error_error) for d in depths]
        shade = {"color": f"C{index}", "marker": "o", "capsize": 2, "label": f"$N={width}$"}
        left.errorbar(depths, [float(runs_of[d].test_error_mean) for d in depths], errors, **shade)
        deep = runs_of[depths[-1]]
        for machine, prefix, style in (("student", "", "o-"), ("teacher", "teacher_", "x:")):
            value, error = (deep[f"{prefix}effective_dimension_{s}"] / width for s in ("mean", "error"))
            label = f"$N={width}$, {machine}"
            right.errorbar(deep.layer, value, error, fmt=style, color=f"C{index}", capsize=2, ms=4, lw=1, label=label)
    left.axhline(0.5, color="0.6", ls=":", lw=0.8)
    left.set(xlabel="depth $L$", ylabel=r"test error $\epsilon$", ylim=(0, 0.52))
    right.set(xlabel="layer $l$", ylabel=r"effective dimension $(\mathrm{Tr}\,C)^2/(N\,\mathrm{Tr}\,C^2)$", ylim=(0, 1))
    right.set_title(f"deepest machines, $L={max(d for r in by_width.values() for d in r)}$", fontsize=10)
    for axes in (left, right):
        axes.legend(fontsize=8)
    sizes = found[0].sizes
    text = f"sweep {int(found[0].sweep)}, {sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors"
    figure.suptitle(text, fontsize=9)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
