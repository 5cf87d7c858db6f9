"""The life of a run, the same for every simulation: open its directory, simulate, store, draw, and say how it ended."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import xarray as xr
from jaxtyping import PyTree

from dsm import store
from dsm._results import Outcome
from dsm._signals import StopRequest, stop_on_signals
from dsm.config import Config
from dsm.tasks._loop import History, Simulation, follow
from dsm.tasks._path import path_of
from dsm.tasks._report import Report, log_to

logger = logging.getLogger("dsm")


def _without_theory(dataset: xr.Dataset) -> xr.Dataset:
    return dataset


@dataclass
class Job:
    """What a task has to say about its simulation.

    Attributes:
        simulation: what advances; None if there is theory alone.
        fresh: its progress at time 0.
        due: times of records, ascending.
        unit: name of the unit of time, in the plural.
        precision: what is computed in which arithmetic, for the manifest.
        examine: checks the records so far and says in a few words how things stand.
        dataset: the results of the simulation, quickly.
        draw: draws figures of the results into a folder, and names the files.
        value: one number for hyper-parameter sweepers.
        theory: adds theory to the results of a finished run; may take its time.
    """

    simulation: Simulation | None
    fresh: PyTree
    due: list[int]
    unit: str
    precision: dict[str, str]
    examine: Callable[[History], str]
    dataset: Callable[[History], xr.Dataset]
    draw: Callable[[xr.Dataset, Path], list[Path]]
    value: Callable[[xr.Dataset], float | None]
    theory: Callable[[xr.Dataset], xr.Dataset] = _without_theory


def carry_out(config: Config, prepare: Callable[[], Job]) -> Report:
    """Run, resume, or find finished the run that `config` describes; `prepare` is called if there is something to do.

    A signal stops the simulation; once that is done, the run goes on to its end.

    Raises:
        StoreError: its directory is another's, or the disk refuses.
    """
    with store.open_run(path_of(config), config) as directory, log_to(directory), stop_on_signals() as stop:
        if directory.is_done:
            figures = sorted(directory.figures.glob("*.png"))
            return Report(Outcome.already_done, directory.path, figures, directory.summary()["value"])
        job = prepare()
        history = _simulate(config, directory, job, stop)
        if stop and job.simulation is not None and history.now < job.due[-1]:
            return _interrupt(directory, job, history, stop)
        return _finish(config, directory, job, history, stop)


def _simulate(config: Config, directory: store.RunDirectory, job: Job, stop: StopRequest) -> History:
    if job.simulation is None:
        return History(0, [], {}, {})
    with store.Checkpoints(directory.checkpoints, config.run.keep) as checkpoints:
        return follow(config.run, job.simulation, job.fresh, job.due, checkpoints, stop, job.unit, job.examine)


def _interrupt(directory: store.RunDirectory, job: Job, history: History, stop: StopRequest) -> Report:
    assert stop.received is not None
    logger.info("stopped by %s at %s %d", stop.received.name, job.unit.removesuffix("s"), history.now)
    try:
        stop.pass_on()  # at once: the time until a kill is short, and whoever requeues may end the process
    finally:
        if history.times:
            _write(directory, job, history, job.dataset(history))
    return Report(Outcome.interrupted, directory.path, [], None, stopped=True)


def _finish(config: Config, directory: store.RunDirectory, job: Job, history: History, stop: StopRequest) -> Report:
    dataset = job.theory(job.dataset(history))
    _write(directory, job, history, dataset)
    figures = job.draw(dataset, directory.figures) if config.run.figures else []
    value = job.value(dataset)
    directory.finish({"value": value, job.unit: history.now})
    return Report(Outcome.done, directory.path, figures, value, stopped=bool(stop))


def _write(directory: store.RunDirectory, job: Job, history: History, dataset: xr.Dataset) -> None:
    directory.write("manifest.json", store.manifest(history.timings, job.precision))
    store.write(dataset, directory.results)
