"""Statistical physics of learning in teacher-student machines, on accelerators.

A teacher network makes data, student networks learn it, and what they learned is measured. `dsm.run` does what the
command line does; `dsm.load` and `dsm.load_sweep` open results; the parts are in the subpackages, each imported when it is
first used.
"""

import importlib as _importlib
from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING

from dsm._errors import ConfigError as ConfigError
from dsm._errors import StoreError as StoreError
from dsm._errors import shortly as _shortly

if _TYPE_CHECKING:
    from collections.abc import Sequence as _Sequence

    import xarray as _xarray

    from dsm import data as data
    from dsm import driver as driver
    from dsm import networks as networks
    from dsm import observables as observables
    from dsm import plotting as plotting
    from dsm import samplers as samplers
    from dsm import store as store
    from dsm import theory as theory
    from dsm import training as training
    from dsm.config import Config as _Config

    __version__: str

_SUBPACKAGES = ("data", "driver", "networks", "observables", "plotting", "samplers", "store", "theory", "training")

__all__ = [
    "ConfigError",
    "StoreError",
    "compose",
    "data",
    "driver",
    "load",
    "load_sweep",
    "networks",
    "observables",
    "plotting",
    "report",
    "run",
    "samplers",
    "store",
    "theory",
    "training",
]


def __getattr__(name: str) -> object:
    if name in _SUBPACKAGES:
        return _importlib.import_module(f"dsm.{name}")
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'dsm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__")), "__version__"])


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("dsm")
    except metadata.PackageNotFoundError:
        return "unknown"


@_shortly
def load(path: "str | _Path") -> "_xarray.Dataset":
    """Open the results of one run; see `dsm.store.load`."""
    from dsm import store

    return store.load(path)


@_shortly
def load_sweep(path: "str | _Path", task: str | None = None, **settings: object) -> "_xarray.Dataset":
    """Open the finished runs below a folder, joined along what was swept; see `dsm.store.load_sweep`.

    `task` and `settings` choose among them: `dsm.load_sweep("runs", depth=4)`.
    """
    from dsm import store

    return store.load_sweep(path, task, **settings)


@_shortly
def report(
    path: "str | _Path | _Sequence[str | _Path]", out: "str | _Path | None" = None, points: "str | _Path | None" = None
) -> _Path:
    """Write one interactive page about the runs at or below a folder or several; see `dsm.reporting.report`."""
    from dsm import reporting

    return reporting.report(path, out, points)


@_shortly
def compose(*overrides: str) -> "_Config":
    """The checked configuration that `dsm <overrides>` would use; see `dsm.tasks.compose`."""
    from dsm import tasks

    return tasks.compose(overrides)


@_shortly
def run(*overrides: str) -> _Path:
    """Run or resume what `dsm <overrides>` would, e.g. `dsm.run("experiment=quickstart", "seed=1")`.

    Returns the run directory, for `dsm.load`. An interrupted run returns too, after a warning in the log; the same call
    continues it. The log is printed unless logging is set up already, for "dsm" or at the root. Devices are those of this
    process, and so is a compilation cache that it has; else `run.compilation_cache` is used during the call.

    Raises:
        ConfigError, CapacityError, StoreError: as the command line would say.
    """
    from dsm import tasks
    from dsm._logging import on_console

    with on_console():
        report = tasks.run(compose(*overrides))
        report.tell()
    return report.path
