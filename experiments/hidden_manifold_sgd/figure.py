"""Test error and overlaps against time on hidden manifolds of several dimensions, simulation over theory.

python experiments/hidden_manifold_sgd/figure.py runs/hidden_manifold_sgd experiments/hidden_manifold_sgd/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import overlay, with_error


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: int(data.attrs["data.stream.latent"]))
    figure = Figure(figsize=(13, 4), layout="constrained")
    error, cross, own = figure.subplots(1, 3)
    print("| D | t | test error, simulation | theory | difference / theory, per sample | R (units paired) | theory |")
    print("|---|---|---|---|---|---|---|")
    for row, data in enumerate(found):
        latent, style = data.attrs["data.stream.latent"], {"color": f"C{row}"}
        overlay(error, data, "test_error", label=f"$D={latent}$", **style)
        for k in range(data.sizes["student"]):
            same = data.isel(student=k, teacher=k)
            overlay(cross, same, "R", **style)
            overlay(cross, data.isel(student=k, teacher=1 - k), "R", **style, alpha=0.35)
            overlay(own, data.isel(student=k, student_2=k), "Q", **style)
        for t in (1.0, 10.0, float(data.t[-1])):
            at = data.sel(t=t, method="nearest")
            print("|", " | ".join([latent, f"{float(at.t):.3g}", *_row(at)]), "|")
    error.set_yscale("log")
    for axes, label in ((error, r"test error $\epsilon$"), (cross, r"$E\lambda_k\nu_m$"), (own, r"$E\lambda_k^2$")):
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_xlim(left=0)
        axes.set_xlabel("$t$ = steps / $N$")
        axes.set_ylabel(label)
    error.legend(fontsize=8)
    cross.set_title("pale: $k \\neq m$", fontsize=9)
    sizes = found[0]
    figure.suptitle(
        f"N = {sizes.attrs['network.width']}, x = sgn(F c / sqrt D), erf units, {sizes.sizes['sample']} samples with features "
        "and theory of their own; points: simulation with jackknife errors, lines: theory",
        fontsize=9,
    )
    figure.savefig(output, dpi=150)


def _row(at: xr.Dataset) -> list[str]:
    difference, spread = jackknife(((at.test_error - at.theory_test_error) / at.theory_test_error).values)
    paired = at.R.isel(student=xr.DataArray([0, 1], dims="unit"), teacher=xr.DataArray([0, 1], dims="unit")).mean(
        "unit"
    )
    overlap = jackknife(paired.values)
    theory = at.theory_R.isel(student=xr.DataArray([0, 1], dims="unit"), teacher=xr.DataArray([0, 1], dims="unit"))
    return [
        with_error(float(at.test_error_mean), float(at.test_error_error)),
        f"{float(at.theory_test_error.mean()):.4g}",
        with_error(float(difference), float(spread)),
        with_error(float(overlap[0]), float(overlap[1])),
        f"{float(np.mean(theory)):.4g}",
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
