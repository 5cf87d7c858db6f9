"""Energy, test error and alignment by layer against sweeps, from the run directories of a greedy and an annealed run.

python experiments/learning/figure.py runs/learning experiments/learning/figure.png
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
    figure = Figure(figsize=(11, 0.7 + 3.3 * len(found)), layout="constrained")
    grid = figure.subplots(len(found), 2, squeeze=False)
    print("| run | sweep | E/(MN) | test error | matched overlap less that of independent machines, by layer |")
    print("|---|---|---|---|---|")
    for (left, right), data in zip(grid, found, strict=True):
        kind = "annealed" if data.attrs["sampler.schedule.name"] != "constant" else "greedy"
        # The independent machines of a sample have the same teacher and inputs: the difference is taken sample by sample.
        difference = data.teacher_matched_overlap.mean("replica") - data.baseline_matched_overlap.mean("machine")
        excess, error = (
            data.teacher_matched_overlap_mean.copy(data=values)
            for values in jackknife(difference.transpose("sample", *data.teacher_matched_overlap_mean.dims).values, 0)
        )
        for sweep in _decades(data.sweep.values):
            at, e, s = (x.sel(sweep=sweep) for x in (data, excess, error))
            layers = ", ".join(with_error(float(v), float(w)) for v, w in zip(e, s, strict=True))
            energy, test = (
                with_error(float(at[f"{n}_mean"]), float(at[f"{n}_error"])) for n in ("energy", "test_error")
            )
            print(f"| {kind} | {sweep} | {energy} | {test} | {layers} |")
        for name, label in (("energy", "$E/(MN)$"), ("test_error", r"test error $\epsilon$")):
            left.errorbar(data.sweep, data[f"{name}_mean"], data[f"{name}_error"], marker="o", ms=3, label=label)
        left.set(title=kind, ylim=(0, 0.55))
        depth = data.sizes["layer"]
        for layer in data.layer.values:
            shade = {"color": f"C{layer - 1}", "marker": "v", "ms": 4, "label": f"$l={layer}$"}
            style = {"ls": "-" if layer in (1, depth) else "--", "lw": 1, "capsize": 2}
            right.errorbar(data.sweep, excess.sel(layer=layer), error.sel(layer=layer), **shade, **style)
        right.axhline(0, color="0.7", lw=0.8)
        right.set(title=f"{kind}: matched overlap, less independent machines'")
        for axes in (left, right):
            axes.set_xscale("symlog", linthresh=1)
            axes.set(xlabel="sweeps", xlim=(0, None))
            axes.legend(fontsize=8)
    sizes = found[0].sizes
    figure.suptitle(
        f"{sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors over samples", fontsize=9
    )
    figure.savefig(file, dpi=110)


def _decades(sweeps) -> list[int]:
    """A record a decade, and the last."""
    return sorted({min(sweeps, key=lambda s: abs(s - 10**k)) for k in range(6) if 10**k <= sweeps[-1]} | {sweeps[-1]})


if __name__ == "__main__":
    main(*sys.argv[1:])
