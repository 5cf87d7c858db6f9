"""The command line: compose a configuration with Hydra, hand it to its task."""

import logging
import os
import sys
from dataclasses import dataclass, field

import hydra
import jax
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from dsm import _status, tasks
from dsm._errors import DsmError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED, Outcome
from dsm._signals import end_on_signals
from dsm.config import Config
from dsm.tasks import Report

logger = logging.getLogger("dsm")


@dataclass
class Jobs:
    """The jobs of this process so far: statuses of those that did not finish, and whether no more are to start."""

    statuses: set[int] = field(default_factory=set)
    stopped: bool = False


jobs = Jobs()


def set_up(config: Config) -> None:
    """Process-wide settings, before JAX chooses its devices: CPU cores as devices, compilation cache."""
    run = config.run
    # Each core is a device of its own: replicas are then sharded over cores as they are over accelerators.
    jax.config.update("jax_num_cpu_devices", run.devices or len(os.sched_getaffinity(0)))
    if run.compilation_cache is not None:
        jax.config.update("jax_compilation_cache_dir", os.path.expanduser(run.compilation_cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def execute(config: Config) -> Report:
    """Carry out a checked configuration and say how it ended."""
    report = tasks.run(config)
    logger.info("%s: %s", report.path, report.outcome.value)
    for figure in report.figures:
        logger.info("figure: %s", figure)
    return report


@hydra.main(config_path=str(tasks.folder()), config_name="config", version_base="1.3")
def _hydra_main(composed: DictConfig) -> float | None:
    if jobs.stopped:
        _unfinished(EXIT_INTERRUPTED, "not started: the sweep was interrupted")
        return None
    try:
        config = tasks.load(composed, HydraConfig.get().runtime.choices)
        set_up(config)
        report = execute(config)
    except DsmError as error:
        print(f"dsm: {error}", file=sys.stderr, flush=True)
        _unfinished(EXIT_ERROR, str(error))
        return None
    jobs.stopped = report.stopped
    if report.outcome is Outcome.interrupted:
        _unfinished(EXIT_INTERRUPTED, report.outcome.value)
        return None
    return report.value


def _unfinished(status: int, reason: str) -> None:
    """Note how a job ended. Launchers and sweepers take it from an exception, and go on with the other jobs."""
    jobs.statuses.add(status)
    if HydraConfig.get().mode is RunMode.MULTIRUN:
        raise CompactHydraException(reason)


def main() -> None:
    """Entry point of the command `dsm`; ends the process with the status of its jobs."""
    with end_on_signals():
        sys.exit(_main())


def _main() -> int | str | None:
    if not logger.handlers:
        logger.setLevel(logging.INFO)
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    for chatty, level in (("absl", logging.CRITICAL), ("jax", logging.WARNING), ("matplotlib", logging.WARNING)):
        logging.getLogger(chatty).setLevel(level)  # orbax (absl) reports every step; what matters dsm says itself
    report = sys.unraisablehook
    # Where orbax fails to read one array, the reads of others end after their event loop and would say so.
    sys.unraisablehook = lambda what: report(what) if str(what.exc_value) != "Event loop is closed" else None
    try:
        os.getcwd()
    except OSError as error:
        print(f"dsm: the working folder cannot be used: {error.strerror}", file=sys.stderr)
        return EXIT_ERROR
    if sys.argv[1:2] == ["status"]:
        return _status.main(sys.argv[2:])
    status: int | str | None = 0
    try:
        _hydra_main()
    except SystemExit as end:
        status = end.code
    # An interruption outweighs an error: after it there is work left.
    return max(jobs.statuses, default=status)


if __name__ == "__main__":
    main()
