"""From the words of a command to jobs, one or a sweep of them: composed by Hydra, checked, launched, and counted."""

import argparse
import dataclasses
import json
import logging
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import hydra.version
import jax
import psutil
from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import dsm
from dsm import _hosts, tasks
from dsm._arguments import parse
from dsm._cluster import find_place
from dsm._errors import ConfigError, DsmError, HostsError, InUseError, require
from dsm._logging import log_to_console
from dsm._near import did_you_mean
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED, Outcome
from dsm._slurm import starts_again
from dsm.config import Config, flatten
from dsm.config._hydra_errors import UNCOMPOSABLE, explain_hydra
from dsm.config._searchpath import searched
from dsm.tasks._compose import explain_words

logger = logging.getLogger("dsm")

#: Options of Hydra's own command line, which show something and run nothing.
SHOWS = ("cfg", "info", "hydra_help", "shell_completion", "experimental_rerun")
#: Hydra's own word in the environment for errors with all their lines.
TRACE = "HYDRA_FULL_ERROR"


class JobEnded(Exception):
    """Why a job did not finish; a message between processes.

    Attributes:
        status: exit status that it would have alone.
        how: "failed", "interrupted", "held" by another process, or "not started".
        reason: in one line.
    """

    def __init__(self, status: int, how: str, reason: str) -> None:
        super().__init__(status, how, reason)
        self.status, self.how, self.reason = status, how, reason


@dataclass
class Process:
    """What the jobs of this process leave behind.

    Attributes:
        stopped: whether a signal has asked to stop.
        ends: how each has ended, None for one that finished, by its number among those that were launched. One at work
            counts as interrupted. Launchers and sweepers tell later, or not at all.
        place: of a job of a grid, from its number, its place among how many.
    """

    stopped: bool = False
    ends: dict[int, JobEnded | None] = field(default_factory=dict)
    place: Callable[[int], str] = lambda number: str(number + 1)  # noqa: E731


process = Process()


def carry_out(arguments: list[str]) -> int:
    """Run the job or the sweep that the arguments of the command describe; returns the exit status."""
    if "--trace" in arguments:
        os.environ[TRACE] = "1"  # jobs in other processes are told by it, too
        arguments = [word for word in arguments if word != "--trace"]
    try:
        options = _options(arguments)
    except ConfigError as error:
        print(f"dsm: {error}", file=sys.stderr)
        return EXIT_ERROR
    log_to_console()
    report = sys.unraisablehook
    # Where orbax fails to read one array, the reads of others end after their event loop and would say so.
    sys.unraisablehook = lambda what: report(what) if str(what.exc_value) != "Event loop is closed" else None
    try:
        searched(options.overrides)
        if any(getattr(options, name) for name in SHOWS):
            return _show(options, arguments)
        return _launch(options.overrides, options.multirun, options.config_dir)
    except (DsmError, HydraException, OmegaConfBaseException) as error:
        if os.environ.get(TRACE) == "1":
            traceback.print_exc()
        print(f"dsm: {explain_hydra(error, options.overrides)}", file=sys.stderr)
        return EXIT_ERROR


def _options(arguments: list[str]) -> argparse.Namespace:
    """The options of Hydra's command line. What is wrong with them is told in one line, as of settings."""
    parser = get_args_parser()
    parser.prog = "dsm"
    options = parse(parser, arguments, also=["--trace"])
    if options.multirun and any(getattr(options, name) for name in SHOWS):
        raise ConfigError("-m: what is shown is of one job, without -m")
    return options


