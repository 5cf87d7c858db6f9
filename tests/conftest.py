"""Strict settings for all tests: 64-bit types on (so that 32-bit ones must be asked for), no silent promotions.

Tests compile much and compute little, so optimisations of XLA are off, and so are its fusion emitters. A test of what
XLA makes of a program (memory, kernels, bits that depend on fusion) takes the fixture `optimised`, which turns the
optimisations on.
"""

import fcntl
import functools
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from commands import KEPT, QUICK_COMPILES, ROOT

# The main job shards replicas over devices: tests have several, on any machine.
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=2 {QUICK_COMPILES['XLA_FLAGS']}")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ["DSM_LOCAL"] = "none"  # settings of this machine are not those of the tests

import jax
import pytest

# Many tests compile the same program, most often a small one.
jax.config.update("jax_compilation_cache_dir", str(KEPT / "session"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "gpu" in item.keywords and jax.default_backend() != "gpu":
            item.add_marker(pytest.mark.skip(reason="no GPU on this machine"))


#: After which tests the memory maps are counted: 30,000 of them take 27 ms.
LOOKS = itertools.cycle([True, *[False] * 19])


@pytest.fixture(autouse=True)
def few_memory_maps() -> Iterator[None]:
    """Tests compile more programs than the memory maps of a process suffice for."""
    yield
    if next(LOOKS):
        from dsm._programs import drop_programs  # not before pytest has its import hook for annotations

        drop_programs()


@pytest.fixture
def optimised() -> Iterator[None]:
    """Programs that XLA optimises, without its fusion emitters, which are chosen once a process."""
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
    yield
    jax.config.update("jax_disable_most_optimizations", True)
    jax.clear_caches()


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory) -> Path:
    """A folder that all workers of a session share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def tiny_run(session_folder) -> Callable[[str], Path]:
    """The directory of the tiny run of a task, made by the first test of the session that asks. Copy it to change it."""
    import dsm
    import tiny

    @functools.cache
    def made(task: str) -> Path:
        path = session_folder / "tiny" / task
        path.parent.mkdir(exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it
            return dsm.run(*tiny.RUNS[task], *tiny.QUIET, f"run.dir={path}")

    return made


@pytest.fixture(scope="session")
def stored(session_folder) -> Path:
    """The folder of the archive of small runs. Copy what a test changes."""
    from experiment_runs import unpack

    path = session_folder / "stored"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it
        return path if path.exists() else unpack(path)


@pytest.fixture(scope="session")
def shared():
    """The folder of reference measurements beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder of reference measurements beside the checkout")
    return folder
