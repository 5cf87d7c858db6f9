r"""Specialisation of student units against their fan-out at the end of training (figure "L-shape" of arXiv:1909.13458).

python experiments/specialisation_l_shape/figure.py runs/specialisation_l_shape \
    experiments/specialisation_l_shape/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm


def main(runs: str, output: str, teachers: str = "10") -> None:
    """Draw all runs below `runs` with so many teacher units; they may be those of the whole sweep."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found = [data for data in found if data.sizes["teacher"] == int(teachers)]
    found.sort(key=lambda data: data.attrs["network.multi"])
    decays = [decay for decay in (0, 1, 2) if decay in found[0].decay]
    figure = Figure(figsize=(3 * len(found), 2.6 * len(decays) + 0.5), layout="constrained")
    grid = figure.subplots(len(decays), len(found), squeeze=False, sharex=True, sharey="row")
    print("| p | multi | specialised | unmatched | fan-out of specialised | of unmatched | of the others | baseline |")
    print("|---|---|---|---|---|---|---|---|")
    for column, data in enumerate(found):
        last = data.isel(lr=0, layer=0, epoch=-1)
        for row, decay in enumerate(decays):
            axes, at = grid[row][column], last.sel(decay=decay)
            special = at.teacher_specialisation.sel(inputs="train").values.ravel()
            weight = at.fan_out_norm.values.ravel()
            samples = np.broadcast_to(np.arange(data.sizes["sample"])[:, None], at.fan_out_norm.shape).ravel()
            axes.scatter(special, weight, s=5, lw=0, alpha=0.6, c=samples, cmap="tab10")
            _table(decay, data.attrs["network.multi"], at, special, weight)
            axes.set_title(f"$p={decay:g}$, multi {data.attrs['network.multi']}", fontsize=9)
            if row == len(decays) - 1:
                axes.set_xlabel(r"best correlation $\max_j\rho_{jk}$")
        grid[0][column].set_xlim(-0.2, 1.05)
    for row in grid:
        row[0].set_ylabel("fan-out $|v_k|$")
    one = found[0]
    figure.suptitle(
        f"every student unit after {int(one.epoch[-1])} epochs; training inputs, M = {teachers}, "
        f"{one.sizes['sample']} samples (colours)",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _table(decay: float, multi: int, at: xr.Dataset, special: np.ndarray, weight: np.ndarray) -> None:
    """Shares of units with a correlation above 0.95 and below 0.5, and the norms of their fan-out, mean and largest."""
    upper, lower = special > 0.95, special < 0.5
    between = ~(upper | lower)
    norms = " | ".join(
        f"{weight[part].mean():.3f}, {weight[part].max():.3f}" if part.any() else "" for part in (upper, lower, between)
    )
    baseline = float(at.baseline_specialisation.sel(inputs="train").mean())
    print(f"| {decay:g} | {multi} | {upper.mean():.3f} | {lower.mean():.3f} | {norms} | {baseline:.3f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
