"""How processes of one run come together: process 0 waits at its port for the others, and all are told who there is."""

import contextlib
import json
import socket
import time
from multiprocessing.connection import Connection
from typing import Any

from dsm._cluster import Place
from dsm._errors import HostsError

#: Seconds after which a silent host is asked for a sign of life, between two questions, and how many stay unanswered.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}
#: Seconds that a greeting may take, and its bytes, at most.
GREETING, SHORT = 5.0, 2**12
#: Names of this very machine.
LOOPBACK = ("localhost", "127.", "::1")

#: Links by index: to all others for process 0, to that one for the others.
Links = dict[int, Connection]
#: What all are told: a port of process 0 that is free, and the hosts by index.
Told = tuple[int, list[str]]


def meet(place: Place, timeout: float) -> tuple[Links, Told]:
    """Meet all other processes.

    Raises:
        HostsError: they do not all come within `timeout` seconds, or their numbers do not fit.
    """
    return (_find if place.process else _gather)(place, time.monotonic() + timeout, timeout)


def _gather(place: Place, until: float, timeout: float) -> tuple[Links, Told]:
    """Process 0: wait for the others."""
    links: Links = {}
    hosts = [socket.gethostname()] * place.processes
    with _listen(place) as server:
        while len(links) < place.processes - 1:
            server.settimeout(max(0.01, until - time.monotonic()))
            try:
                link = _linked(server.accept()[0])
            except TimeoutError:
                missing = ", ".join(str(n) for n in range(1, place.processes) if n not in links)
                text = (
                    f"not all of {place.processes} processes came to {place.coordinator} within {timeout:g} s "
                    f"(run.hosts.timeout): missing is process {missing}"
                )
                for link in links.values():
                    send(link, "refused", text)
                raise HostsError(text) from None
            try:
                if not link.poll(GREETING):
                    raise EOFError
                number, count, host = json.loads(link.recv_bytes(SHORT))
                refusal = _refusal(place, number, count, links)
            except (EOFError, OSError, ValueError, TypeError):
                link.close()  # somebody else, by mistake
                continue
            if refusal is not None:
                send(link, "refused", refusal)
                link.close()
            else:
                links[number], hosts[number] = link, host
    links = dict(sorted(links.items()))
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    for link in links.values():
        send(link, "begin", [port, hosts])
    return links, (port, hosts)


def _refusal(place: Place, number: int, count: int, there: Links) -> str | None:
    if count != place.processes:
        return f"run.hosts.processes = {count}: process 0 was told {place.processes}"
    if number == 0 or number in there:
        return f"run.hosts.process = {number}: another process has this index"
    return None


def _listen(place: Place) -> socket.socket:
    host, port = place.address
    try:
        if host.startswith(LOOPBACK):
            return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        return socket.create_server(("", port), family=family, dualstack_ipv6=dual)
    except OSError as error:
        raise HostsError(
            f"run.hosts.coordinator = {place.coordinator}: {error.strerror}, choose another port"
        ) from error


def _find(place: Place, until: float, timeout: float) -> tuple[Links, Told]:
    """The others: find process 0."""
    greeting = [place.process, place.processes, socket.gethostname()]
    reason = "no answer"
    while (left := until - time.monotonic()) > 0:
        try:
            link = _linked(socket.create_connection(place.address, timeout=min(left, GREETING)))
            link.send_bytes(json.dumps(greeting).encode())
            while link.poll(max(0.0, until + GREETING - time.monotonic())):
                kind, content = json.loads(link.recv_bytes())
                if kind == "refused":
                    raise HostsError(content)
                return {0: link}, tuple(content)
            link.close()
        except (OSError, EOFError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "it closed the connection"
            time.sleep(min(0.2, max(0.0, left)))
    raise HostsError(
        f"process {place.process} cannot reach process 0 at {place.coordinator} within {timeout:g} s "
        f"(run.hosts.timeout): {reason}"
    )


def _linked(found: socket.socket) -> Connection:
    """A socket as a link of messages, which notices when the other host is gone."""
    found.settimeout(None)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return Connection(found.detach())


def send(link: Connection, kind: str, content: Any) -> None:
    """Send a message; whether the other one is still there the thread that reads finds out."""
    with contextlib.suppress(OSError):
        link.send_bytes(json.dumps([kind, content]).encode())
