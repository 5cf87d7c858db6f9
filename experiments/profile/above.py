"""Above both transitions: overlaps from planted and from random starts against 1/c, and their limit, from run directories.

python experiments/profile/above.py runs/above experiments/profile/above.png
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

#: Quantities with their layers: name, layer, symbol.
SHOWN = (
    ("gauge_invariant_overlap_squared_train", 1, "$q^2$"),
    ("gauge_invariant_weight_overlap", 1, "$q_0Q_1q_1$"),
    ("gauge_invariant_weight_overlap", 2, "$q_1Q_2q_2$"),
)
CLOSURES = {"layered": "o", "yoshino": "X"}
#: What is measured: the start, and the pair of machines.
SERIES = {
    ("planted", "teacher"): ("v", "planted start, teacher and student"),
    ("planted", "student"): ("s", "planted start, two students"),
    ("random", "student"): ("^", "random start, two students"),
}
#: Fits in 1/c: degree, the least c, name.
FITS = ((1, 10, "line, c >= 10"), (2, 0, "parabola, all c"))


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print two tables, draw `file`."""
    found = {}
    for done in sorted(Path(runs).rglob("DONE")):
        data = dsm.load(done.parent).isel(beta=0)
        found[data.attrs["sampler.start"], int(data.attrs["network.fan_in"])] = data
    sizes = sorted({c for start, c in found if ("random", c) in found and ("planted", c) in found})
    first = found["planted", sizes[0]]
    alpha, beta = float(first.attrs["data.alpha"]), float(first.beta)
    solutions = {
        c: dsm.theory.deep_student_machine(first.sizes["layer"], alpha, closure=c, beta=beta) for c in CLOSURES
    }
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    print(f"| quantity | c | {' | '.join(name for _, name in SERIES.values())} | difference of the starts, in errors |")
    print("|---|---|---|---|---|---|")
    limits = []
    for axes, (name, layer, symbol) in zip(figure.subplots(1, 3), SHOWN, strict=True):
        means = {key: [at_rest(found[key[0], c], key[1], name, layer) for c in sizes] for key in SERIES}
        for index, c in enumerate(sizes):
            values = [means[key][index] for key in SERIES]
            (planted, e), (random, f) = values[1], values[2]
            told = " | ".join(with_error(*value) for value in values)
            print(f"| {symbol} | {c} | {told} | {(planted - random) / np.hypot(e, f):+.1f} |")
        for key, (marker, label) in SERIES.items():
            y, error = np.array(means[key]).T
            axes.errorbar(1 / np.array(sizes), y, error, fmt=marker, ms=5, mfc="none", capsize=2, label=label)
        both = np.array(
            [combine(means["planted", "student"][i], means["random", "student"][i]) for i in range(len(sizes))]
        )
        theory = {closure: exact(name, layer, solution) for closure, solution in solutions.items()}
        for degree, least, label in FITS:
            chosen = [i for i, c in enumerate(sizes) if c >= least]
            if len(chosen) <= degree:
                continue
            coefficients, covariance, chi = fit(1 / np.array(sizes)[chosen], both[chosen], degree)
            limit = coefficients[0], covariance[0, 0] ** 0.5
            limits.append((symbol, label, limit, chi / max(1, len(chosen) - degree - 1), theory))
            x = np.linspace(0, 1 / sizes[0 if least == 0 else chosen[0]], 50)
            line = ":" if degree == 1 else "--"
            axes.plot(x, np.polynomial.polynomial.polyval(x, coefficients), line, lw=0.9, color="0.4")
        for closure, marker in CLOSURES.items():
            axes.plot(
                0, theory[closure], marker, ms=9, color="k", mfc="none", clip_on=False, label=f"theory, {closure}"
            )
        axes.axhline(0, color="0.8", lw=0.8)
        axes.set(title=symbol, xlabel="$1/c$", xlim=(-0.002, 1.1 / sizes[0]))
    axes.legend(fontsize=7)
    print("\n| quantity | fit | 1/c -> 0 | chi^2 a degree of freedom | layered | yoshino |\n|---|---|---|---|---|---|")
    for symbol, label, (value, error), chi, theory in limits:
        cells = [f"{theory[c]:.4f} ({(value - theory[c]) / error:+.1f})" for c in CLOSURES]
        print(f"| {symbol} | {label} | {with_error(value, error)} | {chi:.1f} | {' | '.join(cells)} |")
    figure.suptitle(
        rf"L = {first.sizes['layer']}, $\beta={beta:g}$, $\alpha={alpha:g}$, N = 5 c; {ensembles(found)} samples x "
        f"{first.sizes['replica']} replicas, jackknife errors; dotted: line through c >= 10, dashed: parabola",
        fontsize=9,
    )
    figure.savefig(file, dpi=110)


def at_rest(data, pair: str, name: str, layer: int) -> tuple[float, float]:
    """Mean over replicas and the records from the burn-in on, with its jackknife error over samples."""
    late = data.sel(sweep=slice(int(data.attrs["observe.burn_in"]), None), layer=layer)
    mean, error = jackknife(late[f"{pair}_{name}"].mean(["replica", "sweep"]).values, 0)
    return float(mean), float(error)


def combine(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The mean of both starts. They share teachers and data, so that its error is no smaller than that of one."""
    return (a[0] + b[0]) / 2, max(a[1], b[1])


def fit(x: np.ndarray, points: np.ndarray, degree: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Weighted polynomial in x: coefficients from the constant on, their covariance, chi^2."""
    y, error = points.T
    design = np.vander(x, degree + 1, increasing=True) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    coefficients = covariance @ design.T @ (y / error)
    return coefficients, covariance, float(np.sum((y / error - design @ coefficients) ** 2))


def exact(name: str, layer: int, solution) -> float:
    """The same quantity in the dense limit."""
    spins, weights = np.asarray(solution.spin_overlap), np.asarray(solution.weight_overlap)
    if name == "gauge_invariant_overlap_squared_train":
        return float(spins[layer] ** 2)
    return float(spins[layer - 1] * weights[layer - 1] * spins[layer])


def ensembles(found: dict) -> str:
    numbers = sorted({data.sizes["sample"] for data in found.values()})
    return " or ".join(map(str, numbers))


if __name__ == "__main__":
    main(*sys.argv[1:])
