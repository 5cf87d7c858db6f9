"""Statistical physics of learning in teacher-student machines, on accelerators.

A teacher network makes data, student networks learn it, and what they learned is measured. `dsm.run` does what the
command line does; `dsm.load` and `dsm.load_sweep` open results; the parts are in the subpackages.
"""

from importlib import metadata as _metadata
from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING

import dsm.data as data
import dsm.networks as networks
import dsm.observables as observables
import dsm.samplers as samplers
import dsm.theory as theory
import dsm.training as training

if _TYPE_CHECKING:
    import xarray as _xarray

    from dsm.config import Config as _Config

try:
    __version__ = _metadata.version("dsm")
except _metadata.PackageNotFoundError:
    __version__ = "unknown"

__all__ = ["compose", "data", "load", "load_sweep", "networks", "observables", "run", "samplers", "theory", "training"]


def load(path: "str | _Path") -> "_xarray.Dataset":
    """Open the results of one run; see `dsm.store.load`."""
    from dsm import store

    return store.load(path)


def load_sweep(path: "str | _Path", task: str | None = None, **settings: object) -> "_xarray.Dataset":
    """Open the finished runs below a folder, joined along what was swept; see `dsm.store.load_sweep`.

    `task` and `settings` choose among them: `dsm.load_sweep("runs", depth=4)`.
    """
    from dsm import store

    return store.load_sweep(path, task, **settings)


def compose(*overrides: str) -> "_Config":
    """The checked configuration that `dsm <overrides>` would use; see `dsm.tasks.compose`."""
    from dsm import tasks

    return tasks.compose(overrides)


def run(*overrides: str) -> _Path:
    """Run or resume what `dsm <overrides>` would, e.g. `dsm.run("experiment=quickstart", "seed=1")`.

    Returns the run directory, for `dsm.load`. Devices and compilation cache are those of this process.

    Raises:
        ConfigError, CapacityError, StoreError: as the command line would say.
    """
    from dsm import tasks

    return tasks.run(compose(*overrides)).path
