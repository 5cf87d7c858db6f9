r"""Share of samples in which each teacher unit has a student unit (figure "recovery" of arXiv:1909.13458).

python experiments/specialisation_recovery/figure.py runs/specialisation_recovery \
    experiments/specialisation_recovery/figure.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

#: A teacher unit is recovered where a student unit has this correlation with it, on test inputs.
RECOVERED = 0.95


def main(runs: str, output: str, teachers: str = "20") -> None:
    """Draw all runs below `runs` with so many teacher units; they may be those of the whole sweep."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    found = [data for data in found if data.sizes["teacher"] == int(teachers)]
    found.sort(key=lambda data: data.attrs["network.multi"])
    decays = [float(decay) for decay in found[0].decay if decay > 0]
    epochs = [int(found[0].epoch.sel(epoch=5, method="nearest")), int(found[0].epoch[-1])]
    samples = found[0].sizes["sample"]
    figure = Figure(figsize=(2.9 * len(decays), 5.2), layout="constrained")
    grid = figure.subplots(2, len(decays), squeeze=False, sharex=True, sharey=True)
    print(
        "| epoch | p | " + " | ".join(f"multi {data.attrs['network.multi']}" for data in found) + " | another teacher |"
    )
    print("|---" * (len(found) + 3) + "|")
    for row, epoch in enumerate(epochs):
        for column, decay in enumerate(decays):
            axes, numbers, chance = grid[row][column], [], 0.0
            for place, data in enumerate(found):
                at = data.isel(lr=0, layer=0).sel(inputs="test", decay=decay, epoch=epoch)
                recovered = at.teacher_best_correlation > RECOVERED
                share = recovered.mean("sample").values
                units = np.arange(1, share.size + 1) + 0.12 * (place - 1.5)
                error = np.sqrt(share * (1 - share) / samples)
                style = {"fmt": "o-", "ms": 2.5, "lw": 0.9, "elinewidth": 0.6, "color": f"C{place}"}
                axes.errorbar(units, share, error, label=f"multi {data.attrs['network.multi']}", **style)
                by_sample = recovered.sum("teacher").values
                numbers.append(with_error(*map(float, jackknife(by_sample))))
                chance = max(chance, float((at.baseline_best_correlation > RECOVERED).mean()))
            print(f"| {epoch} | {decay:g} | " + " | ".join(numbers) + f" | {chance:g} |")
            axes.set_title(f"$p={decay:g}$, epoch {epoch}", fontsize=9)
            axes.set_ylim(-0.05, 1.05)
            if row:
                axes.set_xlabel("teacher unit, strongest first")
        grid[row][0].set_ylabel("share of samples that recover it")
    grid[0][-1].legend(fontsize=7)
    figure.suptitle(
        rf"recovered: $\max_k\rho_{{jk}}>{RECOVERED}$ on test inputs; M = {teachers}, {samples} samples, binomial errors",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