def _compose(words: Sequence[str], mode: RunMode, folder: str | None) -> tuple[Hydra, DictConfig]:
    """What Hydra makes of the words, and with what.

    Raises:
        ConfigError: the words do not compose, or the folder is none.
    """
    _tell_twice(words)
    hydra.version.setbase("1.3")
    search = create_config_search_path(f"file://{tasks.folder()}")
    if folder is not None:
        require(os.path.isdir(folder), "--config-dir", folder, "a folder")
        before = SearchPathQuery(provider="schema")
        search.prepend("command-line", f"file://{os.path.abspath(folder)}", before)
    GlobalHydra.instance().clear()  # of a command before in this process
    composer = Hydra.create_main_hydra2("dsm", search)
    try:
        return composer, composer.compose_config("config", list(words), run_mode=mode, with_log_configuration=True)
    except UNCOMPOSABLE as error:
        where = [] if folder is None else [f"hydra.searchpath=['file://{folder}']"]
        raise ConfigError(explain_words(error, [*words, *where])) from error


def _tell_twice(words: Sequence[str]) -> None:
    """Of settings that are given several times: this may be meant, as in a script that adds to a command."""
    counts = Counter(word.partition("=")[0].lstrip("+") for word in words if "=" in word)
    for key, number in counts.items():
        if number > 1:
            print(f"dsm: {key} is given {number} times: the last one counts", file=sys.stderr)


def _launch(words: Sequence[str], many: bool, folder: str | None) -> int:
    words = [*words, *(["hydra.mode=MULTIRUN"] if many else [])]  # which the jobs are told, too
    composer, composed = _compose(words, RunMode.MULTIRUN if many else RunMode.RUN, folder)
    context = HydraContext(config_loader=composer.config_loader, callbacks=Callbacks(composed))
    if composed.hydra.mode is RunMode.MULTIRUN:
        from dsm._multirun import sweep

        return sweep(composed, context, job)
    context.callbacks.on_run_start(config=composed, config_name="config")
    done = run_job(job, composed, "hydra.run.dir", None, context)
    context.callbacks.on_run_end(config=composed, config_name="config", job_return=done)
    end = how_ended(done)
    return 0 if end is None else end.status


def how_ended(done: JobReturn) -> JobEnded | None:
    """None for a job that finished.

    Raises:
        Exception: an error in the program, not in what was asked for.
    """
    if done.status is JobStatus.COMPLETED:
        return None
    error = done._return_value  # the property would print before it raises
    if not isinstance(error, JobEnded):
        raise error
    return error


def job(composed: DictConfig) -> float | None:
    """One job, in whatever process a launcher starts it.

    Raises:
        JobEnded: it did not finish. An error has been printed.
        SystemExit: it was interrupted, and Slurm will start it again.
    """
    hydra = HydraConfig.get()
    many = hydra.mode is RunMode.MULTIRUN
    together, number = (side_by_side(hydra), hydra.job.num) if many else (1, 0)
    if _hosts.is_first():
        log_to_console(f"[{hydra.job.override_dirname}] " if together > 1 else "")
    try:
        if process.stopped:
            raise JobEnded(EXIT_INTERRUPTED, "not started", "the sweep was interrupted")
        process.ends[number] = JobEnded(EXIT_INTERRUPTED, "interrupted", "by a signal that ends the process at once")
        config = tasks.load(composed, hydra.runtime, hydra.overrides.task)
        set_up(config, together)
        if many and together == 1:
            logger.info("job %s: %s", process.place(number), hydra.job.override_dirname.replace(",", " "))
        report = tasks.run(config)
        if _hosts.is_first():
            report.tell()
        process.stopped = report.stopped
        if report.outcome is Outcome.interrupted:
            if many and starts_again():
                raise SystemExit(EXIT_INTERRUPTED)  # a result would be taken for the end of the job
            raise JobEnded(EXIT_INTERRUPTED, "interrupted", report.outcome.value)
        process.ends[number] = None
        return report.value
    except JobEnded as ended:
        end = ended
    except DsmError as error:
        if os.environ.get(TRACE) == "1":
            traceback.print_exc()
        if _hosts.is_first() or not error.agreed:
            print(f"dsm: {error}", file=sys.stderr, flush=True)
        if not error.agreed:
            _hosts.abandon(str(error), EXIT_ERROR)
        process.stopped = process.stopped or isinstance(error, HostsError)
        held = isinstance(error, InUseError) and many
        end = JobEnded(*((EXIT_INTERRUPTED, "held") if held else (EXIT_ERROR, "failed")), str(error))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if not many and _hosts.count() == 1:
            raise
        traceback.print_exc()
        _hosts.abandon(reason.splitlines()[0], 1)
        end = JobEnded(1, "failed", reason)
    process.ends[number] = end
    raise end


