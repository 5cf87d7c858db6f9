"""What a task tells its caller, and its log."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dsm import store
from dsm._errors import DsmError
from dsm._progress import LINE_EVERY
from dsm._results import AGAIN, AGAIN_AFRESH, Outcome

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
        afresh: whether it was told to start afresh: the same command would begin one more run.
    """

    outcome: Outcome
    path: Path
    figures: list[Path]
    value: float | None
    stopped: bool = False
    afresh: bool = False

    def tell(self) -> None:
        """Say in the log how the run ended, where it is, and what is there."""
        interrupted, told = self.outcome is Outcome.interrupted, self.outcome.value
        if interrupted and self.afresh:
            told = told.replace(AGAIN, AGAIN_AFRESH)
        logger.log(logging.WARNING if interrupted else logging.INFO, "%s: %s", self.path, told)
        for figure in self.figures:
            logger.info("figure: %s", figure)


class log_to:
    """Context in which the log of the package also goes to the run directory, and the error that ends it, if any.

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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):  # whoever asked prints it
            known = isinstance(error, DsmError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            where = None if known else (type(error), error, error.__traceback__)
            self._handler.handle(logger.makeRecord("dsm", logging.ERROR, "", 0, text, (), where))
        logger.removeHandler(self._handler)
        with contextlib.suppress(OSError):
            self._handler.close()


class ProgressNote:
    """Says in the run directory how far a run is: at its first and last update, and every 10 s between.

    Arguments:
        directory: that of the run.
        unit: name of the unit of time, in the plural.
        total: units of the whole run.
        also: what else is told of the units done, as often.
    """

    def __init__(
        self, directory: store.RunDirectory, unit: str, total: int, also: Callable[[int], None] = lambda done: None
    ) -> None:
        self._directory, self._unit, self._total, self._also = directory, unit, total, also
        self._noted: tuple[float, int] | None = None

    def update(self, done: int) -> None:
        """Take note that `done` units are done."""
        now, rate = time.monotonic(), 0.0
        if self._noted is not None:
            then, before = self._noted
            if now - then < LINE_EVERY and done < self._total:
                return
            rate = (done - before) / max(now - then, 1e-9)
        self._directory.note_progress(self._unit, self._total, done, rate)
        self._also(done)
        self._noted = now, done


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)
