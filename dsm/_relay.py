"""A connection that does not close: what JAX's runtime is given instead of one to process 0.

Its client ends the process in C++, with a trace, as soon as its connection closes. Through a relay of this process it sees
none close; whoever is gone is told by `_hosts`.
"""

import contextlib
import socket
import threading


def relay_to(address: tuple[str, int]) -> int:
    """A port of this machine that leads to `address`, for the rest of the process."""
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(server, address), daemon=True, name="dsm relay").start()
    return server.getsockname()[1]


def _serve(server: socket.socket, address: tuple[str, int]) -> None:
    while True:
        near, _ = server.accept()
        try:
            far = socket.create_connection(address)
        except OSError:  # not there yet: the client tries again
            near.close()
            continue
        for source, target in ((near, far), (far, near)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pump, args=(source, target), daemon=True, name="dsm relay").start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes, and keep both ends open."""
    with contextlib.suppress(OSError):
        while data := source.recv(2**16):
            target.sendall(data)
