"""Kinds of work, one thin function each: `task(config) -> Report`."""

from collections.abc import Callable

from dsm._errors import require
from dsm.config import Config
from dsm.tasks._report import Report as Report
from dsm.tasks.sample import sample

TASKS: dict[str, Callable[[Config], Report]] = {"sample": sample}


def run(config: Config) -> Report:
    """Carry out a checked configuration.

    Raises:
        ConfigError: no such task. Else what the task raises.
    """
    require(config.task in TASKS, "task", config.task, f"one of {', '.join(TASKS)}")
    return TASKS[config.task](config)
