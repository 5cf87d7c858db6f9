"""Stopping on request: SIGTERM, SIGINT, SIGUSR1 and SIGHUP ask for a checkpoint and an orderly end."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from dsm._results import EXIT_INTERRUPTED

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)


class StopRequest:
    """Whether a signal has asked to stop.

    Attributes:
        received: the signal, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._previous: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.received is not None

    def pass_on(self) -> None:
        """Hand the signal to whoever listened before, such as a cluster launcher that requeues the job."""
        before = self._previous.get(self.received) if self.received is not None else None
        if callable(before) and before not in (signal.default_int_handler, end_at_once):
            before(self.received, None)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """While the context lasts, signals set the `StopRequest`; a second one of the same kind acts as it would have.

    Only the main thread can listen; elsewhere (a joblib thread, a notebook's worker) signals keep their meaning.
    """
    request = StopRequest()

    def listen(number: int, frame: object) -> None:
        request.received = signal.Signals(number)
        signal.signal(number, request._previous[number])

    request._previous = _answer(listen)
    try:
        yield request
    finally:
        for number, before in request._previous.items():
            signal.signal(number, before)


@contextlib.contextmanager
def end_on_signals() -> Iterator[None]:
    """For the whole of a process: signals that no run listens to end it in one line with status 75.

    After the context the status of the process is decided, and signals are ignored.
    """
    numbers = list(_answer(end_at_once))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


def end_at_once(number: int, frame: object) -> None:
    """One line, and the end of the process; what is on disk is whole at any moment.

    An exception would be raised wherever Python happens to be, such as in a callback of its garbage collector, which
    swallows it.
    """
    os.write(2, f"dsm: ended by {signal.Signals(number).name}: run the same command again to continue\n".encode())
    os._exit(EXIT_INTERRUPTED)


def _answer(handler: Any) -> dict[int, Any]:
    """Set the handler of every signal; returns the handlers before. nohup has SIGHUP ignored, and it stays so."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = [number for number in SIGNALS if not (number is signal.SIGHUP and ignored)]
    # None stands for a handler that Python did not set and cannot set again.
    return {number: signal.signal(number, handler) or signal.SIG_DFL for number in numbers}
