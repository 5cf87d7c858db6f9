r"""Narrow networks of quadratic units: three branches (figure F3 of arXiv:2507.00629).

python experiments/narrow_quadratic/figure.py runs/narrow_quadratic experiments/narrow_quadratic/figure.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.plotting import settled, with_error
from dsm.theory import narrow_network

MARKERS = {"planted": "o", "random": "s", "teacher": "^"}
BRANCHES = {"specialised": "C0", "glassy": "C1", "unspecialised": "0.5"}


def main(runs: str, output: str) -> None:
    """Draw all runs below `runs`; print the table of the README."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    settings, alphas = found[0].attrs, np.concatenate([data.alpha.values for data in found])
    grid = np.linspace(alphas.min() / 2, alphas.max() * 1.05, 150)
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    entropy, overlap, error = figure.subplots(1, 3)
    lowest = None
    for branch, colour in reversed(BRANCHES.items()):
        solved = narrow_network(
            "square", grid, estimator="gibbs", noise=settings["data.noise"], beta=1 / settings["training.temperature"],
            weight_decay=settings["training.weight_decay"], branch=branch,
        )  # fmt: skip
        if lowest is None:
            lowest = solved.free_entropy
        entropy.plot(grid, solved.free_entropy - lowest, color=colour, label=branch)
        overlap.plot(grid, solved.teacher_overlap, color=colour, label=f"R, {branch}")
        overlap.plot(grid, solved.student_overlap, "--", color=colour, lw=0.8)
        error.plot(grid, solved.test_error, color=colour)
    print("| N | start | alpha | test error | q_F with the teacher | R_kk matched | another teacher, q_F |")
    print("|---|---|---|---|---|---|---|")
    for data in found:
        start = data.attrs["training.start.name"]
        names = ("test_error", "teacher_frobenius_overlap", "teacher_overlap", "baseline_frobenius_overlap")
        seen = {name: settled(data, name) for name in names}
        colour = "C0" if start == "planted" else "C3"
        for place, alpha in enumerate(data.alpha.values):
            at = {name: (float(mean[place, 0, 0]), float(bar[place, 0, 0])) for name, (mean, bar) in seen.items()}
            style = {"fmt": MARKERS[start], "color": colour, "ms": 5, "capsize": 2}
            label = f"$q_F$, {start} start" if place == 0 else None
            overlap.errorbar(alpha, *at["teacher_frobenius_overlap"], label=label, **style)
            overlap.plot(alpha, at["baseline_frobenius_overlap"][0], "_", color="0.4")
            error.errorbar(alpha, *at["test_error"], **style)
            cells = " | ".join(with_error(*values) for values in at.values())
            print(f"| {data.attrs['network.width']} | {start} | {alpha:g} | {cells} |")
    entropy.set_ylabel("free entropy above the unspecialised, per $KN$")
    entropy.set_ylim(-1, 2)
    overlap.set_ylabel("overlaps; dashed: of two students")
    error.set_ylabel("test error")
    error.set_yscale("log")
    for axes in (entropy, overlap, error):
        axes.set_xlabel(r"$\alpha$")
    entropy.legend(fontsize=7)
    overlap.legend(fontsize=6)
    figure.suptitle(
        f"$x^2$, N = {settings['network.width']}, K = {settings['network.units']}, T = "
        f"{settings['training.temperature']:g}, lambda = {settings['training.weight_decay']:g}; lines: theory, "
        rf"$K\to\infty$; {found[0].sizes['sample']} samples, jackknife errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
