"""The life of a run, the same for every task: open its directory, simulate, store, draw, and say how it ended."""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import xarray as xr

from dsm import _hosts, store
from dsm._errors import StoreError
from dsm._programs import drop_programs, kept_in
from dsm._results import AGAIN, AGAIN_AFRESH, Outcome
from dsm._signals import StopRequest, stop_on_signals
from dsm._slurm import has_restarted
from dsm.config import Config
from dsm.driver import whole
from dsm.tasks._command import command_of
from dsm.tasks._loop import follow
from dsm.tasks._path import path_of
from dsm.tasks._report import ProgressNote, Report, log_to
from dsm.tasks._task import Ensemble, History, Job, Task, task_of
from dsm.tasks._tracking import Tracking

#: Seconds after which a file that another host has made can be seen.
VISIBLE = 30.0

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
    """See `run`. Of several processes the first opens, writes and draws; all simulate."""
    afresh = config.run.resume == "never" and not has_restarted()
    path = _hosts.first(lambda: _place(config, afresh)) or path_of(config)  # the others are told when it is open
    with jax.enable_x64(True) if task.x64 else contextlib.nullcontext():
        finished = _hosts.agree(_hosts.first(lambda: store.RunDirectory(path).is_done))
        job = None if finished else _hosts.together(lambda: task.build(config))
        with _opened(path, config) as directory, stop_on_signals() as stop, _hosts.bereaved():
            stop.again = AGAIN_AFRESH if afresh else AGAIN
            if job is None or _hosts.agree(_hosts.first(lambda: directory.is_done)):
                report = _report(Outcome.already_done, directory, stop, lambda: _found(directory))
            else:
                with Tracking(config, directory) as tracking:
                    report = _simulate(config, task, directory, job, stop, tracking)
    if config.run.report and _hosts.is_first():
        _write_page(report)
    return dataclasses.replace(report, afresh=afresh)


def _place(config: Config, afresh: bool) -> Path:
    path = path_of(config)
    return store.afresh(path) if afresh else store.newest(path, config)


def _simulate(
    config: Config, task: Task, directory: store.RunDirectory, job: Job, stop: StopRequest, tracking: Tracking
) -> Report:
    driver, history = None, History(0, [], {}, {})
    if job.driver is not None:
        logger.info("drawing teachers and data")
        with stop.nothing_to_save():
            driver = job.driver()
        total = job.due[-1]
        told = lambda done: tracking.progress(done, total)  # noqa: E731
        note = ProgressNote(directory, job.unit, total, told).update if _hosts.is_first() else lambda done: None
        with store.Checkpoints(directory.checkpoints, config.run.keep) as checkpoints:
            history = follow(config.run, driver, job.due, checkpoints, stop, job.unit, job.examine, note)
        driver = whole(driver)  # what is observed once, in the end, is of all problems
        if stop and history.now < total:
            return _interrupt(config, task, directory, job, driver, history, stop, tracking)
    return _finish(config, task, directory, job, driver, history, stop, tracking)


@contextlib.contextmanager
def _opened(path: Path, config: Config) -> Iterator[store.RunDirectory]:
    """The directory, opened and locked by the first process, with the log; the others know where it is."""
    with contextlib.ExitStack() as open_in_first:

        def enter() -> store.RunDirectory:
            with contextlib.ExitStack() as opening:
                directory = opening.enter_context(store.open_run(path, config))
                opening.enter_context(log_to(directory))
                open_in_first.push(opening.pop_all())
            return directory

        directory = _hosts.first(enter)
        where = _hosts.agree(str(path if directory is None else directory.path))
        directory = directory or store.RunDirectory(Path(where))
        _hosts.together(lambda: _see(directory))
        yield directory


def _see(directory: store.RunDirectory) -> None:
    """Whether this process sees the directory that the first has opened; what is new may take a while."""
    until = time.monotonic() + VISIBLE
    while not (directory.path / "config.yaml").exists():
        if time.monotonic() > until:
            raise StoreError(
                f"process {_hosts.index()} does not see {directory.path}: several hosts need a folder that they share"
            )
        time.sleep(0.2)


def _report(
    outcome: Outcome,
    directory: store.RunDirectory,
    stop: StopRequest,
    write: Callable[[], tuple[list[Path], float | None]],
) -> Report:
    """How the run ended, after `write` has been called in the first process: figures, and one number, which all know."""
    figures, value = _hosts.first(write) or ([], None)
    return Report(outcome, directory.path, figures, _hosts.agree(value), stopped=_hosts.any_of(bool(stop)))


def _found(directory: store.RunDirectory) -> tuple[list[Path], float | None]:
    return sorted(directory.figures.glob("*.png")), directory.summary()["value"]


def _interrupt(
    config: Config,
    task: Task,
    directory: store.RunDirectory,
    job: Job,
    driver: Ensemble,
    history: History,
    stop: StopRequest,
    tracking: Tracking,
) -> Report:
    assert stop.received is not None
    logger.info("stopped by %s at %s %d", stop.received.name, job.unit.removesuffix("s"), history.now)

    def write() -> tuple[list[Path], float | None]:
        if history.times:
            dataset = job.dataset(driver, history)
            _write(config, task, directory, history, dataset)
            tracking.results(dataset)
        tracking.end("interrupted")
        return [], None

    try:
        stop.pass_on()  # at once: the time until a kill is short, and whoever requeues may end the process
    finally:
        report = _report(Outcome.interrupted, directory, stop, write)
    return report


def _finish(
    config: Config,
    task: Task,
    directory: store.RunDirectory,
    job: Job,
    driver: Ensemble | None,
    history: History,
    stop: StopRequest,
    tracking: Tracking,
) -> Report:
    def write() -> tuple[list[Path], float | None]:
        logger.info("writing results%s", " and figures" if config.run.figures else "")
        dataset = job.theory(driver, job.dataset(driver, history))
        _write(config, task, directory, history, dataset)
        told = dataset.assign_attrs(store.attributes(directory))
        figures = task.draw(told, directory.figures) if config.run.figures else []
        value = job.value(dataset)
        directory.finish({"value": value, job.unit: history.now})
        tracking.results(dataset)
        tracking.end("done", figures)
        return figures, value

    return _report(Outcome.done, directory, stop, write)


def _write(config: Config, task: Task, directory: store.RunDirectory, history: History, dataset: xr.Dataset) -> None:
    directory.write("manifest.json", store.manifest(history.timings, task.precision, command_of(config)))
    store.write(dataset, directory.results)


def _write_page(report: Report) -> None:
    """A page about the run, which nobody holds any more. What it shows is on disk already: no page is worth a run."""
    if report.outcome is Outcome.already_done and (report.path / "report.html").exists():
        return
    from dsm import reporting  # Plotly is read only where it is used

    try:
        logger.info("page: %s", reporting.report(report.path))
    except StoreError as error:
        logger.warning("no page: %s", error)
