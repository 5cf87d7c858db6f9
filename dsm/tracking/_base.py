"""What a tracker is."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsm._registry import Registry


class AbstractTracker(abc.ABC):
    """Tells a service of one run. The first process of the run calls it; whatever it raises costs the run nothing.

    A subclass is a dataclass, whose fields are the options of `run.tracker`. Packages that it needs are imported where they
    are used, so that nothing is imported while it is off.
    """

    @abc.abstractmethod
    def check(self) -> None:
        """Before anything is compiled or written.

        Raises:
            ConfigError: naming the option, its value and what is legal, or a package that is missing.
        """

    @abc.abstractmethod
    def begin(self, path: Path, root: Path, experiment: str, settings: Mapping[str, Any]) -> None:
        """A run begins, or goes on after an interruption.

        Arguments:
            path: its directory, where a tracker may keep a hidden file.
            root: the folder of all runs.
            experiment: name of its experiment.
            settings: those that results depend on, by dotted key.
        """

    @abc.abstractmethod
    def log(self, time: int, values: Mapping[str, float]) -> None:
        """Numbers at a time, in units of time of the run."""

    @abc.abstractmethod
    def end(self, outcome: str, files: Sequence[Path]) -> None:
        """The run ends for now: "done", "interrupted" or "failed", with files that are worth keeping."""


#: Trackers by name.
TRACKERS: Registry[AbstractTracker] = Registry("tracker", AbstractTracker)
