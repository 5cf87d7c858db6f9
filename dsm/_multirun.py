"""Sweeps: all jobs are checked before the first starts, none costs another, and the end says how each one ended."""

import contextlib
import logging
import os
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from dsm import _jobs, store, tasks
from dsm._errors import DsmError
from dsm._results import AGAIN, AGAIN_AFRESH, EXIT_ERROR, EXIT_INTERRUPTED
from dsm._runs import DONE, INTERRUPTED, RUNNING, is_held, standing
from dsm._signals import last_words, stop_on_signals
from dsm.config import Config
from dsm.config._hydra_errors import explain_hydra

logger = logging.getLogger("dsm")

#: How a job can end, the best first.
ENDS = ("done", "held", "not started", "interrupted", "failed")
#: What to do about jobs that ended so.
ADVICE = {
    "held": "another process has them: run the same command again when it has ended",
    "not started": AGAIN,
    "interrupted": AGAIN,
}
#: The same where it would start all jobs afresh.
ADVICE_AFRESH = {
    "not started": "those not started: run these commands",
    "interrupted": f"those interrupted: {AGAIN_AFRESH}",
}

Words = list[str]
End = tuple[str, str]


def sweep(composed: DictConfig, context: HydraContext, job: Callable[[DictConfig], Any]) -> int:
    """Run the jobs of a sweep; returns the exit status.

    Jobs with illegal settings are told before any job starts; the others run. Hydra's own sweeper makes a grid of jobs,
    which is known beforehand. Other sweepers choose their jobs as they go, and are left to it.
    """
    sweeper = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=job, config=composed)
    words = [str(word) for word in composed.hydra.overrides.task]
    context.callbacks.on_multirun_start(config=composed, config_name="config")
    if type(sweeper) is BasicSweeper:
        status = _grid(sweeper, composed, context, words)
    else:
        status = _chosen(sweeper, words)
    context.callbacks.on_multirun_end(config=composed, config_name="config")
    return status


def _grid(sweeper: BasicSweeper, composed: DictConfig, context: HydraContext, words: Words) -> int:
    """Run the jobs of a grid; returns the exit status."""
    overrides = OverridesParser.create(config_loader=context.config_loader).parse_overrides(
        [f"{key}={value}" for key, value in sweeper.params.items()] + words
    )
    (jobs,) = sweeper.split_arguments(overrides, None)
    swept = {override.get_key_element() for override in overrides if override.is_sweep_override()}
    # Jobs side by side are told apart in the log by what is swept.
    same = ",".join(key for word in words if (key := word.split("=")[0]) not in swept)
    composed.hydra.overrides.hydra.append(f"hydra.job.config.override_dirname.exclude_keys=[{same}]")
    names = [[word for word in job if word.split("=")[0] in swept] for job in jobs]
    found = [_settings(composed, context, job) for job in jobs]
    configs = {number: one for number, one in enumerate(found) if isinstance(one, Config)}
    refused = {number: reason for number, reason in enumerate(found) if isinstance(reason, str)}
    for number, reason in refused.items():
        print(f"dsm: {_spell(names[number])}: {reason}", file=sys.stderr)
    if refused:
        print(f"dsm: {len(refused)} of {len(jobs)} jobs cannot run", file=sys.stderr)
    ends: dict[int, End] = {number: ("failed", reason) for number, reason in refused.items()}
    if not isinstance(sweeper.launcher, BasicLauncher):  # else each says so itself, when it is its turn
        ends |= {number: end for number, config in configs.items() if (end := _over(config))}
    left = [number for number in range(len(jobs)) if number not in ends]
    size = sweeper.max_batch_size or max(1, len(left))
    _jobs.process.place = lambda number: f"{left[number] + 1} of {len(jobs)}"

    afresh = any(config.run.resume == "never" for config in configs.values())
    advice = ADVICE_AFRESH if afresh else ADVICE

    def named() -> list[tuple[Words, End]]:
        """Each job with its end, by what is swept; by its command where it is to be started alone."""
        told = dict(enumerate(names))
        if afresh:
            started = [number for number, (how, _) in ends.items() if how != "not started"]
            told |= {number: _command(configs[number], jobs[number]) for number in configs.keys() - started}
        return [(told[number], ends[number]) for number in range(len(jobs))]

    def tell_so_far() -> None:
        for place, number in enumerate(left):
            ended = _jobs.process.ends
            ends.setdefault(number, _end(ended[place]) if place in ended else ("not started", ""))
        _summary(named(), [], advice)

    with last_words(tell_so_far) if isinstance(sweeper.launcher, BasicLauncher) else contextlib.nullcontext():
        for first in range(0, len(left), size):
            batch = left[first : first + size]
            ended = _launch(sweeper, [jobs[number] for number in batch], [configs[number] for number in batch], first)
            ends |= zip(batch, ended, strict=True)
    return _summary(
        named(), {_place(config) for number, config in configs.items() if ends[number][0] == "done"}, advice
    )


def _command(config: Config, job: Words) -> Words:
    """The words of the command line that runs one job."""
    places = [f"hydra.searchpath=[{','.join(config.run.searchpath)}]"] if config.run.searchpath else []
    return [shlex.join(["dsm", *places, *job])]


