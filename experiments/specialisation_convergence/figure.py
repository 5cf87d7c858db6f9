r"""Test loss over epochs for students of several sizes (figure "convergence" of arXiv:1909.13458).

python experiments/specialisation_convergence/figure.py runs/specialisation_convergence \
    experiments/specialisation_convergence/figure.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error


def main(runs: str, output: str, teachers: str = "20") -> None:
    """Draw all runs below `runs` with so many teacher units; they may be those of the whole sweep."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found = [data for data in found if data.sizes["teacher"] == int(teachers)]
    found.sort(key=lambda data: data.attrs["network.multi"])
    decays = found[0].decay.values
    columns = min(3, len(decays))
    rows = -(-len(decays) // columns)
    figure = Figure(figsize=(3.8 * columns, 2.9 * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel()
    samples = found[0].sizes["sample"]
    print("| p | " + " | ".join(f"multi {data.attrs['network.multi']}" for data in found) + " |")
    print("|---" * (len(found) + 1) + "|")
    for axes, decay in zip(panels, decays, strict=False):
        ends = []
        for place, data in enumerate(found):
            loss = np.log10(data.test_loss.isel(lr=0).sel(decay=decay)).transpose("epoch", "sample").values
            mean, spread = loss.mean(1), loss.std(1, ddof=1)
            axes.plot(data.epoch, mean, color=f"C{place}", lw=1.2, label=f"multi {data.attrs['network.multi']}")
            axes.fill_between(data.epoch, mean - spread, mean + spread, color=f"C{place}", alpha=0.2, lw=0)
            ends.append(with_error(*map(float, jackknife(loss[-1]))))
        print(f"| {decay:g} | " + " | ".join(ends) + " |")
        axes.set_title(f"$p={decay:g}$", fontsize=9)
        axes.set_xlabel("epoch")
    for axes in panels[::columns]:
        axes.set_ylabel(r"$\log_{10}$ test loss")
    panels[0].legend(fontsize=8)
    figure.suptitle(f"mean and standard deviation over {samples} samples, M = {teachers}", fontsize=9)
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
