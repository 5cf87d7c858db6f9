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
    """Shows what is done, how much a second, the latest observables and the time left.

    Arguments:
        style: "bar", "lines", "none", or "auto": a bar if standard error is a terminal, else lines.
        total: units of the whole run.
        done: units done before, in an earlier session.
        unit: what is counted, in the plural.
    """

    def __init__(self, style: str, total: int, done: int, unit: str = "sweeps") -> None:
        if style == "auto":
            style = "bar" if sys.stderr.isatty() else "lines"
        self._lines = style == "lines"
        self._total, self._first, self._unit = total, done, unit
        self._began = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        if style == "bar":
            from rich.console import Console

            columns = (
                TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}"),
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

    def update(self, done: int, status: str) -> None:
        """Show that `done` units are done; `status` holds the latest observables."""
        now = time.monotonic()
        rate = (done - self._first) / max(now - self._began, 1e-9)
        text = f"{rate:.3g} {self._unit}/s  {status}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, status=text)
        elif self._lines and (now - self._last_line > LINE_EVERY or done == self._total):
            left = (self._total - done) / rate if rate > 0 else float("inf")
            logger.info("%s %d/%d  %s  %.0f s left", self._unit.removesuffix("s"), done, self._total, text, left)
            self._last_line = now
