"""Overlaps and second-layer weights at the end of online SGD from several starts, from run directories.

python experiments/sgd_solutions/figure.py runs/sgd_solutions experiments/sgd_solutions/figure.png
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import dsm
from dsm.plotting import with_error

STARTS = ("random", "informed", "denoise")
#: A unit is a copy of a teacher unit, or the opposite of another student unit, from this cosine on.
ALIKE = 0.9
#: A unit whose contribution |v| |w| is smaller is silent.
SILENT = 0.1


@dataclass(frozen=True)
class Solution:
    """A student: cosines with the teacher's units [K, M] and its own [K, K], norms |w| and second-layer weights [K]."""

    teacher: np.ndarray
    student: np.ndarray
    norm: np.ndarray
    output: np.ndarray

    @staticmethod
    def of(Q: np.ndarray, R: np.ndarray, v: np.ndarray) -> "Solution":
        """Units are ordered: copies first, by the teacher's unit; T = 1."""
        norm = np.sqrt(np.maximum(np.diag(Q), 1e-12))
        teacher, student = R / norm[:, None], Q / np.outer(norm, norm)
        best = np.abs(teacher)
        order = np.lexsort((best.argmax(1), best.max(1) < ALIKE))
        return Solution(teacher[order], student[np.ix_(order, order)], norm[order], v[order])

    def counts(self) -> np.ndarray:
        """Units that are silent; of the others copies of a teacher unit; members of opposite pairs; the rest."""
        silent = np.abs(self.output) * self.norm < SILENT
        copies = ~silent & (np.abs(self.teacher).max(1) > ALIKE)
        # v w and v' w' cancel.
        signed = self.student * np.sign(np.outer(self.output, self.output))
        paired = ~silent & ~copies & (signed.min(1) < -ALIKE)
        return np.array([silent.sum(), copies.sum(), paired.sum(), (~silent & ~copies & ~paired).sum()])


def main(runs: str, output: str) -> None:
    """Read all runs below `runs`, print the table, draw `output`."""
    found = {key_of(data): data for done in sorted(Path(runs).rglob("DONE")) for data in [dsm.load(done.parent)]}
    rows = sorted({key[:2] for key in found}, key=lambda row: (("erf", "relu", "linear").index(row[0]), row[1]))
    columns = [(size, start) for size in sorted({key[2] for key in found}) for start in STARTS]
    print("| units | layers | K | start | silent | copies | in opposite pairs | others | mean abs(v) | ", end="")
    print("error / (lr noise^2) | theory |\n" + "|---" * 11 + "|")
    figure = Figure(figsize=(2.1 * len(columns), 1.3 * len(rows) + 0.6), layout="constrained")
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, (kind, both) in zip(panels, rows, strict=True):
        for axes, (size, start) in zip(line, columns, strict=True):
            axes.set(xticks=[], yticks=[])
            if (kind, both, size, start) not in found:
                axes.axis("off")
                continue
            data = found[kind, both, size, start]
            print_row(data, kind, both, size, start)
            draw(axes, solution(data.isel(t=-1, sample=0)))
            axes.set_title(f"{start}, $K={size}$: {scaled(data)[0]:.2g}", fontsize=8)
        line[0].set_ylabel(f"{kind}, {'both layers' if both else 'first layer'}", fontsize=8)
    data = next(iter(found.values()))
    figure.suptitle(
        "Student units by row: cosines with the teacher's units | with the student's | norm | second layer. Blue: positive, "
        f"red: negative, full at 1. Number: error/(lr noise$^2$).\nOne sample of {data.sizes['sample']}, "
        f"N = {data.attrs['network.width']}, M = {data.sizes['teacher']}, lr {data.attrs['training.lr']:g}, "
        f"noise {data.attrs['data.noise']:g}, t = {float(data.t[-1]):g}",
        fontsize=9,
    )
    figure.savefig(output, dpi=110)


def key_of(data: xr.Dataset) -> tuple[str, bool, int, str]:
    """Activation, whether both layers learn, K, start."""
    attrs = data.attrs
    both = float(attrs["training.lr_second"]) > 0
    return attrs["network.activation"], both, data.sizes["student"], attrs["training.start.name"]


def solution(data: xr.Dataset) -> Solution:
    """That of one sample at one time."""
    return Solution.of(data.Q.values, data.R.values, data.v.values)


def scaled(data: xr.Dataset) -> tuple[float, float, float]:
    """Mean of the error at the end over samples, its own error, and theory, over lr noise^2."""
    unit = float(data.attrs["training.lr"]) * float(data.attrs["data.noise"]) ** 2
    last = data.isel(t=-1)
    names = ("test_error_mean", "test_error_error", "theory_test_error")
    mean, error, theory = (float(last[name]) / unit for name in names)
    return mean, error, theory


def print_row(data: xr.Dataset, kind: str, both: bool, size: int, start: str) -> None:
    """Counts of units, mean over samples."""
    solutions = [solution(data.isel(t=-1, sample=sample)) for sample in range(data.sizes["sample"])]
    counts = np.mean([own.counts() for own in solutions], 0)
    weight = np.mean([np.abs(own.output).mean() for own in solutions])
    mean, error, theory = scaled(data)
    cells = (kind, "both" if both else "first", size, start, *(f"{count:.3g}" for count in counts), f"{weight:.2f}")
    print(f"| {' | '.join(map(str, cells))} | {with_error(mean, error)} | {theory:.4g} |")


def draw(axes, own: Solution) -> None:
    """The four blocks as one image, with gaps."""
    gap = np.full((len(own.norm), 1), np.nan)
    blocks = [own.teacher, gap, own.student, gap, own.norm[:, None], gap, own.output[:, None]]
    axes.imshow(np.hstack(blocks), cmap="RdBu", vmin=-1, vmax=1, aspect="equal")
    for side in axes.spines.values():
        side.set_visible(False)


if __name__ == "__main__":
    main(*sys.argv[1:])
