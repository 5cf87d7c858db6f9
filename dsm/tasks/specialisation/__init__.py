"""Deep ReLU students that learn from a teacher with fewer units (arXiv:1909.13458)."""

from pathlib import Path

import xarray as xr

from dsm.tasks._task import Task, register_task
from dsm.tasks.specialisation._build import build
from dsm.tasks.specialisation._schema import SpecialisationConfig

__all__ = ["SPECIALISATION", "draw"]


def draw(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Losses and correlations over epochs, and correlations against fan-out at the end."""
    from dsm.plotting import draw_specialisation  # matplotlib takes its time

    return draw_specialisation(dataset, folder)


SPECIALISATION = register_task(
    Task(
        name="specialisation",
        schema=SpecialisationConfig,
        build=build,
        draw=draw,
        precision={"weights, inputs and measures": "float32"},
    )
)
