r"""Bias of unadjusted Langevin dynamics: errors against those of Hamiltonian Monte Carlo on the same samples.

python experiments/narrow_temperature/bias.py runs/narrow_langevin
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr

import dsm
from dsm.observables.statistics import jackknife
from dsm.plotting import with_error


def late(data: xr.Dataset, name: str) -> np.ndarray:
    """Means over the later half of the records, by sample."""
    half = slice(data.sizes["step"] // 2, None)
    return data[name].isel(step=half, alpha=0, temperature=0, weight_decay=0).mean(["step", "replica"]).values


def main(runs: str) -> None:
    """Compare the Langevin runs below `runs`, at any lr, with the one by Hamiltonian Monte Carlo; print a table."""
    found = [dsm.load(done.parent) for done in sorted(Path(runs).rglob("DONE"))]
    (exact,) = (data for data in found if data.attrs["training.dynamics.name"] == "hmc")
    others = [data for data in found if data.attrs["training.dynamics.name"] == "langevin"]
    print("| lr | test error, excess in % | training error, excess in % |")
    print("|---|---|---|")
    for data in sorted(others, key=lambda data: data.attrs["training.lr"]):
        cells = [
            with_error(*map(float, jackknife(100 * (late(data, name) / late(exact, name) - 1))))
            for name in ("test_error", "train_error")
        ]
        print(f"| {data.attrs['training.lr']:g} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
