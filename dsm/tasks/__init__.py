"""Kinds of work, one thin function each: `task(config) -> Report`."""

from collections.abc import Callable
from typing import Any

from dsm.config import Config
from dsm.tasks._path import path_of as path_of
from dsm.tasks._report import Report as Report
from dsm.tasks.online_sgd import online_sgd
from dsm.tasks.sample import sample

TASKS: dict[str, Callable[[Any], Report]] = {"sample": sample, "online_sgd": online_sgd}


def run(config: Config) -> Report:
    """Carry out a checked configuration.

    Raises:
        CapacityError, StoreError: what the task raises.
    """
    return TASKS[config.task](config)
