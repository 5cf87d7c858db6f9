r"""Alignment of student units where the gradients of all training patterns are small (theorems of arXiv:1909.13458).

python experiments/specialisation_gradients/figure.py runs/specialisation_sweep \
    experiments/specialisation_gradients/figure.png
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm

#: A unit counts as aligned below this angle.
ALIGNED = 0.1


def main(runs: str, output: str, teachers: str = "10") -> None:
    """Draw the runs below `runs` with so many teacher units."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found = [data.isel(lr=0, layer=0) for data in found if data.sizes["teacher"] == int(teachers)]
    found.sort(key=lambda data: data.attrs["network.multi"])
    figure = Figure(figsize=(13, 3.9), layout="constrained")
    angles, offsets, shares = figure.subplots(1, 3)
    everything = []
    for place, data in enumerate(found):
        points = _points(data)
        everything.append(points)
        end = data.gradient_norm.sel(quantile=1).isel(epoch=-1) < 1e-2
        below = {f"{decay:g}": int(end.sel(decay=decay).sum()) for decay in data.decay.values}
        print(
            f"multi {data.attrs['network.multi']}: samples with a largest gradient below 1e-2 at the end, by p: {below}"
        )
        label = f"multi {data.attrs['network.multi']}"
        for axes, name in ((angles, "angle"), (offsets, "offset")):
            axes.scatter(points["gradient"], points[name], s=2, lw=0, alpha=0.25, color=f"C{place}", label=label)
        edges = np.logspace(-7, 1, 33)
        middle, mean, error = _binned(edges, points["gradient"], points["raw"] < ALIGNED)
        shares.errorbar(middle, mean, error, fmt="o-", ms=2.5, lw=0.9, elinewidth=0.6, color=f"C{place}", label=label)
    joined = {name: np.concatenate([points[name] for points in everything]) for name in everything[0]}
    print(f"angle x strength below the gradient: {(joined['angle'] < joined['gradient']).mean():.4f} of all points")
    scale = np.logspace(-7, 1, 9)
    for axes, name in ((angles, "angle"), (offsets, "offset")):
        axes.plot(scale, scale, "k--", lw=0.8, label="proportional")
        axes.set_yscale("log")
        axes.set_ylim(1e-8, 10)
        small = joined["gradient"] < 1e-2
        for upper in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
            inside = (joined["gradient"] < upper) & (joined["gradient"] >= upper / 10)
            if inside.any():
                quantiles = np.quantile(joined[name][inside], [0.5, 0.9, 1])
                aligned = (joined["raw"][inside] < ALIGNED).mean()
                print(
                    f"{name}: {upper / 10:.0e} to {upper:.0e}: {inside.sum()} units, median, 90 %, largest",
                    quantiles,
                    aligned,
                )
        if small.sum() > 2:
            fit = np.polyfit(np.log(joined["gradient"][small]), np.log(np.maximum(joined[name][small], 1e-9)), 1)
            print(f"{name}: exponent of the least-squares line below 1e-2: {fit[0]:.2f}")
    angles.set_ylabel(r"angle $\times$ strength $|v^*_j|$")
    offsets.set_ylabel(r"offset $\times$ strength $|v^*_j|$")
    shares.set_ylabel(f"share of teacher units with an angle below {ALIGNED}")
    for axes in (angles, offsets, shares):
        axes.set_xscale("log")
        axes.set_xlabel(r"largest $|g_1(x)|$ over the training set")
    angles.legend(fontsize=7, markerscale=4)
    figure.suptitle(
        f"every teacher unit at every recorded epoch; M = {teachers}, {found[0].sizes['sample']} samples, all decays",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def _points(data: xr.Dataset) -> dict[str, np.ndarray]:
    """Largest gradient, angle and offset times strength, and the angle itself, of every unit, record, sample and decay."""
    dims = ("sample", "decay", "epoch", "teacher")
    strength = data.teacher_fan_out_norm
    largest = data.gradient_norm.sel(quantile=1).broadcast_like(data.teacher_hyperplane_angle)
    values = {
        "gradient": largest,
        "angle": data.teacher_hyperplane_angle * strength,
        "offset": data.teacher_hyperplane_offset * strength,
        "raw": data.teacher_hyperplane_angle,
    }
    return {name: value.transpose(*dims).isel(epoch=slice(1, None)).values.ravel() for name, value in values.items()}


def _binned(edges: np.ndarray, x: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of hits in bins of x, with binomial errors; empty bins are left out."""
    place = np.digitize(x, edges) - 1
    bins = [index for index in range(len(edges) - 1) if (place == index).sum() >= 10]
    share = np.array([hit[place == index].mean() for index in bins])
    number = np.array([(place == index).sum() for index in bins])
    middle = np.sqrt(edges[:-1] * edges[1:])[bins]
    return middle, share, np.sqrt(share * (1 - share) / number)


if __name__ == "__main__":
    main(*sys.argv[1:])
