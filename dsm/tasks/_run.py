"""The life of a run, the same for every task: open its directory, simulate, store, draw, and say how it ended."""

import contextlib
import logging

import jax
import xarray as xr

from dsm import store
from dsm._programs import drop_programs, kept_in
from dsm._results import Outcome
from dsm._signals import StopRequest, stop_on_signals
from dsm.config import Config
from dsm.tasks._loop import follow
from dsm.tasks._path import path_of
from dsm.tasks._report import ProgressNote, Report, log_to
from dsm.tasks._task import Ensemble, History, Job, Task, task_of

logger = logging.getLogger("dsm")


def run(config: Config) -> Report:
    """Run, resume, or find finished the run that a checked configuration describes.

    A signal stops the simulation; once that is done, the run goes on to its end.

    Raises:
        CapacityError: it cannot fit in memory (before anything is compiled or written).
        StoreError: its directory is another's, or the disk refuses.
    """
    drop_programs()
    with kept_in(config.run.compilation_cache):
        return carry_out(task_of(config.task), config)


def carry_out(task: Task, config: Config) -> Report:
    """See `run`."""
    path = path_of(config)
    with jax.enable_x64(True) if task.x64 else contextlib.nullcontext():
        finished = store.RunDirectory(path).is_done and config.run.resume != "never"
        job = None if finished else task.build(config)
        with store.open_run(path, config) as directory, log_to(directory), stop_on_signals() as stop:
            if job is None or directory.is_done:
                figures = sorted(directory.figures.glob("*.png"))
                return Report(Outcome.already_done, directory.path, figures, directory.summary()["value"])
            driver, history = None, History(0, [], {}, {})
            if job.driver is not None:
                logger.info("drawing teachers and data")
                with stop.nothing_to_save():
                    driver = job.driver()
                note = ProgressNote(directory, job.unit, job.due[-1]).update
                with store.Checkpoints(directory.checkpoints, config.run.keep) as checkpoints:
                    history = follow(config.run, driver, job.due, checkpoints, stop, job.unit, job.examine, note)
                if stop and history.now < job.due[-1]:
                    return _interrupt(task, directory, job, driver, history, stop)
            return _finish(config, task, directory, job, driver, history, stop)


def _interrupt(
    task: Task, directory: store.RunDirectory, job: Job, driver: Ensemble, history: History, stop: StopRequest
) -> Report:
    assert stop.received is not None
    logger.info("stopped by %s at %s %d", stop.received.name, job.unit.removesuffix("s"), history.now)
    try:
        stop.pass_on()  # at once: the time until a kill is short, and whoever requeues may end the process
    finally:
        if history.times:
            _write(task, directory, history, job.dataset(driver, history))
    return Report(Outcome.interrupted, directory.path, [], None, stopped=True)


def _finish(
    config: Config,
    task: Task,
    directory: store.RunDirectory,
    job: Job,
    driver: Ensemble | None,
    history: History,
    stop: StopRequest,
) -> Report:
    logger.info("writing results%s", " and figures" if config.run.figures else "")
    dataset = job.theory(driver, job.dataset(driver, history))
    _write(task, directory, history, dataset)
    told = dataset.assign_attrs(store.attributes(directory))
    figures = task.draw(told, directory.figures) if config.run.figures else []
    value = job.value(dataset)
    directory.finish({"value": value, job.unit: history.now})
    return Report(Outcome.done, directory.path, figures, value, stopped=bool(stop))


def _write(task: Task, directory: store.RunDirectory, history: History, dataset: xr.Dataset) -> None:
    directory.write("manifest.json", store.manifest(history.timings, task.precision))
    store.write(dataset, directory.results)
