"""Several processes that carry out one run, on one host or many: who is first, what all agree on, and how all end together.

Process 0 decides, and it alone touches the disk. The others compute their share. Whatever differs between processes, such as
clocks, signals and errors, is exchanged before it leads anywhere, so that all do the same: a process that waits in a
collective operation for one that does something else waits for ever. One process by itself is first and agrees with itself.

JAX ends a process in C++, with a long trace, if another one dies or does not come. So the processes meet over sockets of
their own first, and keep them: a closed one is known at once and told in a line.
"""

import atexit
import contextlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from dsm._cluster import Place
from dsm._errors import DsmError, HostsError
from dsm._meeting import LOOPBACK, meet, send
from dsm._relay import relay_to
from dsm._results import AGAIN, EXIT_INTERRUPTED

logger = logging.getLogger("dsm")

T = TypeVar("T")

#: Seconds that processes wait for one another in the end.
LEAVING = 60.0

#: Where a process says that it is through.
_LEFT = object()


class _Group:
    """The processes of a run, as one of them sees them: process 0 has a link to each other, these have one to it."""

    def __init__(self, place: Place, links: dict[int, Connection], hosts: list[str]) -> None:
        self.index, self.count, self._hosts = place.process, place.processes, hosts
        self._links = links
        self._given: dict[int, queue.SimpleQueue] = {number: queue.SimpleQueue() for number in links}
        self._leaving = False
        threading.Thread(target=self._read, daemon=True, name="dsm hosts").start()

    def exchange(self, value: Any) -> list[Any]:
        """What all processes have given, in the order of their indices."""
        if self.index:
            send(self._links[0], "value", value)
            return self._take(0)
        values = [json.loads(json.dumps(value)), *map(self._take, self._links)]
        for link in self._links.values():
            send(link, "value", values)
        return values

    def _take(self, number: int) -> Any:
        value = self._given[number].get()
        if value is _LEFT:
            self.end(f"{self.name(number)} has left before its time", 1)
        return value

    def name(self, number: int) -> str:
        """What a process is called in messages."""
        return f"process {number} of {self.count} ({self._hosts[number]})"

    def end(self, text: str, status: int, tell: bool = True) -> NoReturn:
        """End this process and all others with this status; the others say `text`."""
        self._leaving = True
        for link in self._links.values():
            send(link, "end", [text, status])
        if tell:
            logger.warning("%s", text)
        if self.index == 0:
            time.sleep(0.3)  # else the others would see process 0 go before they have read why
        os._exit(status)

    def leave(self) -> None:
        """Wait until all are through."""
        until = time.monotonic() + LEAVING
        if self.index:
            send(self._links[0], "leave", None)
        for number, given in self._given.items():
            try:
                while given.get(timeout=max(0.0, until - time.monotonic())) is not _LEFT:
                    pass
            except queue.Empty:
                self.end(f"{self.name(number)} did not end with the others", 1)
        self._leaving = True
        for link in self._links.values():
            send(link, "leave", None)

    def _read(self) -> None:
        """Sort what comes in; see what closes."""
        numbers = {link: number for number, link in self._links.items()}
        while numbers:
            for link in wait(list(numbers)):
                assert isinstance(link, Connection)
                number = numbers[link]
                try:
                    kind, content = json.loads(link.recv_bytes())
                except (EOFError, OSError):
                    del numbers[link]
                    if not self._leaving:
                        self.end(f"{self.name(number)} is gone: {AGAIN}", EXIT_INTERRUPTED)
                    continue
                if kind != "end":
                    self._given[number].put(_LEFT if kind == "leave" else content)
                elif not self._leaving:
                    self.end(*content)


_group: _Group | None = None


def index() -> int:
    """Index of this process."""
    return 0 if _group is None else _group.index


def count() -> int:
    """Number of processes that carry out the run together."""
    return 1 if _group is None else _group.count


def is_first() -> bool:
    """Whether this process decides and writes."""
    return index() == 0


def exchange(value: Any) -> list[Any]:
    """What all processes have given, in the order of their indices. What JSON can hold."""
    return [value] if _group is None else _group.exchange(value)


