r"""Deep students against the size of the training set, for squared error and cross entropy (arXiv:1909.13458).

python experiments/specialisation_set_size/figure.py runs/specialisation_set_size \
    experiments/specialisation_set_size/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

LOSSES = {"mean_square": "-", "cross_entropy": "--"}


def main(runs: str, output: str) -> None:
    """Draw all runs below `runs`."""
    found = [dsm.load(done.parent).isel(decay=0, lr=0) for done in sorted(Path(runs).rglob("DONE"))]
    multis = sorted({data.attrs["network.multi"] for data in found})
    layers = found[0].layer.values
    figure = Figure(figsize=(3.1 * (len(layers) + 1), 3.2), layout="constrained")
    panels = figure.subplots(1, len(layers) + 1)
    print("| loss | multi | patterns | test loss | " + " | ".join(f"layer {layer}" for layer in layers) + " |")
    print("|---" * (4 + len(layers)) + "|")
    for place, multi in enumerate(multis):
        for loss, style in LOSSES.items():
            series = [d for d in found if d.attrs["network.multi"] == multi and d.attrs["training.loss"] == loss]
            series.sort(key=lambda data: data.attrs["data.patterns"])
            if not series:
                continue
            sizes = [data.attrs["data.patterns"] for data in series]
            look = {"fmt": "o" + style, "ms": 3, "lw": 1, "color": f"C{place}", "label": f"multi {multi}, {loss}"}
            ends = [_end(data.test_loss) for data in series]
            panels[0].errorbar(sizes, *zip(*ends, strict=True), **look)
            columns = []
            for axes, layer in zip(panels[1:], layers, strict=True):
                best = [
                    data.teacher_best_correlation.sel(layer=layer, inputs="test").mean("teacher") for data in series
                ]
                values = [_end(one) for one in best]
                columns.append(values)
                axes.errorbar(sizes, *zip(*values, strict=True), **look)
            for row in range(len(series)):
                cells = " | ".join(with_error(*column[row]) for column in columns)
                print(f"| {loss} | {multi} | {sizes[row]} | {with_error(*ends[row])} | {cells} |")
    for axes, layer in zip(panels[1:], layers, strict=True):
        chance = [
            float(d.baseline_best_correlation.sel(layer=layer, inputs="test").isel(epoch=-1).mean()) for d in found
        ]
        axes.axhline(np.mean(chance), color="0.5", ls=":", lw=1, label="another teacher")
        axes.set_ylim(0, 1.03)
        axes.set_title(f"layer {layer}: mean best correlation", fontsize=9)
    panels[0].set_yscale("log")
    panels[0].set_title("test loss", fontsize=9)
    for axes in panels:
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(sorted({data.attrs["data.patterns"] for data in found}))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set_xlabel("training patterns")
    panels[1].legend(fontsize=6)
    figure.suptitle(f"after {int(found[0].epoch[-1])} x {found[0].attrs['training.iterations']} batches; "
                    f"{found[0].sizes['sample']} samples, standard errors", fontsize=9)  # fmt: skip
    figure.savefig(output, dpi=110)


def _end(values: xr.DataArray) -> tuple[float, float]:
    """Mean over samples at the last record, and its standard error."""
    mean, error = jackknife(values.isel(epoch=-1).values)
    return float(mean), float(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
