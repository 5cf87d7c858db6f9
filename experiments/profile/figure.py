"""Equilibrium overlaps against 1/c, with the replica theory of both closures at c = infinity, from run directories.

python experiments/profile/figure.py runs/profile experiments/profile/figure.png
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error

#: Gauge-invariant overlaps: name of the variable, symbol.
SHOWN = {"gauge_invariant_overlap_squared_train": "q^2", "gauge_invariant_weight_overlap": "q_{l-1}Q_lq_l"}
CLOSURES = {"layered": "o", "yoshino": "X"}


def equilibrium(data, pair: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean over replicas and the records after burn-in, by layer, with the jackknife error over samples."""
    late = data.sel(sweep=slice(int(data.attrs["observe.burn_in"]), None))
    return jackknife(late[f"{pair}_{name}"].mean(["replica", "sweep"]).transpose("sample", "layer").values, 0)


def relaxed(teacher: tuple, student: tuple, layers: int) -> np.ndarray:
    """Whether the teacher is one more student (Nishimori identity) to three standard errors in all layers, for each size.

    A planted student begins at the teacher: until it has forgotten where it was, it is nearer to the teacher than to others.
    """
    deviation = np.abs(teacher[0] - student[0]) / np.hypot(teacher[1], student[1]).clip(1e-6)
    return np.all(deviation[:, :layers] < 3, axis=1)


