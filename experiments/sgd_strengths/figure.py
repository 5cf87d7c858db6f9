"""Strong and weak teacher units in online SGD: when a student unit specialises on each, in simulation and theory.

python experiments/sgd_strengths/figure.py runs/sgd_strengths experiments/sgd_strengths/figure.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

import dsm
from dsm.observables.statistics import jackknife

#: A unit has left its plateau where its best correlation is above this.
LEARNED = 0.9


def main(runs: str, output: str) -> None:
    """Draw all runs below `runs`, one row an activation."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found = sorted((data for data in found if "best_correlation" in data), key=lambda d: d.attrs["network.activation"])
    figure = Figure(figsize=(13, 3.7 * len(found)), layout="constrained")
    grid = figure.subplots(len(found), 3, squeeze=False)
    for (curves, error, plateau), data in zip(grid, found, strict=True):
        activation, strengths = data.attrs["network.activation"], np.asarray(data.attrs["network.teacher_outputs"])
        samples = data.sizes["sample"]
        for unit, strength in enumerate(strengths):
            at = data.isel(teacher=unit)
            curves.errorbar(
                data.t, at.best_correlation_mean, at.best_correlation_error, fmt="o", ms=2.5, elinewidth=0.6,
                color=f"C{unit}", label=rf"$\tilde v={strength:g}$",
            )  # fmt: skip
            curves.plot(data.t, at.theory_best_correlation, color=f"C{unit}", lw=1)
        curves.axhline(LEARNED, color="0.7", lw=0.8, ls=":")
        curves.set_ylabel(r"best correlation $\max_k\rho_{mk}$")
        error.errorbar(data.t, data.test_error_mean, data.test_error_error, fmt="o", ms=2.5, elinewidth=0.6)
        error.plot(data.t, data.theory_test_error, lw=1, color="C0")
        error.set_yscale("log")
        error.set_ylabel(r"test error $\epsilon$")
        theory = np.array(
            [_first(data.t.values, row) for row in data.theory_best_correlation.transpose("teacher", "t").values]
        )
        by_sample = data.best_correlation.transpose("sample", "teacher", "t").values
        times = np.array([[_first(data.t.values, row) for row in rows] for rows in by_sample])
        done = np.isfinite(times).all(0)  # where a sample is still waiting there is only a lower bound
        mean, error_of_mean = jackknife(times)  # NaN where a sample is missing
        plateau.errorbar(strengths, mean, error_of_mean, fmt="o", ms=4, label=f"simulation, {samples} samples")
        plateau.plot(strengths, theory, "s", mfc="none", color="k", label="equations of motion")
        if not done.all():
            late = np.full((~done).sum(), data.t.values[-1])
            plateau.plot(strengths[~done], late, "^", color="C0", mfc="none", label="not all samples by then")
        plateau.set_xscale("log")
        plateau.set_yscale("log")
        plateau.xaxis.set_minor_locator(NullLocator())
        plateau.set_xticks(strengths)
        plateau.xaxis.set_major_formatter("{x:g}")
        plateau.set_xlabel(r"strength $\tilde v_m$")
        plateau.set_ylabel(f"time to a correlation of {LEARNED}")
        plateau.legend(fontsize=8)
        for axes in (curves, error):
            axes.set_xscale("symlog", linthresh=max(float(data.t[1]), 1e-9))
            axes.set_xlim(left=0)
            axes.set_xlabel("$t$ = steps / $N$")
        curves.legend(fontsize=8)
        curves.set_title(f"{activation}: points: simulation, lines: equations of motion", fontsize=9)
        print(f"{activation}: strengths {strengths}, theory {theory}, simulation {mean} +- {error_of_mean}, "
              f"learned in {np.isfinite(times).sum(0)} of {samples} samples")  # fmt: skip
        reached = np.isfinite(theory) & (theory > 0)
        if reached.sum() > 1:
            slope = np.polyfit(np.log(strengths[reached]), np.log(theory[reached]), 1)[0]
            print(f"{activation}: exponent of the theory's time against strength {slope:.2f}")
        final = float(data.test_error_mean[-1]), float(data.theory_test_error[-1])
        print(f"{activation}: final test error {final[0]:.3e}, theory {final[1]:.3e}")
    one = found[0]
    figure.suptitle(
        f"N = {one.attrs['network.width']}, K = {one.sizes['student']}, M = {one.sizes['teacher']}, both layers learn, "
        f"{one.sizes['sample']} samples, jackknife errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _first(times: np.ndarray, values: np.ndarray) -> float:
    """When `values` first exceed `LEARNED`, between records by interpolation; NaN if never."""
    above = values > LEARNED
    if not above.any():
        return float("nan")
    place = int(above.argmax())
    if place == 0:
        return float(times[0])
    before, after = values[place - 1], values[place]
    return float(times[place - 1] + (LEARNED - before) / (after - before) * (times[place] - times[place - 1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
