"""Theory is computed in float64, whatever the caller's precision."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def in_float64() -> Iterator[None]:
    """Context in which arrays are float64 and on the CPU: the problems are small, and eigenvalues are at home there."""
    with jax.enable_x64(True), jax.default_device(jax.local_devices(backend="cpu")[0]):
        yield
