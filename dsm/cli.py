"""The command line: compose a configuration with Hydra, hand it to its task."""

import logging
import os
import sys

import hydra
import jax
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from dsm import tasks
from dsm._errors import DsmError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED, Outcome
from dsm.config import Config
from dsm.tasks import Report

logger = logging.getLogger("dsm")


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
    try:
        config = tasks.load(composed, HydraConfig.get().runtime.choices)
        set_up(config)
        report = execute(config)
    except DsmError as error:
        print(f"dsm: {error}", file=sys.stderr, flush=True)
        raise SystemExit(EXIT_ERROR) from None
    if report.outcome is Outcome.interrupted:
        raise SystemExit(EXIT_INTERRUPTED)
    return report.value


def main() -> None:
    """Entry point of the command `dsm`."""
    if not logger.handlers:
        logger.setLevel(logging.INFO)
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    for chatty, level in (("absl", logging.CRITICAL), ("jax", logging.WARNING), ("matplotlib", logging.WARNING)):
        logging.getLogger(chatty).setLevel(level)  # orbax (absl) reports every step; what matters dsm says itself
    _hydra_main()


if __name__ == "__main__":
    main()
