"""Final test error of soft committees with surplus units, beside the law of small noise, from run directories.

python experiments/sgd_overparam/figure.py runs/sgd_overparam experiments/sgd_overparam/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm import theory
from dsm.plotting import with_error

#: Of the teacher's units; learning rates have the colours.
MARKERS = {2: "o", 4: "s"}
SURPLUS = np.arange(7)


def main(runs: str, output: str) -> None:
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found.sort(key=lambda data: (_setting(data, "training.lr"), _setting(data, "data.noise"), data.sizes["student"]))
    simulated = [data for data in found if "test_error" in data]
    informed = [data for data in simulated if data.attrs["training.start.name"] == "informed"]
    random = [data for data in simulated if data.attrs["training.start.name"] == "random"]
    long = [data for data in found if "test_error" not in data]
    figure = Figure(figsize=(14, 8), layout="constrained")
    (against_units, against_lr), (at_random, drift) = figure.subplots(2, 2)
    print("| start | M | lr | noise | S | simulation | equations of motion at the end | law |")
    print("|---|---|---|---|---|---|---|---|")
    draw_units(against_units, informed)
    draw_rates(against_lr, informed)
    draw_random(at_random, random)
    draw_drift(drift, long)
    figure.suptitle(f"soft committees, erf, small noise; points: simulation ({_sizes(informed)}), jackknife errors")
    figure.savefig(output, dpi=130)


def draw_units(axes: Axes, informed: list[xr.Dataset]) -> None:
    """Against S, from the teacher's weights; the law at each learning rate, and its limit."""
    rates = sorted({_setting(data, "training.lr") for data in informed})
    for teachers, marker in MARKERS.items():
        limit = theory.small_noise_error(SURPLUS, teachers, 0.0)
        axes.plot(SURPLUS, limit.error, "k:", lw=1)
        for number, lr in enumerate(rates):
            law = theory.small_noise_error(SURPLUS, teachers, lr)
            axes.plot(SURPLUS, law.error, "-", lw=1, color=f"C{number}")
            axes.plot([], [], marker + "-", color=f"C{number}", label=rf"$M={teachers}$, $\eta={lr:g}$")
            for data in informed:
                if data.sizes["teacher"] == teachers and _setting(data, "training.lr") == lr:
                    _point(axes, data, data.sizes["student"] - teachers, marker, f"C{number}")
    axes.plot([], [], "k:", label=r"$\eta\to 0$: $(S+M/\sqrt{3})/2\pi$")
    axes.set(xlabel="surplus units $S=K-M$", ylabel=r"$\epsilon^*/(\eta\sigma^2)$", ylim=(0, None))
    axes.set_title("start: the teacher, surplus units at 0", fontsize=10)
    axes.legend(fontsize=8)


def draw_rates(axes: Axes, informed: list[xr.Dataset]) -> None:
    """Against the learning rate, M = 2, up to where the error diverges."""
    lr = np.linspace(0, 1, 401)
    for number, surplus in enumerate(SURPLUS):
        law = theory.small_noise_error(surplus, 2, lr)
        shown = np.where(np.isfinite(law.error), law.error, np.nan)
        axes.plot(lr, shown, "-", lw=1, color=f"C{number}", label=f"$S={surplus}$")
        for data in informed:
            if data.sizes["teacher"] == 2 and data.sizes["student"] == 2 + surplus:
                _point(axes, data, _setting(data, "training.lr"), "o", f"C{number}", told=False)
    axes.set(xlabel=r"learning rate $\eta$", ylabel=r"$\epsilon^*/(\eta\sigma^2)$", yscale="log", ylim=(0.1, 30))
    axes.set_title("$M=2$: the law against the learning rate", fontsize=10)
    axes.legend(fontsize=8)


