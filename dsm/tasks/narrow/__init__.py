"""Narrow networks that learn from all patterns at once (arXiv:2507.00629)."""

from pathlib import Path

import xarray as xr

from dsm.tasks._task import Task, register_task
from dsm.tasks.narrow._build import build
from dsm.tasks.narrow._schema import NarrowConfig

__all__ = ["NARROW", "draw"]


def draw(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Errors and overlaps over steps, and against alpha."""
    from dsm.plotting import draw_narrow  # matplotlib takes its time

    return draw_narrow(dataset, folder)


NARROW = register_task(
    Task(
        name="narrow",
        schema=NarrowConfig,
        build=build,
        draw=draw,
        precision={"weights, inputs, energies and measures": "float32"},
    )
)
