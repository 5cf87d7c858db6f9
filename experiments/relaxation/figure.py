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

#: Squares are at this when overlaps are about 1/2.
LEVEL = 0.25
#: Gauge-invariant overlaps of a student with its past: name of the variable, label.
SHOWN = {
    "gauge_invariant_overlap_squared_train": "spins, $q_i^2$, training patterns",
    "gauge_invariant_weight_overlap": "weights, $q_i J J q_k$",
}


def passage(lags: np.ndarray, curve: np.ndarray) -> float:
    """Lag at which a falling curve passes LEVEL, interpolated in the logarithm of the lag; nan if it never does."""
    below = np.flatnonzero(curve < LEVEL)
    if not below.size:
        return np.nan
    k = below[0]
    if lags[k - 1] == 0:
        return float(lags[k])
    part = (curve[k - 1] - LEVEL) / (curve[k - 1] - curve[k])
    return float(np.exp(np.log(lags[k - 1]) + part * np.log(lags[k] / lags[k - 1])))


def relaxation_time(lags: np.ndarray, curves: np.ndarray) -> tuple[float, float]:
    """Passage of the mean over samples, with its jackknife error; nan if the mean never passes. Where a mean that leaves one
    sample out never does, the error is nan."""
    samples = len(curves)
    each = np.array([passage(lags, np.delete(curves, s, axis=0).mean(0)) for s in range(samples)])
    return passage(lags, curves.mean(0)), float(np.sqrt((samples - 1) * np.mean((each - each.mean()) ** 2)))


def main(runs: str, file: str) -> None:
    """Read the only run below `runs`, print the table, draw `file`."""
    (done,) = Path(runs).rglob("DONE")
    data = dsm.load(done.parent).isel(beta=0)
    lags, last = data.sweep.values, int(data.sweep[-1])
    figure = Figure(figsize=(12.5, 3.9), layout="constrained")
    *panels, times = figure.subplots(1, 3)
    found: dict[str, list] = {name: [] for name in SHOWN}
    ends: dict[str, list] = {name: [] for name in SHOWN}
    for axes, (name, label) in zip(panels, SHOWN.items(), strict=True):
        curves = data[f"past_{name}"].isel(reference=0).mean("replica")
        for layer in data.layer.values:
            curve = curves.sel(layer=layer).transpose("sample", "sweep").values
            mean, error = jackknife(curve, 0)
            axes.errorbar(lags, mean, error, color=f"C{layer - 1}", marker="o", ms=3, lw=1, label=f"$l={layer}$")
            found[name].append(relaxation_time(lags, curve))
            ends[name].append(with_error(float(mean[-1]), float(error[-1])))
        axes.axhline(LEVEL, color="0.7", lw=0.8)
        axes.set_xscale("symlog", linthresh=1)
        axes.set(xlabel="$t$ (sweeps)", ylabel=f"$C(l; t, 0)$: {label}", xlim=(0, None), ylim=(-0.05, 1.02))
    panels[0].legend(fontsize=8)
    print(f"| l | spins: after {last} sweeps | sweeps to {LEVEL} | weights: after {last} sweeps | sweeps to {LEVEL} |")
    print("|---|---|---|---|---|")
    for row, layer in enumerate(data.layer.values):
        cells = []
        for name in SHOWN:
            time, error = found[name][row]
            cells += [ends[name][row], f"> {last}" if np.isnan(time) else with_error(time, error)]
        print(f"| {layer} | {' | '.join(cells)} |")
    for (name, label), marker in zip(SHOWN.items(), "os", strict=True):
        mean, error = np.array(found[name]).T
        line = times.errorbar(data.layer, mean, np.nan_to_num(error), marker=marker, capsize=2, label=label)
        never = np.isnan(mean)
        times.plot(data.layer[never], np.full(never.sum(), last), "^", ms=10, mfc="none", color=line[0].get_color())
    times.plot([], [], "^", ms=10, mfc="none", color="0.4", label="not reached: lower bound")
    times.set_yscale("log")
    times.set(xlabel="layer $l$", ylabel=f"sweeps until {LEVEL} is passed", xticks=data.layer)
    times.legend(fontsize=8)
    sizes = data.sizes
    settings = ", ".join(
        f"{k.split('.')[-1]} {data.attrs[k]}" for k in ("network.width", "network.fan_in", "data.alpha")
    )
    figure.suptitle(f"{settings}, {sizes['sample']} samples, {sizes['replica']} replicas, jackknife errors", fontsize=9)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
