r"""The posterior of narrow ReLU teachers: where does the student specialise?

python experiments/narrow_bayes/figure.py runs/narrow_bayes experiments/narrow_bayes/figure.png [dressings of the theory]
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import settled, with_error
from dsm.theory import narrow_network

MARKERS = {"planted": "o", "random": "s", "teacher": "^"}
LINES = {"entropy": "-", "full": "--", "none": ":"}
NAMES = (
    "test_error", "teacher_overlap", "teacher_overlap_specialised", "teacher_frobenius_overlap", "baseline_overlap",
    "train_error",
)  # fmt: skip


def main(runs: str, output: str, dressings: str = "full,none") -> None:
    """Draw all runs below `runs`; print the table of the README."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    settings, alphas = found[0].attrs, np.concatenate([data.alpha.values for data in found])
    grid = np.linspace(0.5 * alphas.min(), 1.3 * alphas.max(), 120)
    figure = Figure(figsize=(9, 4), layout="constrained")
    error, overlap = figure.subplots(1, 2)
    for dressing in dressings.split(","):
        for branch, colour in (("unspecialised", "0.55"), ("specialised", "k")):
            solved = narrow_network(
                settings["network.activation.name"], grid, noise=settings["data.noise"], dressing=dressing, branch=branch,
                units=settings["network.units"], second_layer=settings["network.second_layer"],
            )  # fmt: skip
            label = f"theory, {dressing}" if branch == "specialised" else None
            error.plot(grid, solved.sample_error, LINES[dressing], color=colour, lw=1)
            overlap.plot(grid, solved.teacher_overlap, LINES[dressing], color=colour, lw=1, label=label)
    print(f"| N, K | start | alpha | {' | '.join(NAMES)} |")
    print("|---" * (len(NAMES) + 3) + "|")
    for data in found:
        start, seen = data.attrs["training.start.name"], {name: settled(data, name) for name in NAMES}
        size = f"{data.attrs['network.width']}, {data.attrs['network.units']}"
        for place, alpha in enumerate(data.alpha.values):
            at = {name: (float(mean[place, 0, 0]), float(bar[place, 0, 0])) for name, (mean, bar) in seen.items()}
            style = {"color": "C3" if start == "random" else "C0", "ms": 5, "capsize": 2, "fmt": MARKERS[start]}
            label = f"{start} start" if place == 0 else None
            error.errorbar(alpha, *at["test_error"], **style)
            overlap.errorbar(alpha, *at["teacher_overlap_specialised"], label=label, **style)
            print(f"| {size} | {start} | {alpha:g} | {' | '.join(with_error(*values) for values in at.values())} |")
    for data in found:
        _quarters(data)
    error.set_ylabel("test error of a sample of the posterior")
    overlap.set_ylabel(r"$R_{kk}-R_{k\neq l}$")
    for axes in (error, overlap):
        axes.set_xlabel(r"$\alpha$")
    overlap.legend(fontsize=7)
    figure.suptitle(
        f"{settings['network.activation.name']}, D = {settings['data.noise']:g}, N = {settings['network.width']}, K = "
        f"{settings['network.units']}; {found[0].sizes['sample']} samples, jackknife errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _quarters(data: xr.Dataset) -> None:
    """Print the means over the third and the last quarter of the records: whether a chain has come to rest."""
    records = data.sizes["step"]
    for quarter, kept in (("third", data.isel(step=slice(None, 3 * records // 4))), ("last", data)):
        share = records // 4 / kept.sizes["step"]
        for name in ("teacher_overlap", "teacher_overlap_specialised", "test_error"):
            mean, bar = settled(kept, name, share)
            told = (
                f"{alpha:g}: {with_error(*at)}"
                for alpha, *at in zip(data.alpha.values, mean.ravel(), bar.ravel(), strict=True)
            )
            print(f"{data.attrs['training.start.name']}, {quarter} quarter, {name}: {', '.join(told)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
