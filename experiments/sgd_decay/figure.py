"""Test error, and what surplus units become, against weight decay, from run directories.

python experiments/sgd_decay/figure.py runs/sgd_decay experiments/sgd_decay/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

#: Two units are a pair from this cosine on, a unit is small below this length.
OPPOSITE, SMALL = -0.9, 0.3


def main(runs: str, output: str) -> None:
    """Read all runs below `runs`, print the table, draw `output`."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: (data.sizes["student"], decay_of(data)))
    print("| K | weight decay | error / (lr noise^2) | theory | small units | units in pairs |")
    print("|---|---|---|---|---|---|")
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    errors, kinds = figure.subplots(1, 2)
    for index, size in enumerate(sorted({data.sizes["student"] for data in found})):
        members = [data for data in found if data.sizes["student"] == size]
        rows = np.array([scaled(data) for data in members])
        counts = np.array([counted(data) for data in members])
        decays = np.array([decay_of(data) for data in members])
        style = {"color": f"C{index}"}
        errors.errorbar(decays, rows[:, 0], rows[:, 1], fmt="o", ms=4, capsize=2, label=f"$K={size}$", **style)
        errors.plot(decays, rows[:, 2], lw=1, **style)
        kinds.plot(decays, counts[:, 0], "o-", ms=4, lw=1, label=f"$K={size}$, small", **style)
        kinds.plot(decays, counts[:, 1], "v:", ms=4, lw=1, label=f"$K={size}$, in pairs", **style)
        for decay, (mean, error, theory), (small, paired) in zip(decays, rows, counts, strict=True):
            print(f"| {size} | {decay:g} | {with_error(mean, error)} | {theory:.4g} | {small:.3g} | {paired:.3g} |")
    for axes in (errors, kinds):
        axes.set_xscale("symlog", linthresh=1e-4)
        axes.set(xlabel=r"weight decay $\kappa$", xlim=(0, None))
        axes.legend(fontsize=8)
    errors.set(ylabel=r"$\epsilon/(\eta\sigma^2)$ at the end", yscale="log")
    kinds.set(ylabel="units, mean over samples")
    one = found[0]
    figure.suptitle(
        f"erf, soft committees, M = {one.sizes['teacher']}, lr {one.attrs['training.lr']:g}, noise "
        f"{one.attrs['data.noise']:g}, t = {float(one.t[-1]):g}; points: N = {one.attrs['network.width']}, "
        f"{one.sizes['sample']} samples, jackknife errors; lines of the left panel: theory",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def decay_of(data: xr.Dataset) -> float:
    return float(data.attrs["training.weight_decay"])


def scaled(data: xr.Dataset) -> tuple[float, float, float]:
    """Test error at the end, its error, and theory, over lr noise^2."""
    unit = float(data.attrs["training.lr"]) * float(data.attrs["data.noise"]) ** 2
    last = data.isel(t=-1)
    names = ("test_error_mean", "test_error_error", "theory_test_error")
    mean, error, theory = (float(last[name]) / unit for name in names)
    return mean, error, theory


def counted(data: xr.Dataset) -> tuple[float, float]:
    """Small units, and units of opposite pairs, at the end; mean over samples."""
    Q = data.Q.isel(t=-1).transpose("sample", ...).values
    length = np.sqrt(np.maximum(np.diagonal(Q, axis1=1, axis2=2), 1e-12))
    cosines = Q / (length[:, :, None] * length[:, None, :])
    small = length < SMALL
    paired = ~small & (cosines.min(2) < OPPOSITE)
    return float(small.sum(1).mean()), float(paired.sum(1).mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
