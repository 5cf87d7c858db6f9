"""Stopping on request: SIGTERM, SIGINT and SIGUSR1 ask for a checkpoint and an orderly end."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


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
        if callable(before) and before is not signal.default_int_handler:
            before(self.received, None)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """While the context lasts, signals set the `StopRequest`; a second one of the same kind acts as it would have.

    Only the main thread can listen; elsewhere (a joblib thread, a notebook's worker) signals keep their meaning.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def listen(number: int, frame: object) -> None:
        request.received = signal.Signals(number)
        signal.signal(number, request._previous[number])

    request._previous = {number: signal.signal(number, listen) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, before in request._previous.items():
            signal.signal(number, before)
