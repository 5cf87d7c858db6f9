"""What a page shows of each run below a folder, read from the run directories alone."""

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dsm._errors import StoreError
from dsm._runs import DONE, FAILED, Standing, find_runs, standing
from dsm._variables import time_of
from dsm.config import SOURCES, flatten, lasting
from dsm.reporting._points import as_text
from dsm.store import RunDirectory, load_some
from dsm.store._sweep import superseded

#: Ends of the names of what is shown of every quantity.
SHOWN = ("_mean", "_error")
#: What is drawn point by point, and so is needed of every sample: the L shape of specialisation.
BY_SAMPLE = ("teacher_specialisation", "baseline_specialisation", "fan_out_norm")
#: Files of a run that the page links to, where they are there.
FILES = ("results.nc", "config.yaml", "manifest.json", "log.txt")


@dataclass
class Found:
    """A run as a page shows it.

    Attributes:
        path: the run directory.
        standing: how it stands.
        settings: those that results depend on, by dotted key.
        sources: digests of the sources of plugins.
        manifest: under what circumstances it was made; empty if that is not known.
        results: what was recorded; None if there is nothing to show.
        trouble: why something of it cannot be shown, in one line each.
        is_superseded: whether a newer run has the same settings.
    """

    path: Path
    standing: Standing
    settings: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    results: xr.Dataset | None = None
    trouble: list[str] = field(default_factory=list)
    is_superseded: bool = False

    @property
    def task(self) -> str:
        """Its task, "" if that cannot be read."""
        return str(self.settings.get("task", ""))

    @property
    def files(self) -> list[Path]:
        """Files that somebody may want to open."""
        named = [self.path / name for name in FILES]
        return [path for path in (*named, *sorted((self.path / "figures").glob("*.png"))) if path.is_file()]


def collect(roots: Iterable[Path]) -> list[Found]:
    """All runs at or below folders. What cannot be read of a run is said in its `trouble`, and the others are shown.

    Raises:
        StoreError: there is no such folder, or no run in it.
    """
    paths: dict[Path, Path] = {}  # each with the folder that it is below
    for root in roots:
        if not root.is_dir():
            raise StoreError(f"{root}: there is no such folder" if not root.exists() else f"{root} is not a folder")
        below = find_runs(root)
        if not below:
            raise StoreError(f"{root}: there is no run in it, finished or not")
        paths |= dict.fromkeys(below, root)
    found = [_look_at(path) for path in paths]
    finished = {run.path: run for run in found if run.standing.state == DONE and run.results is not None}
    told = {path: {key: as_text(value) for key, value in run.settings.items()} for path, run in finished.items()}
    for path, newer in superseded(told).items():
        name = newer.relative_to(paths[path]) if newer.is_relative_to(paths[path]) else newer
        finished[path].is_superseded = True
        finished[path].trouble.append(f"{name} has the same settings and is newer: it is the one in the plots")
    return found


def _look_at(path: Path) -> Found:
    found = Found(path, standing(path))
    try:
        stored = RunDirectory(path).config()
        for key, value in lasting(stored).items():
            if key.startswith(f"{SOURCES}."):
                found.sources[key] = value
            else:
                found.settings[key] = value
    except StoreError as error:
        found.trouble.append(str(error))
        return found
    found.manifest = _manifest(found)
    if found.standing.state == FAILED and found.standing.message:
        found.trouble.append(found.standing.message)
    if not (path / "results.nc").exists():
        if found.standing.state == DONE:
            found.trouble.append("it is finished, but results.nc is gone")
        return found
    try:
        found.results = _with_means(load_some(path, _is_shown(flatten(stored))))
    except StoreError as error:
        found.trouble.append(str(error).splitlines()[0])
    return found


def _with_means(dataset: xr.Dataset) -> xr.Dataset:
    """Of a run without a simulation, means that are not known, so that theory is drawn in their place."""
    if any(str(name).endswith("_mean") for name in dataset.data_vars):
        return dataset
    time = time_of([str(dim) for dim in dataset.dims])
    alone = {str(name).removeprefix("theory_"): one for name, one in dataset.data_vars.items() if time in one.dims}
    return dataset.assign(
        {
            f"{name}_mean": xr.full_like(one, np.nan).assign_attrs(long_name=one.attrs["long_name"].rsplit(", ", 1)[0])
            for name, one in alone.items()
        }
    )


def _manifest(found: Found) -> dict[str, Any]:
    try:
        read = json.loads((found.path / "manifest.json").read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        found.trouble.append(f"cannot read manifest.json: {error}")
        return {}
    return read if isinstance(read, dict) else {}


def _is_shown(settings: dict[str, Any]) -> Any:
    """Which variables a page needs. Means at rest are made of all records, so these are read whole."""
    at_rest = settings.get("observe.burn_in") is not None

    def shown(name: str, variable: xr.DataArray) -> bool:
        drawn = set(variable.attrs.get("figures", "").split()) & {"profile", "curve"}
        with_theory = name.startswith("theory_") and variable.dtype.kind in "if"
        return name.endswith(SHOWN) or with_theory or name in BY_SAMPLE or bool(at_rest and drawn)

    return shown


def versions(found: list[Found]) -> dict[str, list[str]]:
    """The versions that runs were made with, by package; only packages of which there are several."""
    by_package: dict[str, set[str]] = {}
    for run in found:
        with contextlib.suppress(AttributeError):  # a manifest of something else
            for package, version in (run.manifest.get("versions") or {}).items():
                by_package.setdefault(package, set()).add(str(version))
    return {package: sorted(several) for package, several in by_package.items() if len(several) > 1}
