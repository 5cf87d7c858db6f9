r"""The minimum of the loss against weight decay, beside the optimal student.

python experiments/narrow_decay/figure.py runs/narrow_decay experiments/narrow_decay/figure.png [losses of classification]
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.plotting import settled, with_error
from dsm.theory import Result, narrow_network

#: alpha and decays of the theory of classification.
RELU_ALPHA, DECAYS = 8.0, np.geomspace(1e-3, 10, 25)


def main(runs: str, output: str, losses: str = "square,logistic,hinge") -> None:
    """Draw all runs below `runs`, one panel each, and the theory of classification; print the table of the README."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    figure = Figure(figsize=(4.4 * (len(found) + 1), 3.8), layout="constrained")
    panels = figure.subplots(1, len(found) + 1)
    print(
        "| activation | lambda | test error | theory | training error | theory | another teacher, R_kk | R_kk | theory |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for axes, data in zip(panels, found, strict=False):
        _regression(axes, data)
    _classification(panels[-1], losses.split(","))
    for axes in panels:
        axes.set_xscale("log")
        axes.set_xlabel(r"weight decay $\lambda$")
        axes.legend(fontsize=7)
    panels[0].set_ylabel("error")
    figure.savefig(output, dpi=110)


def _regression(axes: Axes, data: xr.Dataset) -> None:
    settings, alpha = data.attrs, float(data.alpha[0])
    noise, activation = settings["data.noise"], settings["network.activation.name"]
    decays = data.weight_decay.values
    names = ("test_error", "train_error", "baseline_overlap", "teacher_overlap")
    seen = {name: settled(data.isel(step=[-1]), name) for name in names}
    common = {"noise": noise, "units": settings["network.units"], "second_layer": settings["network.second_layer"]}
    grid = np.geomspace(decays.min() / 2, decays.max() * 2, 30)
    for dressing, line in (("full", "--"), ("none", ":")):
        solved = [narrow_network(activation, alpha, estimator="erm", weight_decay=float(decay), dressing=dressing, **common)
                  for decay in grid]  # fmt: skip
        for quantity, colour in (("test_error", "k"), ("train_error", "C2")):
            label = f"{quantity.replace('_', ' ')}, theory, {dressing}"
            axes.plot(grid, [getattr(one, quantity) for one in solved], line, color=colour, lw=1, label=label)
        best = int(np.argmin([one.test_error for one in solved]))
        optimal = float(narrow_network(activation, alpha, dressing=dressing, **common).test_error)
        axes.axhline(optimal, ls=line, color="C1", lw=1, label=f"optimal student, {dressing}")
        print(f"theory, {dressing}: best lambda near {grid[best]:.3g}, error {float(solved[best].test_error):.6f}, "
              f"optimal student {optimal:.6f}")  # fmt: skip
    for place, decay in enumerate(decays):
        at = {name: (float(mean[0, 0, place]), float(error[0, 0, place])) for name, (mean, error) in seen.items()}
        here = narrow_network(activation, alpha, estimator="erm", weight_decay=float(decay), dressing="full", **common)
        theory = here.test_error, here.train_error, float("nan"), here.teacher_diagonal
        for name, colour in (("test_error", "C0"), ("train_error", "C2")):
            axes.errorbar(decay, *at[name], fmt="o", color=colour, ms=4, capsize=2)
        cells = [with_error(*at[name]) for name in names]
        print(f"| {activation} | {decay:g} | {cells[0]} | {theory[0]:.5f} | {cells[1]} | {theory[1]:.5f} | {cells[2]} | "
              f"{cells[3]} | {theory[3]:.3f} |")  # fmt: skip
    axes.set_yscale("log")
    axes.set_title(
        f"{activation}, square loss, D = {noise:g}, alpha = {alpha:g}\nN = {settings['network.width']}, K = "
        f"{settings['network.units']}, {data.sizes['sample']} samples, jackknife errors", fontsize=8,
    )  # fmt: skip


def _classification(axes: Axes, losses: list[str]) -> None:
    """Theory of the signs of a ReLU teacher, without noise."""
    for loss in losses:
        solved = [
            narrow_network(
                "relu", RELU_ALPHA, task="classification", estimator="erm", loss=loss, weight_decay=float(decay)
            )
            for decay in DECAYS
        ]
        # Searches that failed, at the smallest decays, are left out.
        errors = [float(one.test_error) if one.result == Result.converged else np.nan for one in solved]
        axes.plot(DECAYS, errors, label=loss)
        best = int(np.nanargmin(errors))
        print(f"classification, {loss}: best lambda near {DECAYS[best]:.3g}, error {errors[best]:.4f}")
    optimal = narrow_network("relu", RELU_ALPHA, task="classification")
    print(
        f"classification: optimal student {float(optimal.test_error):.4f}, a sample {float(optimal.sample_error):.4f}"
    )
    axes.axhline(float(optimal.test_error), color="C1", lw=1, label="optimal student")
    axes.axhline(float(optimal.sample_error), color="C1", ls=":", lw=1, label="a sample of the posterior")
    axes.set_title(f"relu, signs, theory for K to infinity, alpha = {RELU_ALPHA:g}", fontsize=8)


if __name__ == "__main__":
    main(*sys.argv[1:])