def side_by_side(hydra: Any) -> int:
    """How many jobs a launcher runs at once on this machine."""
    wanted = hydra.launcher.get("n_jobs")
    if wanted is None or hydra.launcher._target_.endswith(BasicLauncher.__name__):
        return 1
    return wanted if wanted > 0 else max(1, cores() + 1 + wanted)


def set_up(config: Config, together: int = 1) -> None:
    """Process-wide settings, before JAX chooses its devices: CPU cores as devices, and the other processes of the run.

    Each core is a device of its own: replicas are then sharded over cores as they are over accelerators. Jobs side by side
    share the cores.

    Raises:
        ConfigError: the settings of the processes differ.
        HostsError: the processes do not come together.
    """
    run = config.run
    jax.config.update("jax_num_cpu_devices", run.devices or max(1, cores() // together))
    if together > 1 and run.progress == "auto":
        run.progress = "lines"  # bars of several processes would overwrite one another
    place = find_place(run.hosts.coordinator, run.hosts.processes, run.hosts.process)
    if place is None:
        return
    require(together == 1, "hydra.launcher.n_jobs", together, "1 for runs over several processes")
    _hosts.join(place, run.hosts.timeout)
    if not _hosts.is_first():
        run.progress = "none"
        log_to_console(f"[process {_hosts.index()}] ", logging.WARNING)
    _hosts.together(lambda: _check_same(config))


def _check_same(config: Config) -> None:
    settings = dataclasses.asdict(config)
    for key in ("hosts", "progress", "compilation_cache"):
        del settings["run"][key]
    own = {"dsm": dsm.__version__, "jax": jax.__version__, **flatten(settings)}
    for number, other in enumerate(_hosts.exchange(own)):
        for key in sorted(own | other):
            there, here = (json.dumps(settings.get(key, "absent")) for settings in (other, own))
            if there != here:
                raise ConfigError(f"{key} = {here}: process {number} has {there}, and all must have the same")


def cores() -> int:
    """CPU cores that this process may use. Slurm says how many, and not everywhere binds a task to them."""
    own = psutil.Process()
    free = len(own.cpu_affinity()) if hasattr(own, "cpu_affinity") else os.cpu_count() or 1
    lent = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(free, int(lent)) if lent.isdigit() and int(lent) > 0 else free


def _show(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Let Hydra itself show settings, plugins or the completion of a shell. Settings are checked first, as for a run.

    Raises:
        ConfigError: a run would refuse the settings, or there is no such section to show.
    """
    if options.cfg or options.info:
        _check(options)
    # Hydra reads settings before options alone.
    sys.argv[1:] = [*options.overrides, *(word for word in arguments if word not in options.overrides)]
    show = hydra.main(config_path=str(tasks.folder()), config_name="config", version_base="1.3")
    try:
        show(lambda composed: None)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_ERROR
    return 0


def _check(options: argparse.Namespace) -> None:
    _, composed = _compose(options.overrides, RunMode.RUN, options.config_dir)
    GlobalHydra.instance().clear()  # Hydra begins anew when it shows
    settings = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    tasks.load(settings, composed.hydra.runtime, composed.hydra.overrides.task)
    shown = settings if options.cfg == "job" else composed
    section = options.package or "_global_"
    if section != "_global_" and OmegaConf.select(shown, section) is None:
        if section in flatten(cast(dict[str, Any], OmegaConf.to_container(shown))):
            raise ConfigError(f"-p {section}: it is null, and there is nothing to show")
        raise ConfigError(f"-p {section}: there is no such section{did_you_mean(section, map(str, shown))}")
