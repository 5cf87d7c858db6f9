"""Theory against layer and alpha in both closures, and test error and correlations of students, from run directories.

python experiments/alpha/figure.py runs/alpha experiments/alpha/figure.png [depth of the maps, 10]
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

ALPHAS = np.linspace(0.1, 25, 250)


def main(runs: str, file: str, depth: str = "10") -> None:
    """Read all runs below `runs`, print the tables, draw `file`."""
    found = [dsm.load(done.parent).isel(beta=0, sweep=-1) for done in sorted(Path(runs).rglob("DONE"))]
    figure = Figure(figsize=(13, 9.5), layout="constrained")
    maps, curves = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    draw_maps(maps, int(depth))
    left, middle, right = curves.subplots(1, 3)
    draw_errors(left, found)
    draw_correlations(middle, right, found)
    sizes = found[0].sizes
    title = f"points: $N=c={found[0].attrs['network.width']}$, {sizes['sample']} samples, {sizes['replica']} replicas"
    curves.suptitle(f"{title}, jackknife errors", fontsize=10)
    figure.savefig(file, dpi=110)


def draw_maps(figure, depth: int) -> None:
    """Q and q of the disordered branch followed upwards in alpha, by layer; dashed where the ordered branch begins."""
    grid = figure.subplots(2, 2, sharex=True)
    for row, closure in zip(grid, ("layered", "yoshino"), strict=True):
        rising = dsm.theory.continuation(depth, ALPHAS, closure=closure, branch="disordered")
        falling = dsm.theory.continuation(depth, ALPHAS[::-1], closure=closure, branch="ordered")
        apart = np.abs(falling.weight_overlap[::-1] - rising.weight_overlap).max(-1) > 1e-3
        for axes, values, name in (
            (row[0], rising.weight_overlap, "Q(l)"),
            (row[1], rising.spin_overlap[:, 1:], "q(l)"),
        ):
            extent = (ALPHAS[0], ALPHAS[-1], 0.5, values.shape[1] + 0.5)
            picture = axes.imshow(
                values.T, origin="lower", aspect="auto", extent=extent, vmin=0, vmax=1, cmap="viridis"
            )
            axes.set_title(f"{closure}: ${name}$, $L={depth}$", fontsize=10)
            axes.set_ylabel("layer $l$")
            if apart.any():
                axes.axvline(ALPHAS[apart][0], color="w", ls="--", lw=1)
    for axes in grid[1]:
        axes.set_xlabel(r"$\alpha$")
    figure.colorbar(picture, ax=grid, label="overlap", shrink=0.8)
    figure.suptitle(
        "theory, followed upwards from small alpha; dashed: an ordered solution exists from here on", fontsize=10
    )


def draw_errors(axes, found) -> None:
    """Test error of the theory and of students against alpha."""
    print(
        "| L | alpha | E/(MN) | test error | layered | yoshino | effective dimension / N by layer: students | teacher |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for index, depth in enumerate(sorted({data.sizes["layer"] for data in found})):
        for closure, style in (("layered", "-"), ("yoshino", "--")):
            theory = dsm.theory.deep_student_machine(depth, ALPHAS, closure=closure)
            label = f"$L={depth}$, {closure}" if depth > 1 or closure == "layered" else None
            axes.plot(ALPHAS, theory.test_error, style, color=f"C{index}", lw=1, label=label)
        points = _by_alpha(found, depth)
        for alpha, data in points:
            limits = (
                float(dsm.theory.deep_student_machine(depth, alpha, closure=c).test_error)
                for c in ("layered", "yoshino")
            )
            width = int(data.attrs["network.width"])
            dims = (
                ", ".join(f"{v / width:.3f}" for v in data[f"{name}_mean"].values)
                for name in ("effective_dimension", "teacher_effective_dimension")
            )
            energy, test = (
                with_error(float(data[f"{n}_mean"]), float(data[f"{n}_error"])) for n in ("energy", "test_error")
            )
            print(f"| {depth} | {alpha:g} | {energy} | {test} | {' | '.join([*(f'{x:.4f}' for x in limits), *dims])} |")
        values, errors = ([float(d[f"test_error_{s}"]) for _, d in points] for s in ("mean", "error"))
        axes.errorbar([alpha for alpha, _ in points], values, errors, fmt="o", color=f"C{index}", capsize=2)
    axes.set(xlabel=r"$\alpha$", ylabel=r"test error $\epsilon$", xlim=(0, ALPHAS[-1]), ylim=(0, 0.52))
    axes.legend(fontsize=8)


def draw_correlations(left, right, found) -> None:
    """Mean square correlation and effective dimension by layer of the deepest machines."""
    deepest = max(data.sizes["layer"] for data in found)
    points = _by_alpha(found, deepest)
    for index, (alpha, data) in enumerate(points):
        width = int(data.attrs["network.width"])
        for axes, name, scale in ((left, "same_layer_correlation", 1), (right, "effective_dimension", width)):
            value, error = (data[f"{name}_{s}"] / scale for s in ("mean", "error"))
            style = {
                "color": f"C{index}",
                "marker": "o",
                "capsize": 2,
                "lw": 1,
                "label": rf"students, $\alpha={alpha:g}$",
            }
            axes.errorbar(data.layer, value, error, **style)
    for axes, name, scale in ((left, "same_layer_correlation", 1), (right, "effective_dimension", width)):
        value, error = (data[f"teacher_{name}_{s}"] / scale for s in ("mean", "error"))
        axes.errorbar(data.layer, value, error, fmt="x:", color="k", capsize=2, label="teacher")
        axes.set(xlabel="layer $l$", xticks=data.layer)
        axes.legend(fontsize=8)
    left.set(ylabel=r"$\langle C_{ij}^2\rangle_{i\neq j}$, test patterns", ylim=(0, None))
    right.set(ylabel=r"effective dimension $(\mathrm{Tr}\,C)^2/(N\,\mathrm{Tr}\,C^2)$", ylim=(0, 1))
    left.set_title(f"$L={deepest}$", fontsize=10)
    right.set_title(f"$L={deepest}$", fontsize=10)


def _by_alpha(found, depth: int) -> list[tuple]:
    """(alpha, run) of the runs of this depth, alpha rising."""
    return sorted(
        ((float(data.attrs["data.alpha"]), data) for data in found if data.sizes["layer"] == depth), key=lambda p: p[0]
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
