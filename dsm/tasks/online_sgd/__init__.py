"""Online SGD of two-layer networks: simulation and equations of motion from the same start."""

from pathlib import Path

import xarray as xr

from dsm.tasks._task import Task, register_task
from dsm.tasks.online_sgd._build import build
from dsm.tasks.online_sgd._schema import OnlineSGDConfig

__all__ = ["ONLINE_SGD", "draw"]


def draw(dataset: xr.Dataset, folder: Path) -> list[Path]:
    """Errors and order parameters against time, simulation over theory."""
    from dsm.plotting import draw_learning  # matplotlib takes its time

    return draw_learning(dataset, folder)


ONLINE_SGD = register_task(
    Task(
        name="online_sgd",
        schema=OnlineSGDConfig,
        build=build,
        draw=draw,
        precision={"weights and inputs": "float32", "order parameters and theory": "float64"},
        x64=True,
    )
)
