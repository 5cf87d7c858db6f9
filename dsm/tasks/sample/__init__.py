"""The main job: sample students of deep sign-perceptron teachers."""

from pathlib import Path

import xarray as xr

from dsm.tasks._task import Task, register_task
from dsm.tasks.sample._build import build
from dsm.tasks.sample._schema import SampleConfig

__all__ = ["SAMPLE", "draw"]


def draw(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Overlaps over layers, learning curves, two-time overlaps."""
    from dsm.plotting import draw_run  # matplotlib takes its time

    return draw_run(dataset, folder)


SAMPLE = register_task(
    Task(
        name="sample",
        schema=SampleConfig,
        build=build,
        draw=draw,
        precision={"weights": "float32 on a lattice (exact fields)", "energy": "int32"},
        home="custom",
    )
)
