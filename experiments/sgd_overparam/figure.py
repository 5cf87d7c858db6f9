"""Final test error of soft committees against surplus units and learning rate, beside the law, from run directories.

python experiments/sgd_overparam/figure.py runs/sgd_overparam experiments/sgd_overparam/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error
from dsm.theory import small_noise_error


def main(runs: str, output: str) -> None:
    """Read all runs below `runs`, print the tables, draw `output`."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    simulated = [data for data in found if "test_error" in data]
    informed = sorted((data for data in simulated if data.attrs["training.start.name"] == "informed"), key=place)
    random = sorted((data for data in simulated if data.attrs["training.start.name"] == "random"), key=place)
    long = sorted((data for data in found if "test_error" not in data), key=place)
    print_table(informed, "informed")
    print_table(random, "random")
    figure = Figure(figsize=(14, 9), layout="constrained")
    (two, four), (rates, drift) = figure.subplots(2, 2)
    for axes, teachers in ((two, 2), (four, 4)):
        draw_surplus(axes, teachers, [data for data in informed if data.sizes["teacher"] == teachers])
    draw_rates(rates, [data for data in informed if data.sizes["teacher"] == 2])
    draw_drift(drift, long)
    if informed:
        one = informed[0]
        numbers = sorted({data.sizes["sample"] for data in informed})
        figure.suptitle(
            f"erf, soft committees, informed starts: N = {one.attrs['network.width']}, "
            f"{' or '.join(map(str, numbers))} samples, noise {noise_of(one):g}, means over the second half of the time, "
            "jackknife errors; lines: law for small noise",
            fontsize=10,
        )
    figure.savefig(output, dpi=110)


def place(data: xr.Dataset) -> tuple[int, float, float, int]:
    """M, learning rate, noise, S."""
    return data.sizes["teacher"], lr_of(data), noise_of(data), data.sizes["student"] - data.sizes["teacher"]


def lr_of(data: xr.Dataset) -> float:
    return float(data.attrs["training.lr"])


def noise_of(data: xr.Dataset) -> float:
    return float(data.attrs["data.noise"])


def late(data: xr.Dataset) -> tuple[float, float]:
    """eps / (lr noise^2): mean over the second half of the time, weighted by time; jackknife error over samples."""
    half = data.sel(t=slice(float(data.t[-1]) / 2, None))
    each = half.test_error.integrate("t") / float(half.t[-1] - half.t[0])
    value, error = jackknife(each.transpose("sample").values / (lr_of(data) * noise_of(data) ** 2))
    return float(value), float(error)


def print_table(found: list[xr.Dataset], start: str) -> None:
    if not found:
        return
    print(f"\n| M | lr | noise | S | eps / (lr noise^2), {start} start | law | difference in errors |")
    print("|---|---|---|---|---|---|---|")
    for data in found:
        teachers, lr, noise, surplus = place(data)
        value, error = late(data)
        law = float(small_noise_error(surplus, teachers, lr).error)
        row = (teachers, f"{lr:g}", f"{noise:g}", surplus, with_error(value, error), f"{law:.4f}")
        print(f"| {' | '.join(map(str, row))} | {(value - law) / error:+.1f} |")


def draw_surplus(axes: Axes, teachers: int, found: list[xr.Dataset]) -> None:
    """Against the number of surplus units, one colour for each learning rate."""
    surplus = np.arange(7)
    for index, lr in enumerate((0.05, 0.1, 0.2)):
        style = {"color": f"C{index}"}
        axes.plot(surplus, small_noise_error(surplus, teachers, lr).error, lw=1, label=rf"$\eta={lr:g}$", **style)
        for data in found:
            if lr_of(data) == lr:
                value, error = late(data)
                axes.errorbar(place(data)[-1], value, error, fmt="o", ms=4, capsize=2, **style)
    line = (surplus + teachers / np.sqrt(3)) / (2 * np.pi)
    axes.plot(surplus, line, "k--", lw=1, label=r"$\eta\to 0$: $(S+M/\sqrt{3})/2\pi$")
    axes.set(
        title=f"M = {teachers}", xlabel="surplus units $S=K-M$", ylabel=r"$\epsilon/(\eta\sigma^2)$", ylim=(0, None)
    )
    axes.legend(fontsize=8)


def draw_rates(axes: Axes, found: list[xr.Dataset]) -> None:
    """Against the learning rate, one colour for each number of surplus units."""
    lrs = np.linspace(0.005, 1.0, 400)
    for surplus in range(7):
        law = small_noise_error(surplus, 2, lrs).error
        axes.plot(lrs, np.where(np.isfinite(law), law, np.nan), lw=1, color=f"C{surplus}", label=f"$S={surplus}$")
    for data in found:
        value, error = late(data)
        axes.errorbar(lr_of(data), value, error, fmt="o", ms=4, capsize=2, color=f"C{place(data)[-1]}")
    axes.set(
        title="M = 2: each curve ends where it diverges", xlabel=r"learning rate $\eta$", yscale="log", ylim=(0.1, 20)
    )
    axes.set_ylabel(r"$\epsilon/(\eta\sigma^2)$")
    axes.legend(fontsize=8, ncols=2)


def draw_drift(axes: Axes, found: list[xr.Dataset]) -> None:
    """Theory from random starts to long times."""
    for index, data in enumerate(found):
        lr, noise = lr_of(data), noise_of(data)
        later = data.isel(t=slice(1, None))
        label = f"$K={data.sizes['student']}$"
        axes.plot(later.t, later.theory_test_error / (lr * noise**2), lw=1, color=f"C{index}", label=label)
        Q = data.theory_Q.isel(t=-1).values
        lengths = np.sqrt(np.diag(Q))
        cosines = (Q / np.outer(lengths, lengths))[np.triu_indices(len(Q), 1)]
        end = float(data.theory_test_error[-1]) / (lr * noise**2)
        print(f"theory to t = {float(data.t[-1]):g}, K = {len(Q)}: {end:.3f}; cosines from {cosines.min():.4f}")
        axes.set_title(rf"random starts, theory: $M={data.sizes['teacher']}$, $\eta={lr:g}$, $\sigma={noise:g}$")
    axes.set(xscale="log", yscale="log", xlabel="$t$", ylabel=r"$\epsilon/(\eta\sigma^2)$")
    if found:
        axes.legend(fontsize=7, ncols=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
