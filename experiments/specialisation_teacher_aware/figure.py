r"""Training sets made for the teacher against unstructured ones (arXiv:1909.13458).

python experiments/specialisation_teacher_aware/figure.py runs/specialisation_teacher_aware \
    experiments/specialisation_teacher_aware/figure.png
"""

import sys
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

SETS = {"gaussian": "--", "teacher_aware": "-"}


def main(runs: str, output: str) -> None:
    """Draw all runs below `runs`."""
    found = [dsm.load(done.parent).isel(decay=0, lr=0, layer=0) for done in sorted(Path(runs).rglob("DONE"))]
    multis = sorted({data.attrs["network.multi"] for data in found})
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    loss, recovered = figure.subplots(1, 2)
    print("| set | multi | patterns | test loss | recovered units | baseline |")
    print("|---|---|---|---|---|---|")
    for place, multi in enumerate(multis):
        for name, style in SETS.items():
            series = [d for d in found if (d.attrs["network.multi"], d.attrs["data.dataset.name"]) == (multi, name)]
            series.sort(key=lambda data: data.attrs["data.patterns"])
            if not series:
                continue
            sizes = [data.attrs["data.patterns"] for data in series]
            look = {"fmt": "o" + style, "ms": 3, "lw": 1, "color": f"C{place}", "label": f"multi {multi}, {name}"}
            losses = [_end(data.test_loss) for data in series]
            best = [data.teacher_best_correlation.sel(inputs="test") for data in series]
            shares = [_end((one > 0.95).mean("teacher")) for one in best]
            loss.errorbar(sizes, *zip(*losses, strict=True), **look)
            recovered.errorbar(sizes, *zip(*shares, strict=True), **look)
            for row, data in enumerate(series):
                chance = float((data.baseline_best_correlation.sel(inputs="test").isel(epoch=-1) > 0.95).mean())
                cells = ["{:.1e}({:.0e})".format(*losses[row]), with_error(*shares[row])]
                print(f"| {name} | {multi} | {sizes[row]} | {cells[0]} | {cells[1]} | {chance:g} |")
    loss.set_yscale("log")
    loss.set_ylabel("test loss (normal inputs)")
    recovered.set_ylabel(r"share of teacher units with $\max_k\rho_{jk}>0.95$")
    recovered.set_ylim(-0.03, 1.05)
    for axes in (loss, recovered):
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(sorted({data.attrs["data.patterns"] for data in found}))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set_xlabel("training patterns")
    loss.legend(fontsize=7)
    figure.suptitle(
        f"after {int(found[0].epoch[-1])} epochs; {found[0].sizes['sample']} samples, standard errors", fontsize=9
    )
    figure.savefig(output, dpi=110)


def _end(values: xr.DataArray) -> tuple[float, float]:
    """Mean over samples at the last record, and its standard error."""
    mean, error = jackknife(values.isel(epoch=-1).values)
    return float(mean), float(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
