"""The figures of a run of narrow networks."""

from pathlib import Path

import xarray as xr


def draw_narrow(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Draw what the recorded quantities allow; returns the files."""
    return []
