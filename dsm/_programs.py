"""Compiled programs of this process: where they are kept on disk, and when those in memory are dropped."""

import contextlib
import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache

logger = logging.getLogger("dsm")

#: Seconds of compilation from which on a program is kept on disk.
WORTH_KEEPING = 0.1
#: Of the memory maps that a process may have: beyond it compiled programs are dropped.
SHARE = 0.5


@contextlib.contextmanager
def kept_in(folder: str | None) -> Iterator[None]:
    """While the context lasts, JAX keeps compiled programs in `folder`; a cache that the process has already wins.

    Arguments:
        folder: where; None for nowhere. It is made where it is missing.
    """
    if folder is None or jax.config.values["jax_compilation_cache_dir"] is not None:
        yield
        return
    settings: dict[str, Any] = {
        "jax_compilation_cache_dir": os.path.abspath(os.path.expanduser(folder)),  # JAX hashes how it is spelt
        "jax_persistent_cache_min_compile_time_secs": WORTH_KEEPING,
    }
    before = {name: jax.config.values[name] for name in settings}
    try:
        _configure(settings)
        yield
    finally:
        _configure(before)


def _configure(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    reset_cache()  # JAX looks for its folder once only


def drop_programs() -> bool:
    """Drop compiled programs if the process has more than `SHARE` of the memory maps that Linux allows it, 65530 as a rule:
    programs hold most of them, and XLA crashes beyond. What is called again is compiled again. Elsewhere nothing is dropped.

    Returns:
        whether they were dropped.
    """
    try:
        maps = Path("/proc/self/maps").read_bytes().count(b"\n")
        most = int(Path("/proc/sys/vm/max_map_count").read_text())
    except (OSError, ValueError):
        return False
    if maps <= SHARE * most:
        return False
    jax.clear_caches()
    gc.collect()
    logger.info("compiled programs are dropped: %d of at most %d memory maps were in use", maps, most)
    return True