def extrapolate(fan_in: np.ndarray, values: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weighted straight line in 1/c, by layer: its value at 1/c = 0 with the error, and its slope; rows are the fan-ins."""
    limits = []
    for value, error in zip(values.T, np.maximum(errors.T, 1e-6), strict=True):
        design = np.stack([np.ones(len(fan_in)), 1 / fan_in], 1) / error[:, None]
        covariance = np.linalg.inv(design.T @ design)
        start, slope = covariance @ design.T @ (value / error)
        limits.append((start, covariance[0, 0] ** 0.5, slope))
    return tuple(np.array(limits).T)


def exact(name: str, solution) -> np.ndarray:
    """The same quantity in the dense limit."""
    spins = solution.spin_overlap
    return {
        "gauge_invariant_overlap_squared_train": spins[1:] ** 2,
        "gauge_invariant_weight_overlap": spins[:-1] * solution.weight_overlap * spins[1:],
    }[name]


def print_relaxation(points: dict[tuple, list]) -> None:
    """How long the runs were, measured by the relaxation of the raw weight overlap with the teacher, the start."""
    print()
    print(
        "| L | beta | alpha | c | sweeps | burn-in | until Q = 1/e, by layer | Q, teacher | Q, students | test error |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (depth, beta, alpha), group in sorted(points.items()):
        for data in sorted(group, key=lambda data: int(data.attrs["network.fan_in"])):
            curves = data.teacher_weight_overlap_mean.transpose("layer", "sweep").values
            times = ", ".join(_passage(data.sweep.values, curve) for curve in curves)
            last = data.isel(sweep=-1)
            ends = []
            for name in ("teacher_weight_overlap", "student_weight_overlap", "test_error"):
                values, errors = (np.atleast_1d(last[f"{name}_{suffix}"].values) for suffix in ("mean", "error"))
                ends.append(", ".join(with_error(v, e) for v, e in zip(values, errors, strict=True)))
            settings = f"{data.attrs['network.fan_in']} | {int(last.sweep)} | {data.attrs['observe.burn_in']}"
            print(f"| {depth} | {beta:g} | {alpha:g} | {settings} | {times} | {' | '.join(ends)} |")


def _passage(sweeps: np.ndarray, curve: np.ndarray, level: float = np.exp(-1)) -> str:
    """Where a falling curve passes `level`, between records by a straight line."""
    below = np.flatnonzero(curve < level)
    if not below.size:
        return f"> {sweeps[-1]}"
    k = below[0]
    return f"{np.interp(-level, -curve[k - 1 : k + 1], sweeps[k - 1 : k + 1]):.0f}"


def read(runs: str) -> tuple[dict[tuple, list], dict[tuple, list]]:
    """Runs from planted and from random starts by (L, beta, alpha); of several lengths the longest."""
    longest: dict[tuple, Any] = {}
    for done in sorted(Path(runs).rglob("DONE")):
        data = dsm.load(done.parent).isel(beta=0)
        point = data.sizes["layer"], float(data.beta), float(data.attrs["data.alpha"])
        key = data.attrs["sampler.start"], point, int(data.attrs["network.fan_in"])
        if key not in longest or longest[key].sweep[-1] < data.sweep[-1]:
            longest[key] = data
    found: dict[str, dict[tuple, list]] = {"planted": {}, "random": {}}
    for (start, point, _), data in sorted(longest.items(), key=lambda item: item[0]):
        found[start].setdefault(point, []).append(data)
    return found["planted"], found["random"]


def main(runs: str, file: str) -> None:
    """Read all runs below `runs`, print the tables, draw `file`."""
    points, random_starts = read(runs)
    figure = Figure(figsize=(8.5, 0.6 + 3.0 * len(points)), layout="constrained")
    grid = figure.subplots(len(points), 2, squeeze=False)
    print("| L | beta | alpha | quantity | l | c: teacher-student; student-student | 1/c -> 0 | layered | yoshino |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row, ((depth, beta, alpha), group) in enumerate(sorted(points.items())):
        group = sorted(group, key=lambda data: int(data.attrs["network.fan_in"]))
        fan_in = np.array([int(data.attrs["network.fan_in"]) for data in group], float)
        theory = {c: dsm.theory.deep_student_machine(depth, alpha, closure=c, beta=beta) for c in CLOSURES}
        for axes, (name, symbol) in zip(grid[row], SHOWN.items(), strict=True):
            layers = depth if name == "gauge_invariant_weight_overlap" else depth - 1
            pairs = {}
            for pair, marker in (("teacher", "v"), ("student", "s")):
                found = [equilibrium(data, pair, name) for data in group]
                pairs[pair] = np.array([value for value, _ in found]), np.array([error for _, error in found])
                for layer in range(layers):
                    style = {
                        "color": f"C{layer + 4}",
                        "marker": marker,
                        "ms": 5,
                        "capsize": 2,
                        "ls": "none",
                        "mfc": "none",
                    }
                    axes.errorbar(1 / fan_in, pairs[pair][0][:, layer], pairs[pair][1][:, layer], **style)
            below = {
                float(data.attrs["network.fan_in"]): equilibrium(data, "student", name)
                for data in random_starts.get((depth, beta, alpha), [])
            }
            for c, (value, error) in below.items():
                for layer in range(layers):
                    shade = {
                        "color": f"C{layer + 4}",
                        "marker": "^",
                        "ms": 5,
                        "capsize": 2,
                        "ls": "none",
                        "mfc": "none",
                    }
                    axes.errorbar(1 / c, value[layer], error[layer], **shade)
            done = relaxed(*pairs.values(), layers)
            chosen = [array[done] for array in (fan_in, *pairs["student"])]
            limit = extrapolate(*chosen) if done.sum() > 1 else None
            for layer in range(layers):
                sizes = []
                for i, c in enumerate(fan_in):
                    both = "; ".join(with_error(*_at(pairs[pair], i, layer)) for pair in pairs)
                    lower = f"; from random starts {with_error(*(a[layer] for a in below[c]))}" if c in below else ""
                    sizes.append(f"{c:g}{'' if done[i] else ' (not relaxed)'}: {both}{lower}")
                cells = []
                for closure, solution in theory.items():
                    value = exact(name, solution)[layer]
                    sigmas = "" if limit is None else f" ({(limit[0][layer] - value) / limit[1][layer]:+.1f} s.e.)"
                    cells.append(f"{value:.4f}{sigmas}")
                    shade = {
                        "color": f"C{layer + 4}",
                        "marker": CLOSURES[closure],
                        "ms": 8,
                        "mfc": "none",
                        "ls": "none",
                    }
                    axes.plot(0, value, clip_on=False, zorder=5, **shade)
                extrapolated = "" if limit is None else with_error(limit[0][layer], limit[1][layer])
                where = f"| {depth} | {beta:g} | {alpha:g} | ${symbol}$ | {layer + 1} |"
                print(f"{where} {'; '.join(sizes)} | {extrapolated} | {' | '.join(cells)} |")
                if limit is not None:
                    ends = np.array([0, 1 / chosen[0][0]])
                    axes.plot(ends, limit[0][layer] + limit[2][layer] * ends, color=f"C{layer + 4}", lw=0.8, ls=":")
                axes.plot([], [], "s", color=f"C{layer + 4}", label=f"$l={layer + 1}$")
            axes.set_title(rf"$L={depth}$, $\beta={beta:g}$, $\alpha={alpha:g}$: ${symbol}$", fontsize=10)
            axes.set(xlabel="$1/c$", xlim=(-0.002, 1.1 / fan_in[0]))
            axes.axhline(0, color="0.8", lw=0.8, zorder=0)
            axes.legend(fontsize=8)
    print_relaxation(points)
    handles = [grid[0][0].plot([], [], m, mfc="none", color="0.3", ls="none")[0] for m in ("o", "X")]
    handles += [grid[0][0].plot([], [], m, mfc="none", color="0.3", ls="none")[0] for m in "vs^"]
    labels = ["theory, layered", "theory, yoshino", "teacher and student", "two students", "two, random starts"]
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(file, dpi=110)


def _at(found: tuple[np.ndarray, np.ndarray], row: int, layer: int) -> tuple[float, float]:
    return found[0][row, layer], found[1][row, layer]


if __name__ == "__main__":
    main(*sys.argv[1:])
