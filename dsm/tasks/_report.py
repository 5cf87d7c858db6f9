"""What a task tells its caller, and its log."""

import contextlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from dsm import store
from dsm._results import Outcome

logger = logging.getLogger("dsm")


@dataclass(frozen=True)
class Report:
    """How a run ended.

    Attributes:
        outcome: finished, already finished or interrupted.
        path: the run directory.
        figures: files of its figures.
        value: one number for hyper-parameter sweepers (the final mean test error of a sampling run); None if
            interrupted.
        stopped: whether a signal has asked to stop, even if the run could finish.
    """

    outcome: Outcome
    path: Path
    figures: list[Path]
    value: float | None
    stopped: bool = False

    def tell(self) -> None:
        """Say in the log how the run ended, where it is, and what is there."""
        interrupted = self.outcome is Outcome.interrupted
        logger.log(logging.WARNING if interrupted else logging.INFO, "%s: %s", self.path, self.outcome.value)
        for figure in self.figures:
            logger.info("figure: %s", figure)


class log_to:
    """Context in which the log of the package also goes to the run directory.

    Raises:
        OSError: the file cannot be opened. Lines that the disk refuses later are dropped: what follows them, a checkpoint
            or the results, says so.
    """

    def __init__(self, directory: store.RunDirectory) -> None:
        self._path = directory.log

    def __enter__(self) -> None:
        self._handler = _LogFile(self._path)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(self._handler)

    def __exit__(self, *exception: object) -> None:
        logger.removeHandler(self._handler)
        with contextlib.suppress(OSError):
            self._handler.close()


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)
