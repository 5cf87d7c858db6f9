"""Test error against the width N at fixed alpha and depth, from run directories.

python experiments/width/figure.py runs/width experiments/width/figure.png
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print the table, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: int(data.attrs["network.width"]))
    widths = [int(data.attrs["network.width"]) for data in found]
    alpha, depth = float(found[0].attrs["data.alpha"]), found[0].sizes["layer"]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    print(
        "| N | E/(MN) | test error | matched overlap less independent machines', by layer | effective dimension / N |"
    )
    print("|---|---|---|---|---|")
    for width, data in zip(widths, found, strict=True):
        at = data.isel(sweep=-1)
        energy, test = (with_error(float(at[f"{n}_mean"]), float(at[f"{n}_error"])) for n in ("energy", "test_error"))
        # The independent machines of a sample have the same teacher and inputs: the difference is taken sample by sample.
        difference = at.teacher_matched_overlap.mean("replica") - at.baseline_matched_overlap.mean("machine")
        excess, error = jackknife(difference.transpose("sample", "layer").values, 0)
        layers = ", ".join(with_error(v, e) for v, e in zip(excess, error, strict=True))
        dimensions = zip(at.effective_dimension_mean.values, at.effective_dimension_error.values, strict=True)
        print(
            f"| {width} | {energy} | {test} | {layers} | "
            f"{', '.join(with_error(v / width, e / width) for v, e in dimensions)} |"
        )
    last = [data.isel(sweep=-1) for data in found]
    style = {"marker": "o", "capsize": 2}
    left.errorbar(
        widths,
        [float(d.test_error_mean) for d in last],
        [float(d.test_error_error) for d in last],
        label="students",
        **style,
    )
    for closure, line in (("layered", "--"), ("yoshino", ":")):
        limit = float(dsm.theory.deep_student_machine(depth, alpha, closure=closure).test_error)
        left.axhline(limit, color="0.3", ls=line, lw=1, label=f"dense limit, {closure}: {limit:.3f}")
    left.set(xlabel="width $N$", ylabel=r"test error $\epsilon$", ylim=(0, 0.52))
    left.legend(fontsize=8)
    for layer in found[0].layer.values:
        value = [float(d.effective_dimension_mean.sel(layer=layer)) / n for d, n in zip(last, widths, strict=True)]
        error = [float(d.effective_dimension_error.sel(layer=layer)) / n for d, n in zip(last, widths, strict=True)]
        right.errorbar(widths, value, error, color=f"C{layer}", label=f"$l={layer}$", **style)
    right.set(xlabel="width $N$", ylabel=r"effective dimension $(\mathrm{Tr}\,C)^2/(N\,\mathrm{Tr}\,C^2)$", ylim=(0, 1))
    right.legend(fontsize=8)
    sizes = found[0].sizes
    text = f"$L={depth}$, $\\alpha={alpha:g}$, sweep {int(last[0].sweep)}, {sizes['sample']} samples"
    figure.suptitle(f"{text}, {sizes['replica']} replicas, jackknife errors", fontsize=9)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