def agree(value: T) -> T:
    """The value of process 0."""
    return exchange(value)[0]


def any_of(flag: bool) -> bool:
    """Whether it is so in any process."""
    return any(exchange(flag))


def together(function: Callable[[], T]) -> T:
    """What `function` returns. An error on purpose in one process is raised in all.

    Raises:
        DsmError: of the first process that failed.
    """
    value, error = None, None
    try:
        value = function()
    except DsmError as raised:
        error = raised
    said = exchange(None if error is None else [type(error).__name__, str(error)])
    failed = [number for number, own in enumerate(said) if own is not None]
    if failed and failed[0] != index():
        name, text = said[failed[0]]
        error = _kinds(DsmError).get(name, DsmError)(text)
    if error is not None:
        raise agreed(error)
    return value  # type: ignore[return-value]


def agreed(error: DsmError) -> DsmError:
    """An error that all processes raise, so marked: the first tells it, and none has to end the others."""
    error.agreed = True
    return error


def _kinds(base: type[DsmError]) -> dict[str, type[DsmError]]:
    found = {base.__name__: base}
    for kind in base.__subclasses__():
        found |= _kinds(kind)
    return found


def first(function: Callable[[], T]) -> T | None:
    """What `function` returns in process 0, where alone it is called; None in the others, which wait. Errors are those of
    `together`."""
    return together(lambda: function() if is_first() else None)


@contextlib.contextmanager
def bereaved() -> Iterator[None]:
    """Errors that come of another process' end, in whatever library, give way to the line that says so."""
    try:
        yield
    except Exception as error:
        if _group is not None and not getattr(error, "agreed", False):
            time.sleep(2.0)  # meanwhile the thread that reads ends the process
        raise


def abandon(text: str, status: int) -> None:
    """After an error in this process alone, which has been told: end it and all others. Nothing happens to a single one."""
    if _group is not None:
        _group.end(f"{_group.name(_group.index)} ended: {text}", status, tell=False)


def join(place: Place, timeout: float) -> None:
    """Meet the other processes and start JAX's distributed runtime, once in a process and before it uses a device.

    Raises:
        HostsError: they do not all come within `timeout` seconds, they disagree, or a device was used before.
    """
    global _group
    if _group is not None:
        return
    links, (port, hosts) = meet(place, timeout)
    _group = _Group(place, links, hosts)
    try:
        together(lambda: _start_runtime(place, port))
    except HostsError:
        _group = None
        raise
    atexit.register(leave)


def leave() -> None:
    """Wait for the others at the end of the process, and stop JAX's distributed runtime."""
    global _group
    if _group is not None:
        _group.leave()
        jax.distributed.shutdown()
        _group = None


def _start_runtime(place: Place, port: int) -> None:
    host, _ = place.address
    jax.config.update("jax_enable_preemption_service", False)  # it would take the signals
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        jax.distributed.initialize(
            f"127.0.0.1:{relay_to((host, port))}" if place.process else address,
            place.processes,
            place.process,
            local_device_ids=place.devices,
            cluster_detection_method="deactivate",
            coordinator_bind_address=address if host.startswith(LOOPBACK) else None,
            shutdown_timeout_seconds=int(LEAVING),
        )
        _mute_libraries()
        _add_up()
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise HostsError(f"cannot start JAX's distributed runtime at {address}: {reason}") from error


def _add_up() -> None:
    """A first sum over all devices, which tells whether they reach one another."""
    mesh = Mesh(np.array(jax.devices()), ("devices",))
    ones = jax.make_array_from_callback(
        (mesh.size,), NamedSharding(mesh, PartitionSpec("devices")), lambda _: np.ones(1)
    )
    total = jax.jit(lambda values: values.sum(), out_shardings=NamedSharding(mesh, PartitionSpec()))(ones)
    assert float(total.addressable_data(0)) == mesh.size


def _mute_libraries() -> None:
    """What C++ prints whenever processors find one another is dropped; what Python prints is not."""
    sys.stdout.flush()
    with contextlib.suppress(OSError), open(os.devnull, "w") as nowhere:
        sys.stdout = open(os.dup(1), "w", buffering=1)
        os.dup2(nowhere.fileno(), 1)
