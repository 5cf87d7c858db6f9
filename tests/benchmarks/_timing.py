"""What the scripts that measure speed have in common."""

import datetime
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax


def median(call: Callable[[], Any], calls: int) -> float:
    """Median time in seconds of a call after the first, which compiles. The call must wait for its result."""
    call()
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def cores_are_devices() -> None:
    """Divide a CPU into its cores, as the command line does."""
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))


def machine(*packages: str) -> str:
    """Date, devices and versions, for the head of a table; of further packages, where they are installed."""
    device = jax.devices()[0]
    versions = [f"jax {jax.__version__}", *(f"{name} {version}" for name in packages if (version := _version(name)))]
    return (
        f"{datetime.date.today()}, {jax.device_count()} x {device.device_kind} ({processor()}), {', '.join(versions)}, "
        f"Python {platform.python_version()}"
    )


def processor() -> str:
    """Name of the CPU."""
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        return names[0].split(":")[1].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
