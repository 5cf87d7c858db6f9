r"""Specialisation layer by layer in deep networks (figure "deep L-shape" of arXiv:1909.13458).

python experiments/specialisation_deep/figure.py runs/specialisation_deep \
    experiments/specialisation_deep/figure.png reference.csv

The reference is a table of a run of the authors' code, with columns `epoch` (-1 before training) and `L0_mean`,
`L1_mean`, ...; it is drawn in the panel of learning curves.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

EPOCHS = (0, 25, 50, 75, 100)


def main(runs: str, output: str, reference: str | None = None) -> None:
    """Draw the first run below `runs`, finished or not."""
    (first, *_) = sorted(Path(runs).rglob("results.nc"))
    data = dsm.load(first.parent).isel(decay=0, lr=0)
    test = data.sel(inputs="test")
    epochs = sorted({int(data.epoch.sel(epoch=epoch, method="nearest")) for epoch in EPOCHS})
    layers = data.layer.values
    figure = Figure(figsize=(2.6 * (len(epochs) + 1.4), 2.3 * len(layers)), layout="constrained")
    grid = figure.subplots(
        len(layers), len(epochs) + 1, squeeze=False, gridspec_kw={"width_ratios": [1] * len(epochs) + [1.4]}
    )
    authors = None if reference is None else pd.read_csv(reference)
    for row, layer in enumerate(layers[::-1]):  # the input below, as in a network
        at = test.sel(layer=layer)
        for column, epoch in enumerate(epochs):
            axes, now = grid[row][column], at.sel(epoch=epoch)
            axes.scatter(now.teacher_specialisation, now.strength, s=2, lw=0, alpha=0.35)
            axes.set_xlim(-0.05, 1.03)
            axes.set_title(f"layer {layer}, epoch {epoch}", fontsize=8)
            if row == len(layers) - 1:
                axes.set_xlabel(r"$\max_j\rho_{jk}$")
        grid[row][0].set_ylabel(r"$\sqrt{E\,\beta_{kk}}$")
        curve = grid[row][-1]
        best, error = jackknife(at.teacher_best_correlation.mean("teacher").transpose("sample", "epoch").values)
        curve.errorbar(data.epoch, best, np.nan_to_num(error), fmt="o-", ms=2.5, lw=0.9, elinewidth=0.7, label="here")
        chance = at.baseline_best_correlation.mean(["teacher", "sample"])
        curve.plot(data.epoch, chance, "--", color="0.4", lw=1, label="another teacher")
        if authors is not None:
            curve.plot(authors.epoch + 1, authors[f"L{layer - 1}_mean"], "k-", lw=1, label="authors' code, one seed")
        curve.set_ylim(0, 1.03)
        curve.set_xscale("symlog", linthresh=1)
        curve.set_xlim(left=0)
        curve.set_title(f"layer {layer}: mean of $\\max_k\\rho_{{jk}}$", fontsize=8)
        _row(layer, at, best, error)
    grid[-1][-1].set_xlabel("epoch")
    grid[0][-1].legend(fontsize=7)
    figure.suptitle(
        f"teacher {data.attrs['network.teachers']}, multi {data.attrs['network.multi']}, {data.attrs['data.patterns']} "
        f"patterns, {data.sizes['sample']} samples: every student unit",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _row(layer: int, at, best: np.ndarray, error: np.ndarray) -> None:
    """Mean best correlation at some epochs, and the share of teacher units above 0.9 at the end."""
    covered = at.teacher_matched_units.sel(threshold=0.9) > 0
    covered = covered.where(at.teacher_best_correlation.notnull()).mean("teacher").isel(epoch=-1)
    at_epochs = {int(at.epoch[place]): with_error(best[place], error[place]) for place in range(len(at.epoch))}
    print(f"layer {layer}: above 0.9 at the end {float(covered.mean()):.2f}; mean best correlation", at_epochs)
    print("   baseline at the end", float(at.baseline_best_correlation.isel(epoch=-1).mean()))


if __name__ == "__main__":
    main(*sys.argv[1:])
