"""Progress of a run: a bar on a terminal and in a notebook, plain lines elsewhere."""

import io
import logging
import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from dsm._logging import in_notebook

logger = logging.getLogger("dsm")

#: Seconds between two plain lines.
LINE_EVERY = 10.0
#: Seconds after which the pace is known, and the least that must be left to be worth a line in the log.
KNOWN_AFTER, WORTH_SAYING = 5.0, 60.0
#: Seconds between two drawings of a bar in a notebook, and its width in characters.
CELL_EVERY, CELL_WIDTH = 0.2, 110


class ProgressMeter:
    """Shows what is done, how much a second, the latest observables and the time left.

    Long runs say once in the log how long they will take, as soon as the pace is known.

    Arguments:
        style: "bar", "lines", "none", or "auto": a bar if standard error is a terminal or the process a notebook, else
            lines.
        total: units of the whole run.
        done: units done before, in an earlier session.
        unit: what is counted, in the plural.
    """

    def __init__(self, style: str, total: int, done: int, unit: str = "sweeps") -> None:
        if style == "auto":
            style = "bar" if sys.stderr.isatty() or in_notebook() else "lines"
        self._style, self._total, self._first, self._unit = style, total, done, unit
        self._began = self._last_line = time.monotonic()
        self._announced = style == "none"
        self._bar: _TerminalBar | _CellBar | None = None
        if style == "bar":
            self._bar = (_CellBar if in_notebook() else _TerminalBar)(total, done, unit)

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
        left = (self._total - done) / rate if rate > 0 else float("inf")
        text = f"{rate:.3g} {self._unit}/s  {status}"
        if self._bar is not None:
            self._bar.show(done, text)
        elif self._style == "lines" and (now - self._last_line > LINE_EVERY or done == self._total):
            unit = self._unit.removesuffix("s")
            logger.info("%s %d/%d  %s  %s left", unit, done, self._total, text, duration(left))
            self._last_line = now
        if not self._announced and rate > 0 and now - self._began > KNOWN_AFTER:
            self._announced = True
            if left > WORTH_SAYING:
                logger.info("about %s at this rate", duration(left))


def duration(seconds: float) -> str:
    """A time in the unit that suits it: "45 s", "40 min", "3.2 h", "5.1 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


class _TerminalBar:
    """A bar that stays at the foot of the terminal; what is printed meanwhile goes above it."""

    def __init__(self, total: int, done: int, unit: str) -> None:
        self._progress = _progress(Console(stderr=True), unit)
        self._task = self._progress.add_task("", total=total, completed=done, status="")

    def start(self) -> None:
        self._progress.start()

    def show(self, done: int, status: str) -> None:
        self._progress.update(self._task, completed=done, status=status)

    def stop(self) -> None:
        self._progress.stop()


class _CellBar:
    """A bar as text that is replaced in the output of a notebook's cell, which needs no widgets."""

    def __init__(self, total: int, done: int, unit: str) -> None:
        plain: dict[str, Any] = {"no_color": True, "force_terminal": False, "force_jupyter": False}
        self._console = Console(file=io.StringIO(), width=CELL_WIDTH, **plain)
        self._progress = _progress(self._console, unit)
        self._task = self._progress.add_task("", total=total, completed=done, status="")
        self._drawn = 0.0

    def start(self) -> None:
        display = sys.modules["IPython"].display.display
        self._handle = display(self._drawing(), raw=True, display_id=True)

    def show(self, done: int, status: str) -> None:
        self._progress.update(self._task, completed=done, status=status)
        if time.monotonic() - self._drawn > CELL_EVERY:
            self._handle.update(self._drawing(), raw=True)
            self._drawn = time.monotonic()

    def stop(self) -> None:
        self._handle.update(self._drawing(), raw=True)

    def _drawing(self) -> dict[str, str]:
        with self._console.capture() as drawn:
            self._console.print(self._progress.get_renderable())
        return {"text/plain": drawn.get().rstrip()}


def _progress(console: Console, unit: str) -> Progress:
    columns = (
        TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[status]}"),
        TimeRemainingColumn(table_column=Column(min_width=len("0:00:00"), no_wrap=True)),  # never cut
    )
    return Progress(*columns, console=console)
