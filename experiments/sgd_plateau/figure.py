"""Escape from the symmetric plateau against the initial asymmetry, from run directories.

python experiments/sgd_plateau/figure.py runs/sgd_plateau experiments/sgd_plateau/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import overlay, with_error


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    theory = {_asymmetry(d): d for d in found if "test_error" not in d}
    simulated = {_asymmetry(d): d for d in found if "test_error" in d}
    figure = Figure(figsize=(13, 4), layout="constrained")
    curves, overlaps, times = figure.subplots(1, 3)
    print("| asymmetry | escape, theory | escape, simulation |")
    print("|---|---|---|")
    lines, points = [], []
    for row, asymmetry in enumerate(sorted({*theory, *simulated}, reverse=True)):
        style = {"color": f"C{row}"}
        cells = ["", ""]
        if asymmetry in theory:
            data = theory[asymmetry]
            overlay(curves, data, "test_error", label=f"$X={asymmetry:g}$", **style)
            for teacher in range(2):
                overlay(overlaps, data.isel(student=0, teacher=teacher), "R", **style)
            lines.append((asymmetry, escape(data.t.values, data.theory_R.values)))
            cells[0] = f"{lines[-1][1]:.1f}"
        if asymmetry in simulated:
            data = simulated[asymmetry]
            each = [escape(data.t.values, R) for R in data.R.values]
            if np.isfinite(each).all():
                mean, error = float(np.mean(each)), float(np.std(each, ddof=1) / len(each) ** 0.5)
                points.append((asymmetry, mean, error))
                cells[1] = with_error(mean, error)
            else:
                cells[1] = f"{np.isfinite(each).sum()} of {len(each)} escaped"
            for sample in data.test_error.values:
                curves.plot(data.t, sample, ":", lw=0.8, alpha=0.6, **style)
        print(f"| {asymmetry:g} | {' | '.join(cells)} |")
    asymmetries, escapes = np.array(lines).T
    small = (asymmetries < 1e-2) & np.isfinite(escapes)
    label = "theory"
    if small.sum() > 1:
        slope, offset = np.polyfit(np.log(1 / asymmetries[small]), escapes[small], 1)
        print(
            f"\nescape time = {slope:.2f} ln(1 / asymmetry) {offset:+.1f}: growth rate {1 / slope:.5f} on the plateau"
        )
        label = rf"theory; slope {slope:.1f} a factor $e$"
    times.plot(asymmetries, escapes, "o-", label=label)
    if points:
        x, y, error = np.array(points).T
        times.errorbar(x, y, error, fmt="s", capsize=2, label=f"simulation, $N={found[0].attrs['network.width']}$")
    times.set(xscale="log", xlabel="initial asymmetry $X$", ylabel=r"time until $|R_{11}-R_{12}|=1/2$")
    curves.set(
        yscale="log", ylabel=r"test error $\epsilon$", ylim=(1e-6, 1), title="lines: theory; dotted: single simulations"
    )
    overlaps.set(ylabel="$R_{11}, R_{12}$, theory")
    for axes in (curves, overlaps):
        axes.set(xlabel="$t$ = steps / $N$", xlim=(0, None))
    curves.legend(fontsize=8)
    times.legend(fontsize=8)
    figure.suptitle("K = M = 2, erf, lr = 0.2, no noise; Q = 1/4, R = X for paired units and 0 otherwise", fontsize=9)
    figure.savefig(output, dpi=150)


def escape(t: np.ndarray, R: np.ndarray) -> float:
    """First time at which the first student unit prefers one teacher unit by 1/2, linear between records; inf if never."""
    gap = np.abs(R[:, 0, 0] - R[:, 0, 1])
    above = np.flatnonzero(gap >= 0.5)
    if not above.size:
        return float("inf")
    after = max(int(above[0]), 1)
    share = (0.5 - gap[after - 1]) / (gap[after] - gap[after - 1])
    return float(t[after - 1] + share * (t[after] - t[after - 1]))


def _asymmetry(data: xr.Dataset) -> float:
    return float(data.attrs["training.start.asymmetry"])


if __name__ == "__main__":
    main(*sys.argv[1:])
