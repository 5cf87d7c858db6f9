"""The life of a run, the same for every simulation: open its directory, simulate, store, draw, and say how it ended."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from jaxtyping import PyTree

from dsm import store
from dsm._results import Outcome
from dsm._signals import stop_on_signals
from dsm.config import Config
from dsm.tasks._loop import History, Simulation, follow
from dsm.tasks._report import Report, log_to

logger = logging.getLogger("dsm")


@dataclass
class Job:
    """What a task has to say about its simulation.

    Attributes:
        simulation: what advances; None if there is theory alone.
        fresh: its progress at time 0.
        due: times of records, ascending.
        unit: name of the unit of time, in the plural.
        examine: checks the records so far and says in a few words how things stand.
        dataset: the results.
        draw: draws figures of the results into a folder, and names the files.
        value: one number for hyper-parameter sweepers.
    """

    simulation: Simulation | None
    fresh: PyTree
    due: list[int]
    unit: str
    examine: Callable[[History], str]
    dataset: Callable[[History], xr.Dataset]
    draw: Callable[[xr.Dataset, Path], list[Path]]
    value: Callable[[xr.Dataset], float | None]


def carry_out(config: Config, prepare: Callable[[], Job]) -> Report:
    """Run, resume, or find finished the run that `config` describes; `prepare` is called if there is something to do.

    Raises:
        StoreError: its directory is another's, or the disk refuses.
    """
    with store.open_run(config) as directory, log_to(directory):
        if directory.is_done:
            value = json.loads((directory.path / "DONE").read_text())["value"]
            return Report(Outcome.already_done, directory.path, sorted(directory.figures.glob("*.png")), value)
        job = prepare()
        if job.simulation is None:
            return _finish(config, directory, job, History(0, [], {}, {}))
        with store.Checkpoints(directory.checkpoints, config.run.keep) as checkpoints, stop_on_signals() as stop:
            history = follow(config.run, job.simulation, job.fresh, job.due, checkpoints, stop, job.unit, job.examine)
            if stop.received and history.now < job.due[-1]:
                _write(directory, job, history)
                logger.info("stopped by %s at %s %d", stop.received.name, job.unit.removesuffix("s"), history.now)
                stop.pass_on()
                return Report(Outcome.interrupted, directory.path, [], None)
            return _finish(config, directory, job, history)


def _write(directory: store.RunDirectory, job: Job, history: History) -> xr.Dataset:
    """Store the results so far."""
    directory.write("manifest.json", store.manifest(history.timings))
    dataset = job.dataset(history)
    store.write(dataset, directory.results)
    return dataset


def _finish(config: Config, directory: store.RunDirectory, job: Job, history: History) -> Report:
    dataset = _write(directory, job, history)
    figures = job.draw(dataset, directory.figures) if config.run.figures else []
    value = job.value(dataset)
    directory.finish({"value": value, job.unit: history.now})
    return Report(Outcome.done, directory.path, figures, value)
