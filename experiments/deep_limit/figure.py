"""Test error against depth at several N/c beside both closures, from run directories.

python experiments/deep_limit/figure.py runs/deep_limit experiments/deep_limit/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

CLOSURES = {"layered": "-", "yoshino": ":"}


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print the table, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: (*ratio_of(data), data.sizes["layer"]))
    print("| alpha | N/c | L | E/(MN) | chains with E = 0 | test error | 1/2 - error, in errors |")
    print("|---|---|---|---|---|---|---|")
    series: dict[float, dict[float, list[xr.Dataset]]] = {}
    for data in found:
        alpha, ratio = ratio_of(data)
        series.setdefault(alpha, {}).setdefault(ratio, []).append(data)
        last = data.isel(sweep=-1)
        energy, test = (
            with_error(float(last[f"{name}_mean"]), float(last[f"{name}_error"])) for name in ("energy", "test_error")
        )
        below = (0.5 - float(last.test_error_mean)) / float(last.test_error_error)
        cells = (f"{alpha:g}", f"{ratio:g}", data.sizes["layer"], energy, f"{solved(data):.0%}", test, f"{below:.1f}")
        print(f"| {' | '.join(map(str, cells))} |")
    figure = Figure(figsize=(4.8 * len(series), 4.6), layout="constrained")
    for axes, (alpha, curves) in zip(figure.subplots(1, len(series), squeeze=False)[0], series.items(), strict=True):
        depths = np.arange(1, 1 + max(data.sizes["layer"] for members in curves.values() for data in members))
        for closure, line in CLOSURES.items():
            errors = [
                float(dsm.theory.deep_student_machine(int(depth), alpha, closure=closure, branch="ordered").test_error)
                for depth in depths
            ]
            axes.plot(depths, errors, line, color="0.4", lw=1, label=f"{closure}, dense limit")
        for index, (ratio, members) in enumerate(curves.items()):
            last = [data.isel(sweep=-1) for data in members]
            style = {"color": f"C{index}", "lw": 1, "capsize": 2, "label": f"$N/c={ratio:g}$"}
            at = [data.sizes["layer"] for data in members]
            axes.errorbar(
                at, [float(d.test_error_mean) for d in last], [float(d.test_error_error) for d in last], **style
            )
            for data, depth in zip(last, at, strict=True):
                face = f"C{index}" if solved(data) == 1 else "white"
                axes.plot(depth, float(data.test_error_mean), "o", ms=5, mec=f"C{index}", mfc=face)
        axes.axhline(0.5, color="0.7", ls="--", lw=0.8)
        axes.set(title=rf"$\alpha={alpha:g}$", xlabel="depth $L$", ylabel=r"test error $\epsilon$", ylim=(0, 0.52))
        axes.set_xscale("log", base=2)
        axes.legend(fontsize=8)
    sizes = found[0].sizes
    figure.suptitle(
        f"greedy, random starts, c = {int(found[0].attrs['network.fan_in'])}\nfilled: all chains have E = 0, open: not "
        f"all\n{sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors",
        fontsize=9,
    )
    figure.savefig(file, dpi=110)


def ratio_of(data: xr.Dataset) -> tuple[float, float]:
    """alpha and N/c."""
    attrs = data.attrs
    return float(attrs["data.alpha"]), int(attrs["network.width"]) / int(attrs["network.fan_in"])


def solved(data: xr.Dataset) -> float:
    """Share of the chains without training errors at the end."""
    last = data.isel(sweep=-1) if "sweep" in data.dims else data
    return float((last.wrong_outputs == 0).mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
