"""Two-time overlaps and relaxation times by layer of equilibrium students, from a run directory.

python experiments/relaxation/figure.py runs/relaxation experiments/relaxation/figure.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

LEVEL = 0.5


def passage(lags: np.ndarray, curve: np.ndarray) -> float:
    """Lag at which a falling curve passes LEVEL, interpolated in the logarithm of the lag; the last lag if it never does."""
    below = np.flatnonzero(curve < LEVEL)
    if not below.size:
        return float(lags[-1])
    k = below[0]
    if k == 0 or lags[k - 1] == 0:
        return float(lags[k])
    part = (curve[k - 1] - LEVEL) / (curve[k - 1] - curve[k])
    return float(np.exp(np.log(lags[k - 1]) + part * np.log(lags[k] / lags[k - 1])))


def main(runs: str, file: str) -> None:
    """Read the only run below `runs`, print the table, draw `file`."""
    (done,) = Path(runs).rglob("DONE")
    data = dsm.load(done.parent).isel(beta=0)
    figure = Figure(figsize=(12.5, 3.9), layout="constrained")
    spins, weights, times = figure.subplots(1, 3)
    print("| l | spin overlap at the end | weight overlap | sweeps until spins are at 1/2 | until weights are |")
    print("|---|---|---|---|---|")
    found: dict[str, list] = {"spin_overlap_test": [], "weight_overlap": []}
    for axes, name, label in (
        (spins, "spin_overlap_test", "$C(l; t, 0)$, spins, test patterns"),
        (weights, "weight_overlap", "$C(l; t, 0)$, weights"),
    ):
        curve = data[f"past_{name}"].isel(reference=0)
        for layer in data.layer.values:
            mean, error = jackknife(curve.sel(layer=layer).mean("replica").transpose("sample", "sweep").values, 0)
            axes.errorbar(data.sweep, mean, error, color=f"C{layer - 1}", marker="o", ms=3, lw=1, label=f"$l={layer}$")
            by_sample = curve.sel(layer=layer).mean("replica").transpose("sample", "sweep").values
            each = np.array([[passage(data.sweep.values, sample)] for sample in by_sample])
            found[name].append((*(float(x[0]) for x in jackknife(each, 0)), bool(mean[-1] >= LEVEL)))
        axes.axhline(LEVEL, color="0.7", lw=0.8)
        axes.set_xscale("symlog", linthresh=1)
        axes.set(xlabel="$t$ (sweeps)", ylabel=label, xlim=(0, None), ylim=(-0.05, 1.02))
    spins.legend(fontsize=8)
    last = data.isel(sweep=-1)
    for layer in data.layer.values:
        at = last.sel(layer=layer).isel(reference=0)
        ends = (with_error(float(at[f"past_{n}_mean"]), float(at[f"past_{n}_error"])) for n in found)
        taken = (f"{'> ' if never else ''}{with_error(t, e)}" for t, e, never in (found[n][layer - 1] for n in found))
        print(f"| {layer} | {' | '.join(ends)} | {' | '.join(taken)} |")
    for (name, values), marker in zip(found.items(), "os", strict=True):
        mean, error, never = (np.array(x) for x in zip(*values, strict=True))
        label = {"spin_overlap_test": "spins", "weight_overlap": "weights"}[name]
        line = times.errorbar(data.layer, mean, error, marker=marker, capsize=2, label=label)
        times.plot(data.layer.values[never], mean[never], "^", ms=10, mfc="none", color=line[0].get_color())
    times.plot([], [], "^", ms=10, mfc="none", color="0.4", label="not reached: lower bound")
    times.set_yscale("log")
    times.set(xlabel="layer $l$", ylabel="sweeps until the overlap is 1/2", xticks=data.layer)
    times.legend(fontsize=8)
    sizes = data.sizes
    settings = ", ".join(
        f"{k.split('.')[-1]} {data.attrs[k]}" for k in ("network.width", "network.fan_in", "data.alpha")
    )
    figure.suptitle(f"{settings}, {sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors", fontsize=9)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
