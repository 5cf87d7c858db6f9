r"""Phase diagrams of narrow networks: alpha against noise and against weight decay, by theory alone.

python experiments/narrow_phases/figure.py experiments/narrow_phases/figure.png [activations] [points a line]
"""

import sys

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from dsm._errors import ConfigError
from dsm.theory import NarrowTransitions, narrow_transitions

#: Noise of the optimal student, and decay of the minimum of the loss without noise.
NOISES, DECAYS = (3e-4, 0.3), (3e-3, 0.3)
#: Largest alpha that is looked at.
LARGEST = 200.0


def main(output: str, activations: str = "erf,relu,leaky_relu,square", points: str = "12") -> None:
    """Draw one row of diagrams, one column an activation; print the transitions."""
    names = activations.split(",")
    figure = Figure(figsize=(2.7 * len(names), 6), layout="constrained")
    grid = figure.subplots(2, len(names), squeeze=False)
    print("| activation | student | D or lambda | spinodal | equal free entropies | continuous |")
    print("|---|---|---|---|---|---|")
    for column, name in enumerate(names):
        for row, (title, key, ends, settings) in enumerate((
            ("optimal student", "noise", NOISES, {}),
            ("minimum of the loss", "weight_decay", DECAYS, {"estimator": "erm"}),
        )):  # fmt: skip
            axes, values = grid[row][column], np.geomspace(*ends, int(points))
            found = []
            for value in values:
                found.append(_transitions(name, {key: float(value), **settings}))
                print(
                    f"| {name} | {title} | {value:.4g} | " + " | ".join(f"{x:.5g}" for x in found[-1]) + " |",
                    flush=True,
                )
            for place, label in enumerate(NarrowTransitions._fields):
                axes.plot([one[place] for one in found], values, "o-", ms=2.5, lw=1, color=f"C{place}", label=label)
            axes.set_yscale("log")
            seen = np.array(found, float)
            if np.nanmax(seen) > 4 * np.nanmin(seen):
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axes.xaxis.set_major_formatter(ScalarFormatter())
                axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(r"$\alpha$")
            axes.set_title(f"{name}: {title}", fontsize=9)
        grid[0][0].set_ylabel("noise D")
        grid[1][0].set_ylabel(r"weight decay $\lambda$, D = 0")
    grid[0][0].legend(fontsize=7)
    figure.suptitle(r"where the specialised solution begins, $K\to\infty$", fontsize=9)
    figure.savefig(output, dpi=110)


def _transitions(name: str, settings: dict) -> NarrowTransitions:
    """Transitions below the first alpha, of a growing series, at which the specialised branch is there."""
    above = 1.0
    while above <= LARGEST:
        try:
            found = narrow_transitions(name, above, **settings)
        except ConfigError:  # no specialised branch there
            above *= 1.5
            continue
        # The equality of free entropies may be above this alpha.
        if np.isnan(found.spinodal) or not np.isnan(found.equality) or above > LARGEST / 2:
            return found
        above *= 1.5
    return NarrowTransitions(np.nan, np.nan, np.nan)


if __name__ == "__main__":
    main(*sys.argv[1:])
