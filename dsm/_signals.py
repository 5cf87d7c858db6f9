"""Stopping on request: SIGTERM, SIGINT, SIGUSR1, SIGUSR2 and SIGHUP ask for a checkpoint and an orderly end."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from dsm._results import AGAIN, EXIT_INTERRUPTED

#: Seconds within which two signals of a kind count as one.
TWICE = 1.0
#: SIGUSR2 is what submitit has Slurm send before a time limit.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)


class StopRequest:
    """Whether a signal has asked to stop.

    Attributes:
        received: the signal, or None.
        abrupt: whether there is nothing to save, so that a signal may end the process at once.
        tell: called with the number of the first signal.
        again: how the work is continued, said where a signal ends the process at once.
    """

    def __init__(self, tell: Callable[[int], None] = lambda number: None) -> None:
        self.received: signal.Signals | None = None
        self.abrupt = False
        self.tell = tell
        self.again = AGAIN
        self._since = 0.0
        self._previous: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.received is not None

    def take(self, number: int) -> bool:
        """Take note of a signal; False if it is the second one of its kind. One that comes twice within a second, from a
        terminal or a scheduler and from a parent process, is one: so `timeout` and srun send it."""
        first = self.received != number
        if first:
            self.received, self._since = signal.Signals(number), time.monotonic()
            self.tell(number)
        return first or time.monotonic() - self._since < TWICE

    def pass_on(self) -> None:
        """Hand the signal to whoever listened before, such as a cluster launcher that requeues the job."""
        before = self._previous.get(self.received) if self.received is not None else None
        if callable(before) and before not in (signal.default_int_handler, _pass):
            try:
                before(self.received, None)
            except (
                Exception
            ) as error:  # such as a job that has been requeued often enough: the run is saved all the same
                _say(str(error))

    @contextlib.contextmanager
    def nothing_to_save(self) -> Iterator[None]:
        """For a long call that Python's handlers have to wait for, such as compiling, with all work on disk."""
        self.abrupt = True
        try:
            yield
        finally:
            self.abrupt = False


class _Watch(threading.Thread):
    """Answers signals at once, also while the main thread is inside a long call.

    Python runs its handlers between two steps of the main thread. Its C handler writes the number of the signal to a
    file at once, which this thread reads.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True, name="dsm signals")
        self.request: StopRequest | None = None
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self.before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def run(self) -> None:
        while numbers := os.read(self._reader, 1):
            if numbers[0] in SIGNALS:
                self.answer(numbers[0])

    def answer(self, number: int) -> None:
        request = self.request
        new = request is not None and request.received != number
        if request is None or request.abrupt or not request.take(number):
            _end(number, AGAIN if request is None else request.again)
        if new:
            name = signal.Signals(number).name
            _say(f"{name}: what is done is saved, then the run ends; one more, a second later, ends it at once")


#: The thread of a process that is the command `dsm`, while it is.
_watch: _Watch | None = None
#: What is said where a signal ends the process at once.
_last_words: Callable[[], None] = lambda: None  # noqa: E731


@contextlib.contextmanager
def last_words(say: Callable[[], None]) -> Iterator[None]:
    """While the context lasts, `say` is called where a signal ends the process at once, by a thread of its own."""
    global _last_words
    before, _last_words = _last_words, say
    try:
        yield
    finally:
        _last_words = before


@contextlib.contextmanager
def stop_on_signals(tell: Callable[[int], None] = lambda number: None) -> Iterator[StopRequest]:
    """While the context lasts, signals set the `StopRequest`; a second one of the same kind acts as it would have.

    `tell` is called with the number of the first.

    Only the main thread can listen; elsewhere (a joblib thread, a notebook's worker) signals keep their meaning.
    """
    request = StopRequest(tell)

    def listen(number: int, frame: object) -> None:
        if not request.take(number):
            signal.signal(number, request._previous[number])
            signal.raise_signal(number)

    watch = _watch if threading.current_thread() is threading.main_thread() else None
    request._previous = _answer(listen if watch is None else _pass)
    if watch is not None:
        watch.request = request
    try:
        yield request
    finally:
        if watch is not None:
            watch.request = None
        for number, before in request._previous.items():
            signal.signal(number, before)


@contextlib.contextmanager
def end_on_signals() -> Iterator[None]:
    """For the whole of a process: signals that no run listens to end it in one line with status 75.

    After the context the status of the process is decided, and signals are ignored.
    """
    global _watch
    main = threading.current_thread() is threading.main_thread()
    if main:
        _watch = _Watch()
        _watch.start()
    numbers = list(_answer(_pass))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        if _watch is not None:
            signal.set_wakeup_fd(_watch.before)
            _watch = None


def _end(number: int, again: str) -> None:
    """One line, and the end of the process; what is on disk is whole at any moment.

    An exception would be raised wherever Python happens to be, such as in a callback of its garbage collector, which
    swallows it.
    """
    _say(f"ended by {signal.Signals(number).name}: {again}")
    speaker = threading.Thread(target=_last_words, daemon=True)
    speaker.start()
    speaker.join(TWICE)  # the main thread may hold what they need
    os._exit(EXIT_INTERRUPTED)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        os.write(2, f"dsm: {text}\n".encode())


def _pass(number: int, frame: object) -> None:
    """The thread that watches has answered."""


def _answer(handler: Callable[[int, Any], None]) -> dict[int, Any]:
    """Set the handler of every signal; returns the handlers before. nohup has SIGHUP ignored, and it stays so."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = [number for number in SIGNALS if not (number is signal.SIGHUP and ignored)]
    # None stands for a handler that Python did not set and cannot set again.
    return {number: signal.signal(number, handler) or signal.SIG_DFL for number in numbers}
