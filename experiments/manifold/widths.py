"""Test error against D at several widths, and against D/N, from run directories.

python experiments/manifold/widths.py runs/widths experiments/manifold/widths.png
"""

import sys

from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error


def main(runs: str, file: str) -> None:
    """Read the sweep below `runs`, print its table, draw `file`."""
    data = dsm.load_sweep(runs).isel(sweep=-1, beta=0).sortby("latent")
    print("| N | D | D/N | E/(MN) | chains with E = 0 | test error |\n|---|---|---|---|---|---|")
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for index, width in enumerate(data.width.values):
        of = data.sel(width=width)
        for latent in data.latent.values:
            at = of.sel(latent=latent)
            energy, error = (
                with_error(float(at[f"{name}_mean"]), float(at[f"{name}_error"])) for name in ("energy", "test_error")
            )
            solved = float((at.wrong_outputs == 0).mean())
            print(f"| {width} | {latent} | {latent / width:g} | {energy} | {solved:.0%} | {error} |")
        for axes, x in zip(panels, (data.latent, data.latent / width), strict=True):
            style = {"color": f"C{index}", "marker": "os"[index % 2], "capsize": 2, "label": f"$N={width}$"}
            axes.errorbar(x, of.test_error_mean, of.test_error_error, **style)
    for axes, label in zip(panels, ("latent dimension $D$", "$D/N$"), strict=True):
        axes.axhline(0.5, color="0.6", ls=":", lw=0.8, label="guessing")
        axes.set_xscale("log", base=2)
        axes.set(xlabel=label, ylim=(0, 0.52))
    panels[0].set_ylabel(r"test error $\epsilon$")
    panels[0].legend(fontsize=8)
    attrs = data.attrs
    figure.suptitle(
        f"c = {attrs['network.fan_in']}, L = {attrs['network.depth']}, alpha = {attrs['data.alpha']:g}, greedy from random "
        f"starts; {data.sizes['sample']} samples, {data.sizes['replica']} replicas, jackknife errors",
        fontsize=9,
    )
    figure.savefig(file, dpi=130)


if __name__ == "__main__":
    main(*sys.argv[1:])
