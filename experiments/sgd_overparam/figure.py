"""Final test error of soft committees against the number of student units, from run directories.

python experiments/sgd_overparam/figure.py runs/sgd_overparam experiments/sgd_overparam/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: data.sizes["student"])
    series: dict[tuple[float, float], list[xr.Dataset]] = {}
    for data in found:
        if "test_error" in data:
            series.setdefault(_rates(data), []).append(data)
    long = [data for data in found if "test_error" not in data]
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    final, drift, pairs = figure.subplots(1, 3)
    print("| lr | noise | K | eps / (lr noise^2), simulation | theory |")
    print("|---|---|---|---|---|")
    lines = []
    for row, ((lr, noise), members) in enumerate(sorted(series.items())):
        scale = lr * noise**2
        sizes = [data.sizes["student"] for data in members]
        theory = [float(data.theory_test_error[-1]) / scale for data in members]
        style = {"color": f"C{row}"}
        final.plot(sizes, theory, "-", lw=1, **style)
        final.plot([], [], "o-", label=rf"$\eta={lr:g}$, $\sigma={noise:g}$", **style)
        for data, value in zip(members, theory, strict=True):
            last = data.isel(t=-1)
            mean, error = float(last.test_error_mean) / scale, float(last.test_error_error) / scale
            final.errorbar(last.sizes["student"], mean, error, fmt="o", ms=4, capsize=2, **style)
            print(f"| {lr:g} | {noise:g} | {last.sizes['student']} | {with_error(mean, error)} | {value:.3f} |")
        if len(sizes) < 2:
            continue
        slope, offset = np.polyfit(sizes, theory, 1)
        lines.append(f"line through theory, lr = {lr:g}, noise = {noise:g}: {slope:.3f} K {offset:+.3f}")
    print("", *lines, sep="\n")
    for index, data in enumerate(long):
        lr, noise = _rates(data)
        later = data.isel(t=slice(1, None))
        style = {"color": f"C{index}", "lw": 1}
        drift.plot(later.t, later.theory_test_error / (lr * noise**2), label=f"$K={data.sizes['student']}$", **style)
        Q = data.theory_Q.isel(t=-1).values
        lengths = np.sqrt(np.diag(Q))
        cosines = (Q / np.outer(lengths, lengths))[np.triu_indices(len(Q), 1)]
        pairs.plot([data.sizes["student"]] * len(cosines), cosines, "_", ms=12, color=f"C{index}")
        late = float(data.theory_test_error[-1]) / (lr * noise**2)
        print(f"theory to t = {float(data.t[-1]):g}, K = {len(Q)}: {late:.3f}; cosines from {cosines.min():.4f}")
        drift.set_title(rf"$\eta={lr:g}$, $\sigma={noise:g}$", fontsize=10)
    final.set(xlabel="student units $K$", ylabel=r"$\epsilon/(\eta\sigma^2)$ at the end", ylim=(0, None))
    drift.set(xscale="log", yscale="log", xlabel="$t$", ylabel=r"$\epsilon/(\eta\sigma^2)$, theory")
    pairs.set(xlabel="student units $K$", ylabel="cosines between student units at the end, theory", ylim=(-1.05, 1.05))
    final.legend(fontsize=8)
    drift.legend(fontsize=7, ncols=2)
    data = next(iter(series.values()))[0]
    figure.suptitle(
        f"M = {data.sizes['teacher']}, erf, soft committees; left: t = {float(data.t[-1]):g}, lines: theory, points: "
        f"simulation, N = {data.attrs['network.width']}, {data.sizes['sample']} samples, jackknife errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=150)


def _rates(data: xr.Dataset) -> tuple[float, float]:
    return float(data.attrs["training.lr"]), float(data.attrs["data.noise"])


if __name__ == "__main__":
    main(*sys.argv[1:])