def draw_random(axes: Axes, random: list[xr.Dataset]) -> None:
    """Against S, from random weights, at the end of the simulation."""
    pairs = sorted({(_setting(data, "training.lr"), _setting(data, "data.noise")) for data in random})
    for number, (lr, noise) in enumerate(pairs):
        members = [d for d in random if (_setting(d, "training.lr"), _setting(d, "data.noise")) == (lr, noise)]
        surplus = [data.sizes["student"] - data.sizes["teacher"] for data in members]
        scale = lr * noise**2
        ends = [float(data.theory_test_error[-1]) / scale for data in members]
        axes.plot(surplus, ends, "--", lw=1, color=f"C{number}")
        axes.plot([], [], "o--", color=f"C{number}", label=rf"$\eta={lr:g}$, $\sigma={noise:g}$")
        for data, place in zip(members, surplus, strict=True):
            _point(axes, data, place, "o", f"C{number}")
    for lr in sorted({lr for lr, _ in pairs}):
        axes.plot(SURPLUS, theory.small_noise_error(SURPLUS, 2, lr).error, "k-", lw=1)
    axes.plot([], [], "k-", lw=1, label="law of small noise")
    axes.set(xlabel="surplus units $S$", ylabel=r"$\epsilon/(\eta\sigma^2)$ at the end", ylim=(0, None))
    end = f", $t={float(random[0].t[-1]):g}$" if random else ""
    axes.set_title(f"random start, $M=2${end}; dashed: equations of motion", fontsize=10)
    axes.legend(fontsize=8)


def draw_drift(axes: Axes, long: list[xr.Dataset]) -> None:
    """The equations of motion to long times, from random weights, beside the law."""
    for number, data in enumerate(long):
        lr, noise = _setting(data, "training.lr"), _setting(data, "data.noise")
        surplus = data.sizes["student"] - data.sizes["teacher"]
        later, style = data.isel(t=slice(1, None)), {"color": f"C{number}", "lw": 1}
        axes.plot(later.t, later.theory_test_error / (lr * noise**2), label=f"$S={surplus}$", **style)
        law = theory.small_noise_error(surplus, data.sizes["teacher"], lr)
        axes.axhline(float(law.error), ls=":", **style)
        Q = data.theory_Q.isel(t=-1).values
        lengths = np.sqrt(np.diag(Q))
        cosines = (Q / np.outer(lengths, lengths))[np.triu_indices(len(Q), 1)]
        late = float(data.theory_test_error[-1]) / (lr * noise**2)
        print(
            f"equations of motion to t = {float(data.t[-1]):g}, S = {surplus}: {late:.3f} (law {float(law.error):.3f}); "
            f"cosines from {cosines.min():.4f}"
        )
        axes.set_title(rf"random start to long times, $\eta={lr:g}$, $\sigma={noise:g}$; dotted: law", fontsize=10)
    axes.set(xscale="log", yscale="log", xlabel="$t$", ylabel=r"$\epsilon/(\eta\sigma^2)$, equations of motion")
    if long:
        axes.legend(fontsize=7, ncols=2)


def _point(axes: Axes, data: xr.Dataset, place: float, marker: str, color: str, told: bool = True) -> None:
    """The mean over samples and over the last records that lie within a factor of 2 in time, with its jackknife error."""
    lr, noise, teachers = _setting(data, "training.lr"), _setting(data, "data.noise"), data.sizes["teacher"]
    late = data.sel(t=slice(float(data.t[-1]) / 2, None)).test_error.mean("t") / (lr * noise**2)
    mean, error = float(late.mean()), float(late.std(ddof=1)) / late.size**0.5
    axes.errorbar(place, mean, error, fmt=marker, ms=4, capsize=2, color=color)
    if told:
        surplus = data.sizes["student"] - teachers
        motion = float(data.theory_test_error[-1]) / (lr * noise**2)
        law = float(theory.small_noise_error(surplus, teachers, lr).error)
        start = data.attrs["training.start.name"]
        settings = f"{start} | {teachers} | {lr:g} | {noise:g} | {surplus}"
        print(f"| {settings} | {with_error(mean, error)} | {motion:.4f} | {law:.4f} |")


def _sizes(informed: list[xr.Dataset]) -> str:
    if not informed:
        return "none"
    data = informed[0]
    return (
        f"N = {data.attrs['network.width']}, {data.sizes['sample']} samples, "
        rf"$\sigma={_setting(data, 'data.noise'):g}$, means over the last half of $t=300/\eta$ where informed"
    )


def _setting(data: xr.Dataset, key: str) -> float:
    return float(data.attrs[key])


if __name__ == "__main__":
    main(*sys.argv[1:])
