"""Test errors of narrow machines, and of inputs of few dimensions, against those of wide ones, from run directories.

python experiments/loops/figure.py runs/loops experiments/loops/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

#: Draws of all points within their errors, for the error of an exponent.
DRAWS = 2000


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print the tables, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0, sweep=-1) for done in sorted(Path(runs).rglob("DONE"))]
    structured = [data for data in found if "data.inputs.latent" in data.attrs]
    plain = [data for data in found if "data.inputs.latent" not in data.attrs]
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw(left, plain, "c/N", lambda data: int(data.attrs["network.fan_in"]) / int(data.attrs["network.width"]))
    draw(
        right, structured, "N/D", lambda data: int(data.attrs["network.width"]) / int(data.attrs["data.inputs.latent"])
    )
    if plain:
        draw_dense(left, plain)
    left.set_title("independent inputs")
    if structured:
        right.set_title(f"hidden manifold, $N={structured[0].attrs['network.width']}$")
    one = found[0]
    figure.suptitle(
        f"greedy, random starts, c = {one.attrs['network.fan_in']}, L = {one.sizes['layer']}, alpha = "
        f"{one.attrs['data.alpha']:g}; {one.sizes['sample']} samples, {one.sizes['replica']} replicas, jackknife errors",
        fontsize=9,
    )
    figure.savefig(file, dpi=110)


def draw(axes: Axes, found: list[xr.Dataset], name: str, size) -> None:
    """Differences from the run at the smallest `size`, and the power law through them."""
    if len(found) < 2:
        return
    found = sorted(found, key=size)
    x = np.array([size(data) for data in found])
    value = np.array([float(data.test_error_mean) for data in found])
    error = np.array([float(data.test_error_error) for data in found])
    print(f"\n| {name} | N | E/(MN) | chains with E = 0 | test error | below that at {name} = {x[0]:g} |")
    print("|---|---|---|---|---|---|")
    for data, at, mean, sigma in zip(found, x, value, error, strict=True):
        energy = with_error(float(data.energy_mean), float(data.energy_error))
        solved = float((data.wrong_outputs == 0).mean())
        gap = with_error(value[0] - mean, float(np.hypot(error[0], sigma))) if at > x[0] else ""
        width = data.attrs["network.width"]
        print(f"| {at:.4g} | {width} | {energy} | {solved:.0%} | {with_error(mean, sigma)} | {gap} |")
    gaps, sigmas = value[0] - value[1:], np.hypot(error[0], error[1:])
    axes.set(xscale="log", xlabel=f"${name}$", ylabel="difference of test errors")
    draws = np.random.default_rng(0).normal(value, error, (DRAWS, len(value)))
    power_law(axes, x[1:], gaps, sigmas, draws[:, :1] - draws[:, 1:], rf"$\epsilon({name}={x[0]:g})-\epsilon$")


def draw_dense(axes: Axes, found: list[xr.Dataset]) -> None:
    """Differences from the dense limit, layered closure."""
    one = found[0]
    limit = float(dsm.theory.deep_student_machine(one.sizes["layer"], float(one.attrs["data.alpha"])).test_error)
    x = np.array([int(data.attrs["network.fan_in"]) / int(data.attrs["network.width"]) for data in found])
    value, error = (np.array([float(data[f"test_error_{part}"]) for data in found]) for part in ("mean", "error"))
    draws = np.random.default_rng(1).normal(value, error, (DRAWS, len(value)))
    print(f"\ndense limit, layered: {limit:.4f}")
    power_law(axes, x, limit - value, error, limit - draws, r"dense limit $-\,\epsilon$")


def power_law(axes: Axes, x: np.ndarray, gaps: np.ndarray, sigmas: np.ndarray, draws: np.ndarray, name: str) -> None:
    """Points, and the power law through those beyond two errors; the exponent's error from draws of all points."""
    points = axes.errorbar(x, gaps, sigmas, fmt="o", ms=4, capsize=2, label=name)
    used = gaps > 2 * sigmas
    if used.sum() < 2:
        return
    axes.set_yscale("log")
    slope, offset = fit(x[used], gaps[used], sigmas[used])
    slopes = [fit(x[used], np.maximum(row, 1e-6)[used], sigmas[used])[0] for row in draws]
    told = with_error(slope, float(np.std(slopes)))
    line = np.sort(x)
    axes.plot(line, np.exp(offset) * line**slope, "-", lw=1, color=points[0].get_color(), label=f"exponent {told}")
    axes.legend(fontsize=8)
    print(f"\n{name}: exponent {told}, from points beyond two errors")


def fit(x: np.ndarray, y: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """Slope and offset of a line through the logarithms, by least squares with weights."""
    slope, offset = np.polyfit(np.log(x), np.log(y), 1, w=y / errors)
    return float(slope), float(offset)


if __name__ == "__main__":
    main(*sys.argv[1:])
