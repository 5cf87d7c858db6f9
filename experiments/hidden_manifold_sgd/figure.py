"""Test error and overlaps against time on hidden manifolds of several dimensions, simulation over theory.

python experiments/hidden_manifold_sgd/figure.py runs/hidden_manifold_sgd experiments/hidden_manifold_sgd/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import overlay, with_error


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: int(data.attrs["data.law.latent"]))
    figure = Figure(figsize=(13, 4), layout="constrained")
    error, difference, single = figure.subplots(1, 3)
    print("| D | t | test error, simulation | theory | difference / theory |")
    print("|---|---|---|---|---|")
    for row, data in enumerate(found):
        latent, style = data.attrs["data.law.latent"], {"color": f"C{row}"}
        overlay(error, data, "test_error", label=f"$D={latent}$", **style)
        relative = ((data.test_error - data.theory_test_error) / data.theory_test_error).transpose("sample", "t")
        mean, spread = jackknife(relative.values)
        difference.errorbar(data.t, mean, spread, fmt="o-", ms=3, lw=0.8, capsize=1.5, **style)
        for t in (1.0, 10.0, float(data.t[-1])):
            at = data.sel(t=t, method="nearest")
            here = int(np.flatnonzero(data.t.values == float(at.t))[0])
            test = with_error(float(at.test_error_mean), float(at.test_error_error))
            theory = f"{float(at.theory_test_error.mean()):.4g}"
            print(f"| {latent} | {float(at.t):.3g} | {test} | {theory} | {with_error(mean[here], spread[here])} |")
    one = found[len(found) // 2].isel(sample=0)
    for k in range(one.sizes["student"]):
        for m in range(one.sizes["teacher"]):
            _single(
                single,
                one.isel(student=k, teacher=m),
                "R",
                f"C{4 + m}",
                f"$E\\lambda_k\\nu_{m + 1}$" if k == 0 else None,
            )
        _single(single, one.isel(student=k, student_2=k), "Q", "0.3", r"$E\lambda_k^2$" if k == 0 else None)
    error.set(yscale="log", ylabel=r"test error $\epsilon$, mean over samples")
    difference.axhline(0, color="0.6", lw=0.8)
    difference.set_ylabel(r"$(\epsilon-\epsilon_{th})/\epsilon_{th}$, each sample with its own theory")
    single.set_title(f"one sample, $D={one.attrs['data.law.latent']}$", fontsize=10)
    for axes in (error, difference, single):
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set(xlim=(0, None), xlabel="$t$ = steps / $N$")
    error.legend(fontsize=8)
    single.legend(fontsize=8)
    sizes = found[0]
    figure.suptitle(
        f"N = {sizes.attrs['network.width']}, x = sgn(F c / sqrt D), erf, {sizes.sizes['sample']} samples; "
        f"points: simulation, jackknife errors ({sizes.attrs['data.test_patterns']} test patterns), lines: theory",
        fontsize=9,
    )
    figure.savefig(output, dpi=150)


def _single(axes: Axes, data: xr.Dataset, name: str, colour: str, label: str | None) -> None:
    """One sample: points of `name` and the line of its theory."""
    axes.plot(data.t, data[name], "o", ms=3, color=colour, label=label)
    axes.plot(data.t, data[f"theory_{name}"], "-", lw=1, color=colour)


if __name__ == "__main__":
    main(*sys.argv[1:])
