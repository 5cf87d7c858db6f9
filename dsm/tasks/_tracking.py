"""A run told to a tracker, whose errors cost the run nothing."""

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from dsm import _hosts
from dsm._variables import time_of
from dsm.config import Config
from dsm.store import RunDirectory
from dsm.tracking import TRACKERS

#: Curves of a quantity that are told; of more there are few readers.
CURVES = 32

logger = logging.getLogger("dsm")


class Tracking:
    """The tracker of a run, from its beginning to its end; it has failed unless something else is said.

    Only the first process tells. After an error the tracker is left alone, with a warning.
    """

    def __init__(self, config: Config, directory: RunDirectory) -> None:
        self._config, self._directory = config, directory
        self._silent = config.run.tracker["name"] == "none" or not _hosts.is_first()
        self._ended = False
        self._tracker = TRACKERS.build(config.run.tracker, "run.tracker")

    def __enter__(self) -> "Tracking":
        root = Path(self._config.run.root).expanduser().absolute()
        about = (self._directory.path, root, self._config.experiment, self._config.identity())
        self._try(lambda: self._tracker.begin(*about))
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.end("failed" if isinstance(error, Exception) else "interrupted")

    def progress(self, done: int, total: int) -> None:
        """How far the run is."""
        self._try(lambda: self._tracker.log(done, {"progress": done / max(1, total)}))

    def results(self, dataset: xr.Dataset) -> None:
        """All means and errors that change in the course of time, which is the number of the record where it is no whole
        number."""
        time = time_of([str(dim) for dim in dataset.dims])
        if time is None:
            return
        times = dataset[time].values

        def tell() -> None:
            values = curves(dataset, time)
            steps = times.astype(int) if np.all(times == times.astype(int)) else np.arange(len(times))
            for row, now in enumerate(steps):
                known = {name: float(curve[row]) for name, curve in values.items() if math.isfinite(curve[row])}
                self._tracker.log(int(now), known | {time: float(times[row])})

        self._try(tell)

    def end(self, outcome: str, files: Sequence[Path] = ()) -> None:
        """The run ends for now. Of several ends the first counts."""
        if not self._ended:
            self._ended = True
            self._try(lambda: self._tracker.end(outcome, [*files, self._directory.path / "config.yaml"]))

    def _try(self, tell: Callable[[], None]) -> None:
        if self._silent:
            return
        try:
            tell()
        except Exception as error:  # a service may answer whatever it likes
            first = (str(error).splitlines() or [""])[0]
            logger.warning("the tracker is left alone from here on: %s: %s", type(error).__name__, first)
            self._silent = True


def curves(dataset: xr.Dataset, time: str) -> dict[str, np.ndarray]:
    """Means and their errors against time by name, one curve for each entry of further dimensions, as in
    "energy_mean/beta 2"; without quantities of more than `CURVES`."""
    found = {}
    for name, variable in dataset.data_vars.items():
        if not str(name).endswith(("_mean", "_error")) or time not in variable.dims:
            continue
        dims = [str(dim) for dim in variable.dims if dim != time]
        places = list(np.ndindex(*(dataset.sizes[dim] for dim in dims)))
        for place in places if len(places) <= CURVES else ():
            words = [
                f"{dim} {dataset[dim].values[at] if dim in dataset.coords else at}"
                for dim, at in zip(dims, place, strict=True)
                if dataset.sizes[dim] > 1
            ]
            at = variable.isel(dict(zip(dims, place, strict=True)))
            found["/".join([str(name), *words])] = np.asarray(at.values, float)
    return found