def _place(config: Config) -> Path:
    """Where the run of these settings is, begun afresh or not."""
    return store.newest(tasks.path_of(config), config)


def _settings(composed: DictConfig, context: HydraContext, job: Words) -> Config | str:
    """The settings of a job, or why it cannot run, as far as they tell."""
    try:
        own = context.config_loader.load_sweep_config(composed, list(job))
        HydraConfig.instance().set_config(own)
        runtime, asked = own.hydra.runtime, own.hydra.overrides.task
        with open_dict(own):
            del own["hydra"]
        return tasks.load(own, runtime, asked)
    except (DsmError, HydraException, OmegaConfBaseException) as error:
        return explain_hydra(error, job)


def _over(config: Config) -> End | None:
    """How a job ended that need not be launched: its run is finished, or another process has it."""
    if config.run.resume == "never":
        return None
    path = _place(config)
    if is_held(path):
        return "held", ""
    if store.RunDirectory(path).is_done:
        with contextlib.suppress(DsmError), store.open_run(path, config):  # a run of other settings the job refuses
            return "done", ""
    return None


def _launch(sweeper: BasicSweeper, jobs: list[Words], configs: list[Config], first: int) -> list[End]:
    """How each of these jobs ended."""
    assert sweeper.launcher is not None
    try:
        if isinstance(sweeper.launcher, BasicLauncher):
            returns = sweeper.launcher.launch(jobs, initial_job_idx=first)
        elif getattr(sweeper.launcher, "_EXECUTOR", None) == "slurm":
            logger.info("%d jobs go to Slurm; should this command end, they go on, and scancel ends them", len(jobs))
            returns = sweeper.launcher.launch(jobs, initial_job_idx=first)
        else:
            with stop_on_signals(to_workers):  # and wait until the jobs have saved what they did
                returns = sweeper.launcher.launch(jobs, initial_job_idx=first)
    except Exception as error:
        # Such as a worker that was killed: what the launcher knew of the others is lost with it, their directories are not.
        said = " ".join(str(error).splitlines()[:2])  # submitit adds the whole log
        reason = f"the launcher failed: {type(error).__name__}: {said}"
        print(f"dsm: {reason}", file=sys.stderr)
        lost = type(error).__name__ == "UncompletedJobError"  # submitit's, of one job, while others may wait their turn
        return [_as_on_disk(config, ("not started", "") if lost else ("failed", reason)) for config in configs]
    return [_end(_jobs.how_ended(done)) for done in returns]


def _end(ended: _jobs.JobEnded | None) -> End:
    return ("done", "") if ended is None else (ended.how, ended.reason)


def _as_on_disk(config: Config, otherwise: End) -> End:
    """How a job stands by its run directory; `otherwise` where that does not tell."""
    path = _place(config)
    ends = {DONE: "done", RUNNING: "held", INTERRUPTED: "interrupted"}
    how = ends.get(standing(path).state) if path.exists() else None
    return otherwise if how is None else (how, "")


def to_workers(number: int) -> None:
    """Hand a signal to the processes of a launcher. Ctrl-C they have from the terminal."""
    for child in psutil.Process().children(recursive=True) if number != signal.SIGINT else ():
        with contextlib.suppress(psutil.Error):
            child.send_signal(number)


def _summary(ends: Sequence[tuple[Words, End]], done: Collection[Path], advice: Mapping[str, str]) -> int:
    """Print how the jobs ended, what to do about it, and what shows those that are done; returns the exit status of the
    sweep. An interruption outweighs an error: after it there is work left."""
    counts = Counter(how for _, (how, _) in ends)
    logger.info(
        "%d job%s: %s",
        len(ends),
        "" if len(ends) == 1 else "s",
        ", ".join(f"{counts[how]} {how}" for how in ENDS if counts[how]),
    )
    for how in ENDS[1:]:
        for words, (own, reason) in ends:
            if own == how:
                logger.info("  %s: %s%s", how, _spell(words), f": {brief(reason)}" if how == "failed" else "")
    for told in dict.fromkeys(advice[how] for how in advice if counts[how]):
        logger.info("%s", told)
    if len(done) > 1 and (folder := os.path.commonpath([path.absolute() for path in done])) != os.sep:
        logger.info("one page about them: dsm report %s", shlex.quote(os.path.relpath(folder)))
    if counts["interrupted"] or counts["not started"] or counts["held"]:
        return EXIT_INTERRUPTED
    return EXIT_ERROR if counts["failed"] else 0


def brief(reason: str) -> str:
    """The first line, and the next one where the first ends with a colon."""
    first, *rest = reason.splitlines()
    return f"{first} {rest[0].strip()}" if rest and first.endswith(":") else first


def _spell(words: Words) -> str:
    return " ".join(words) or "the only job"


def _chosen(sweeper: Any, words: Words) -> int:
    """Let a sweeper choose jobs; returns the exit status."""
    try:
        sweeper.sweep(arguments=words)
    except _jobs.JobEnded as end:
        return max(_statuses() | {end.status})
    return max(_statuses(), default=0)


def _statuses() -> set[int]:
    """Of jobs in this process that did not finish."""
    return {end.status for end in _jobs.process.ends.values() if end is not None}
