r"""One point of the published sweep beside a run of the authors' code: the order of learning, and the loss.

python experiments/specialisation_sweep/figure.py runs/specialisation_sweep \
    experiments/specialisation_sweep/figure.png reference.csv

The reference is a table of the authors' run with a column `epoch` (-1 before training), columns `max_corr_eval_t<unit>` and
a column `eval_loss`; without it our samples are drawn alone.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib.figure import Figure

import dsm

MULTI, DECAY = 5, 1


def main(runs: str, output: str, reference: str | None = None, teachers: str = "10") -> None:
    """Draw the run with M = `teachers`, multi 5 and p = 1."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    (data,) = [
        data for data in found if data.sizes["teacher"] == int(teachers) and data.attrs["network.multi"] == MULTI
    ]
    data = data.isel(lr=0, layer=0).sel(decay=DECAY, inputs="test")
    authors = None if reference is None else pd.read_csv(reference)
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    learned, loss = figure.subplots(1, 2)
    shades = colormaps["viridis"](np.linspace(0, 0.9, data.sizes["teacher"]))
    for unit, colour in enumerate(shades):
        values = data.teacher_best_correlation.isel(teacher=unit).transpose("sample", "epoch").values
        error = values.std(0, ddof=1) / len(values) ** 0.5
        learned.errorbar(data.epoch, values.mean(0), error, fmt="o", ms=3, color=colour, elinewidth=0.7)
        if authors is not None:
            learned.plot(authors.epoch + 1, authors[f"max_corr_eval_t{unit}"], color=colour, lw=0.9)
    learned.plot(data.epoch, data.baseline_best_correlation.mean(["sample", "teacher"]), "--", color="0.4", lw=1)
    learned.set_ylabel(r"best correlation $\max_k\rho_{jk}$")
    learned.set_title("strong units (dark) to weak ones; dashed: another teacher", fontsize=9)
    for one in data.test_loss.transpose("sample", "epoch").values:
        loss.plot(data.epoch, one, color="C0", lw=0.8, alpha=0.6)
    if authors is not None:
        loss.plot(authors.epoch + 1, authors.eval_loss, color="k", lw=1.2, label="authors' code, one seed")
    loss.plot([], [], color="C0", label=f"here, {data.sizes['sample']} samples")
    loss.set_yscale("log")
    loss.set_ylabel("test loss")
    loss.legend(fontsize=8)
    for axes in (learned, loss):
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
        axes.set_xlabel("epoch")
    figure.suptitle(f"M = {teachers}, multi {MULTI}, p = {DECAY}; points: here, lines: authors' code", fontsize=9)
    figure.savefig(output, dpi=110)
    _table(data, authors)


def _table(data: xr.Dataset, authors: pd.DataFrame | None) -> None:
    """First recorded epoch at which a unit is recovered, by unit; the last of them; the final loss."""
    recovered = data.teacher_best_correlation > 0.95
    first = xr.where(recovered.any("epoch"), data.epoch[recovered.argmax("epoch")], np.nan)
    print("here, first epoch > 0.95, median over samples, by unit:", first.median("sample").values)
    print("here, all units covered at, by sample:", first.max("teacher", skipna=False).values)
    print("here, final test loss, by sample:", data.test_loss.isel(epoch=-1).values)
    if authors is not None:
        columns = authors[[f"max_corr_eval_t{unit}" for unit in range(data.sizes["teacher"])]].to_numpy() > 0.95
        own = np.where(columns.any(0), authors.epoch.to_numpy()[columns.argmax(0)] + 1, np.nan)
        print("authors, first epoch > 0.95, by unit:", own, "final test loss:", authors.eval_loss.iloc[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
