"""Test error against depth at several N/c beside both closures, from run directories and from values of earlier runs.

python experiments/deep_limit/figure.py runs/deep_limit experiments/deep_limit/figure.png experiments/deep_limit/values.csv

The last argument may be missing; else points of the runs are added to that file, and all of its points are drawn.
"""

import csv
import sys
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

CLOSURES = {"layered": "-", "yoshino": ":"}
#: Depths at which the theory is solved: each compiles a program.
DEPTHS = (1, 2, 3, 4, 6, 8, 16, 32)


class Point(NamedTuple):
    """Energy per pattern and output, share of the chains with E = 0 and test error at the end of a run, with jackknife
    errors."""

    alpha: float
    ratio: float
    depth: float
    energy: float
    energy_error: float
    solved: float
    test_error: float
    test_error_error: float


def main(runs: str, file: str, values: str = "") -> None:
    """Read all runs below `runs` and the points of `values`, print the table, draw `file`."""
    found = read_values(Path(values)) if values else {}
    for done in sorted(Path(runs).rglob("DONE")):
        data = dsm.load(done.parent).isel(beta=0, sweep=-1)
        point = point_of(data)
        found[point[:3]] = point
    if values:
        write_values(Path(values), found)
    points = [found[key] for key in sorted(found)]
    print("| alpha | N/c | L | E/(MN) | chains with E = 0 | test error | 1/2 - error, in errors |")
    print("|---|---|---|---|---|---|---|")
    series: dict[float, dict[float, list[Point]]] = {}
    for point in points:
        series.setdefault(point.alpha, {}).setdefault(point.ratio, []).append(point)
        energy = with_error(point.energy, point.energy_error)
        test = with_error(point.test_error, point.test_error_error)
        below = (0.5 - point.test_error) / point.test_error_error
        where = f"| {point.alpha:g} | {point.ratio:g} | {point.depth:g}"
        print(f"{where} | {energy} | {point.solved:.0%} | {test} | {below:.1f} |")
    figure = Figure(figsize=(4.8 * len(series), 4.6), layout="constrained")
    for axes, (alpha, curves) in zip(figure.subplots(1, len(series), squeeze=False)[0], series.items(), strict=True):
        deepest = max(point.depth for members in curves.values() for point in members)
        depths = [depth for depth in DEPTHS if depth <= deepest]
        for closure, line in CLOSURES.items():
            errors = [
                float(dsm.theory.deep_student_machine(depth, alpha, closure=closure, branch="ordered").test_error)
                for depth in depths
            ]
            axes.plot(depths, errors, line, color="0.4", lw=1, label=f"{closure}, dense limit")
        for index, (ratio, members) in enumerate(curves.items()):
            style = {"color": f"C{index}", "lw": 1, "capsize": 2, "label": f"$N/c={ratio:g}$"}
            x, y, error = ([getattr(p, name) for p in members] for name in ("depth", "test_error", "test_error_error"))
            axes.errorbar(x, y, error, **style)
            for point in members:
                face = f"C{index}" if point.solved == 1 else "white"
                axes.plot(point.depth, point.test_error, "o", ms=5, mec=f"C{index}", mfc=face)
        axes.axhline(0.5, color="0.7", ls="--", lw=0.8)
        axes.set(title=rf"$\alpha={alpha:g}$", xlabel="depth $L$", ylabel=r"test error $\epsilon$", ylim=(0, 0.52))
        axes.set_xscale("log", base=2)
        axes.legend(fontsize=8)
    figure.suptitle(
        "greedy, random starts, c = 8\nfilled: all chains have E = 0, open: not all\n16 samples, 8 replicas, jackknife "
        "errors",
        fontsize=9,
    )
    figure.savefig(file, dpi=110)


def point_of(data) -> Point:
    """What a run says at its last sweep."""
    attrs = data.attrs
    ratio = int(attrs["network.width"]) / int(attrs["network.fan_in"])
    numbers = [float(data[f"{name}_{part}"]) for name in ("energy", "test_error") for part in ("mean", "error")]
    solved = float((data.wrong_outputs == 0).mean())
    return Point(float(attrs["data.alpha"]), ratio, float(data.sizes["layer"]), *numbers[:2], solved, *numbers[2:])


def read_values(path: Path) -> dict[tuple, Point]:
    """Points by alpha, N/c and L."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        points = [Point(**{name: float(value) for name, value in row.items()}) for row in csv.DictReader(file)]
    return {point[:3]: point for point in points}


def write_values(path: Path, found: dict[tuple, Point]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Point._fields)
        writer.writerows([f"{value:.6g}" for value in found[key]] for key in sorted(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
