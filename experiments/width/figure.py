"""Test error against the width N at fixed alpha and depth, with N = c and at fixed c, from run directories.

python experiments/width/figure.py runs/width experiments/width/figure.png
"""

import sys
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print a table for each kind of wiring, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0, sweep=-1) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=width_of)
    kinds = {
        kind: [data for data in found if data.attrs["network.wiring"] == wiring]
        for kind, wiring in (("N = c", "dense"), ("fixed c", "random"))
    }
    alpha, depth = float(found[0].attrs["data.alpha"]), found[0].sizes["layer"]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, marker, line in (("N = c", "o", "-"), ("fixed c", "s", "--")):
        members = kinds[kind]
        if not members:
            continue
        told = kind if kind == "N = c" else f"c = {int(members[0].attrs['network.fan_in'])}"
        print_table(members, told)
        widths = [width_of(data) for data in members]
        style = {"marker": marker, "ls": line, "capsize": 2}
        error = [float(data.test_error_mean) for data in members], [float(data.test_error_error) for data in members]
        left.errorbar(widths, *error, label=f"students, {told}", **style)
        for layer in members[0].layer.values:
            shares = [share_of(data.sel(layer=layer)) for data in members]
            shade = {"color": f"C{layer}", "label": f"$l={layer}$, {told}"}
            right.errorbar(widths, *zip(*shares, strict=True), **shade, **style)
    for closure, line in (("layered", "-."), ("yoshino", ":")):
        limit = float(dsm.theory.deep_student_machine(depth, alpha, closure=closure).test_error)
        left.axhline(limit, color="0.3", ls=line, lw=1, label=f"dense limit, {closure}: {limit:.3f}")
    left.set(xlabel="width $N$", ylabel=r"test error $\epsilon$", ylim=(0, 0.52))
    right.set(xlabel="width $N$", ylabel=r"effective dimension $(\mathrm{Tr}\,C)^2/(N\,\mathrm{Tr}\,C^2)$", ylim=(0, 1))
    for axes in (left, right):
        axes.legend(fontsize=8)
    sizes = found[0].sizes
    text = f"$L={depth}$, $\\alpha={alpha:g}$, sweep {int(found[0].sweep)}, {sizes['sample']} samples"
    figure.suptitle(f"{text}, {sizes['replica']} replicas, jackknife errors", fontsize=9)
    figure.savefig(file, dpi=110)


def width_of(data: xr.Dataset) -> int:
    """N."""
    return int(data.attrs["network.width"])


def share_of(data: xr.Dataset) -> tuple[float, float]:
    """The effective dimension of a layer over N, with its error."""
    return float(data.effective_dimension_mean) / width_of(data), float(data.effective_dimension_error) / width_of(data)


def print_table(found: list[xr.Dataset], told: str) -> None:
    """One line a width. Units can be matched where all have the same inputs (N = c) only."""
    matched = "teacher_matched_overlap" in found[0]
    head = ["N", "E/(MN)", "chains with E = 0", "test error"]
    head += ["matched overlap less independent machines', by layer"] if matched else []
    head += ["effective dimension / N"]
    print(f"\n{told}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for data in found:
        cells = [str(width_of(data)), with_error(float(data.energy_mean), float(data.energy_error))]
        cells += [f"{float((data.wrong_outputs == 0).mean()):.0%}"]
        cells += [with_error(float(data.test_error_mean), float(data.test_error_error))]
        if matched:
            # Independent machines of a sample have the same teacher and inputs: the difference is taken sample by sample.
            difference = data.teacher_matched_overlap.mean("replica") - data.baseline_matched_overlap.mean("machine")
            excess = zip(*jackknife(difference.transpose("sample", "layer").values, 0), strict=True)
            cells.append(", ".join(with_error(value, error) for value, error in excess))
        cells.append(", ".join(with_error(*share_of(data.sel(layer=layer))) for layer in data.layer.values))
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
