"""Kinds of work, one thin function each: `task(config) -> Report`."""

from collections.abc import Callable

from dsm.config import Config
from dsm.tasks._report import Report as Report
from dsm.tasks.sample import sample

TASKS: dict[str, Callable[[Config], Report]] = {"sample": sample}
