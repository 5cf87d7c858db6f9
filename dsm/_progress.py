"""Progress of a run: a bar on a terminal, plain lines elsewhere."""

import logging
import sys
import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger("dsm")

#: Seconds between two plain lines.
LINE_EVERY = 10.0


class ProgressMeter:
    """Shows sweeps done, sweeps per second, energy, test error and the time left.

    Arguments:
        style: "bar", "lines", "none", or "auto": a bar if standard error is a terminal, else lines.
        total: sweeps of the whole run.
        done: sweeps done before, in an earlier session.
    """

    def __init__(self, style: str, total: int, done: int) -> None:
        if style == "auto":
            style = "bar" if sys.stderr.isatty() else "lines"
        self._lines = style == "lines"
        self._total, self._first = total, done
        self._began = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        if style == "bar":
            from rich.console import Console

            columns = (
                TextColumn("{task.completed:.0f}/{task.total:.0f} sweeps"),
                BarColumn(),
                TextColumn("{task.fields[status]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task("", total=total, completed=done, status="")

    def __enter__(self) -> "ProgressMeter":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, sweep: int, status: str) -> None:
        """Show that `sweep` sweeps are done; `status` holds the latest observables."""
        now = time.monotonic()
        rate = (sweep - self._first) / max(now - self._began, 1e-9)
        text = f"{rate:.3g} sweeps/s  {status}"
        if self._bar is not None:
            self._bar.update(self._task, completed=sweep, status=text)
        elif self._lines and (now - self._last_line > LINE_EVERY or sweep == self._total):
            left = (self._total - sweep) / rate if rate > 0 else float("inf")
            logger.info("sweep %d/%d  %s  %.0f s left", sweep, self._total, text, left)
            self._last_line = now
