"""What a kind of work is: a task is one record, and a job is what it makes of a configuration."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr

from dsm._errors import require
from dsm._parts import is_own
from dsm.config import Config


@runtime_checkable
class Ensemble(Protocol):
    """What the life of a run needs of a driver."""

    def begin(self) -> Any:
        """The progress at t = 0."""

    def advance(self, progress: Any, steps: Any, recorded: Any) -> tuple[Any, dict[str, Any]]:
        """See `dsm.driver.Driver.advance`."""


@dataclass
class History:
    """What a run has made so far: its records up to `now`, of which the first `saved` are on disk."""

    now: int
    times: list[int]
    records: dict[str, list[np.ndarray]]
    timings: dict[str, float]
    saved: int = 0


@dataclass(frozen=True)
class Job:
    """A configuration turned into work, checked; nothing is compiled or written yet.

    Attributes:
        driver: draws the problems and makes the ensemble, a `dsm.driver.Driver`; None if there is theory alone.
        due: times of records, ascending.
        unit: name of the unit of time, in the plural.
        examine: checks the records so far and says in a few words how things stand.
        dataset: the results of the simulation; cheap, for an interrupted run writes them too. Without a simulation the
            driver is None.
        theory: the results with what theory says beside them; only for finished runs.
        value: one number for hyper-parameter sweepers.
    """

    driver: Callable[[], Ensemble] | None
    due: list[int]
    unit: str
    examine: Callable[[History], str]
    dataset: Callable[[Any, History], xr.Dataset]
    theory: Callable[[Any, xr.Dataset], xr.Dataset]
    value: Callable[[xr.Dataset], float | None]


@dataclass(frozen=True)
class Task:
    """A kind of work.

    Attributes:
        name: value of the setting `task`; conf/task/<name>.yaml has its defaults.
        schema: its settings.
        build: makes a job of them. Raises `CapacityError` if the run cannot fit in memory.
        draw: draws figures of the results, which carry the settings as attributes, into a folder, and names the files.
        precision: what is computed in which type, for the manifest.
        x64: whether it runs where 64-bit types are enabled.
        home: folder of the runs without an experiment; that of the task's name if empty.
    """

    name: str
    schema: type[Config]
    build: Callable[[Any], Job]
    draw: Callable[[xr.Dataset, Path], list[Path]]
    precision: dict[str, str]
    x64: bool = False
    home: str = ""


#: All tasks by name. A file in this package, or a plugin, adds its own by `register_task`.
TASKS: dict[str, Task] = {}


def register_task(task: Task) -> Task:
    """File a task under its name; the last definition counts.

    Raises:
        ValueError: it is the name of a task of dsm, and this is another.
    """
    known = TASKS.get(task.name)
    if known is not None and is_own(known.schema) and not is_own(task.schema):
        raise ValueError(f"task {task.name!r} is one of dsm: choose another name")
    TASKS[task.name] = task
    return task


def task_of(name: Any) -> Task:
    """The task called `name`.

    Raises:
        ConfigError: there is none.
    """
    require(name in TASKS, "task", name, f"one of {', '.join(sorted(TASKS))}")
    return TASKS[name]
