"""The runs of a sweep, joined along the settings in which they differ."""

import logging
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from dsm._errors import StoreError
from dsm._near import did_you_mean
from dsm._runs import find_runs
from dsm.config import SOURCES, lasting
from dsm.store._dataset import load
from dsm.store._run_directory import RunDirectory

#: How variables of several runs are put side by side, whatever the defaults of xarray become.
CONCAT: dict[str, Any] = {
    "join": "outer",
    "data_vars": "all",
    "coords": "minimal",
    "compat": "override",
    "combine_attrs": "drop_conflicts",
}
#: A grid of which fewer than one cell in so many is a run would be mostly NaN.
SPARSE = 16

logger = logging.getLogger("dsm")

Settings = dict[str, Any]


def load_sweep(path: str | Path, task: str | None = None, **settings: Any) -> xr.Dataset:
    """All finished runs below `path`, joined along the settings in which they differ.

    Each such setting becomes a dimension with the last part of its key as its name ("depth", "seed"); the whole key where
    that is ambiguous or the name of something in the results. Values that lie along a dimension of their run join it
    (`sampler.beta` and `beta`, `network.decay` and `decay`), but for exchange, where every ladder is a setting.
    Coordinates are numbers where all values are; else they are text as on the command line, and a setting that is null
    or that a run does not have is "null". Where the runs fill less than one cell in 16 of this grid, they lie side by side
    along one dimension `run`, and the settings are coordinates along it.

    Combinations that were not run, variables that a run does not have, and layers that a shallow network does not have,
    are NaN. Of runs with the same settings the newest counts, and the log says so; it names unfinished runs too.

    Arguments:
        path: a folder with run directories at any depth.
        task: only runs of this task.
        settings: only runs with these settings, by dotted key (`**{"network.depth": 4}`), or by the last part of it where
            that is unambiguous (`depth=4`). A part is chosen by its name (`move="gaussian"` for `sampler.move.name`).

    Raises:
        StoreError: there is no such folder, no finished run below `path` has these settings, a setting is unknown or
            ambiguous, or the runs are of several tasks.
    """
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        raise StoreError(f"{root}: there is no such folder{did_you_mean(root.name, _beside(root))}")
    runs = _runs(root)
    chosen, wanted = _select(runs, settings if task is None else {"task": task, **settings})
    finished = {folder: own for folder, own in chosen.items() if RunDirectory(folder).is_done}
    if unfinished := [str(folder.relative_to(root)) for folder in chosen if folder not in finished]:
        logger.warning("left out, because they are unfinished: %s", ", ".join(unfinished))
    if not finished:
        spelt = lambda value: repr(value) if isinstance(value, str) else _text(value)  # noqa: E731
        having = " and ".join(f"{key} = {spelt(value)}" for key, value in wanted.items())
        values = {key: dict.fromkeys(spelt(own[key]) for own in runs.values() if key in own) for key in wanted}
        there = "".join(f"; of {key} there is {', '.join(found)}" for key, found in values.items() if not chosen)
        if there and any(isinstance(value, list | tuple) for value in wanted.values()):
            there += "; one value chooses runs, and .sel(...) of what is loaded several"
        raise StoreError(f"no finished run below {root}{' has ' if having else ''}{having}{there}")
    tasks = sorted({str(own.get("task")) for own in finished.values()})
    if len(tasks) > 1:
        raise StoreError(f"the runs below {root} are of several tasks; choose task= one of {', '.join(tasks)}")
    sources = {folder: _without_sources(own) for folder, own in finished.items()}
    finished = _newest(finished, root, sources)
    for name in changed_sources([sources[folder] for folder in finished]):
        logger.warning("the source of %s is not the same for all runs: it was changed between them", name)
    swept = [key for key in _keys(finished) if len({own.get(key) for own in finished.values()}) > 1]
    datasets = {}
    for folder in finished:
        datasets[folder] = load(folder)
        datasets[folder].attrs = {key: value for key, value in datasets[folder].attrs.items() if key not in swept}
    along = [key for key in swept if all(lies_along(key, own, datasets[folder]) for folder, own in finished.items())]
    axes = [key for key in swept if key not in along]
    rows: dict[tuple, dict[Path, Settings]] = {}
    for folder, own in finished.items():
        rows.setdefault(tuple(own.get(key) for key in axes), {})[folder] = own  # the newest first
    return _join({row: _along(along, found, datasets) for row, found in rows.items()}, axes)


def _beside(path: Path) -> list[str]:
    """Names of the folders that are where `path` would be."""
    try:
        return [entry.name for entry in path.parent.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _runs(root: Path) -> dict[Path, Settings]:
    """The settings of all runs below a folder."""
    return {folder: _settings(folder) for folder in find_runs(root) if (folder / "config.yaml").exists()}


def _settings(folder: Path) -> Settings:
    return {key: _hashable(value) for key, value in lasting(RunDirectory(folder).config()).items()}


def _without_sources(own: Settings) -> Settings:
    """Take the digests of sources out of the settings of a run, and return them: runs are joined whatever they are."""
    return {key: own.pop(key) for key in list(own) if key.startswith(f"{SOURCES}.")}


def changed_sources(sources: list[Settings]) -> list[str]:
    """The plugins, or what else of one's own, of which runs had other sources."""
    keys = _keys(dict(enumerate(sources)))
    return [key.removeprefix(f"{SOURCES}.") for key in keys if len({own[key] for own in sources if key in own}) > 1]


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, (list, tuple, np.ndarray)) else value


def _keys(runs: Mapping[Any, Settings]) -> list[str]:
    return list(dict.fromkeys(key for own in runs.values() for key in own))


def _select(runs: dict[Path, Settings], settings: Settings) -> tuple[dict[Path, Settings], Settings]:
    """The runs with these settings, and the settings by their whole keys."""
    wanted, keys = {}, _keys(runs)
    for name, value in settings.items() if runs else ():
        found = [name] if name in keys else [key for key in keys if key.rsplit(".", 1)[-1] == name]
        found = found or [key for key in keys if f".{key}".endswith(f".{name}.name")]  # a part, by what it is
        if len(found) != 1:
            unknown = f"is not a setting of these runs{did_you_mean(name, keys)}"
            reason = f"could be {' or '.join(found)}" if found else unknown
            raise StoreError(f"{name} = {_text(value)}: {reason}")
        wanted[found[0]] = _hashable(value)
    return {
        folder: own for folder, own in runs.items() if all(own.get(key) == value for key, value in wanted.items())
    }, wanted


def _newest(runs: dict[Path, Settings], root: Path, sources: Mapping[Path, Settings]) -> dict[Path, Settings]:
    """Of runs with the same settings the one that was finished last, whatever their sources; the newest first."""
    older = superseded(runs)
    for folder, newer in older.items():
        pair = folder.relative_to(root), newer.relative_to(root)
        other = " and ".join(changed_sources([sources[folder], sources[newer]]))
        note = f", with another source of {other}" if other else ""
        logger.warning("%s is left out: %s has the same settings and is newer%s", *pair, note)
    return {folder: runs[folder] for folder in _by_age(runs) if folder not in older}


def superseded(runs: Mapping[Path, Settings]) -> dict[Path, Path]:
    """Of finished runs with the same settings all but the one that was finished last, each with that one."""
    newest: dict[frozenset, Path] = {}
    kept = {folder: newest.setdefault(frozenset(runs[folder].items()), folder) for folder in _by_age(runs)}
    return {folder: newer for folder, newer in kept.items() if newer is not folder}


def _by_age(runs: Iterable[Path]) -> list[Path]:
    """The newest first."""
    return sorted(runs, key=lambda folder: (folder / "DONE").stat().st_mtime_ns, reverse=True)


def lies_along(key: str, own: Mapping[str, Any], dataset: xr.Dataset) -> bool:
    """Whether the values of a setting lie along a dimension of the run, as those of `sampler.beta` do."""
    name = key.rsplit(".", 1)[-1]
    if key == "sampler.beta" and own.get("sampler.exchange"):
        return False  # rows of one ladder belong together
    return name in dataset.dims and np.array_equal(np.atleast_1d(np.asarray(own.get(key))), dataset[name].values)


def _along(keys: list[str], runs: dict[Path, Settings], datasets: dict[Path, xr.Dataset]) -> xr.Dataset:
    """Runs that differ in settings whose values lie along a dimension, joined along these."""
    if not keys:
        return datasets[next(iter(runs))]  # of equal ones the newest
    name = keys[0].rsplit(".", 1)[-1]
    parts: dict[Any, dict[Path, Settings]] = {}
    for folder, own in runs.items():
        parts.setdefault(own[keys[0]], {})[folder] = own
    joined = xr.concat([_along(keys[1:], part, datasets) for part in parts.values()], name, **CONCAT).sortby(name)
    if not joined.indexes[name].is_unique:
        logger.warning("several runs have the same %s: the newest counts", name)
    return joined.drop_duplicates(name)


def _join(rows: dict[tuple, xr.Dataset], keys: list[str]) -> xr.Dataset:
    """Datasets by the values of `keys`, on the grid of these values."""
    if not keys:
        (dataset,) = rows.values()
        return dataset
    names = _names(keys, {str(name) for dataset in rows.values() for name in (*dataset.variables, *dataset.dims)})
    values = [_sorted(column) for column in zip(*rows, strict=True)]
    # The grid is one of positions: pandas would take null for NaN, which differs from itself.
    placed = {tuple(own.index(value) for own, value in zip(values, row, strict=True)): row for row in rows}
    datasets = [_indexed(rows[placed[position]]) for position in sorted(placed)]
    joined = xr.concat(datasets, "run", **CONCAT)
    if math.prod(map(len, values)) > SPARSE * len(rows):
        share = f"{len(rows)} of {math.prod(map(len, values))} combinations of {', '.join(names)} were run"
        logger.info("%s: the runs lie side by side along the dimension run; settings choose among them", share)
        columns = zip(*(placed[position] for position in sorted(placed)), strict=True)
        return joined.assign_coords(
            {name: ("run", _coordinate(column)) for name, column in zip(names, columns, strict=True)}
        )
    index = pd.MultiIndex.from_tuples(sorted(placed), names=names)
    grid = joined.assign_coords(xr.Coordinates.from_pandas_multiindex(index, "run")).unstack("run")
    return grid.assign_coords({name: _coordinate(own) for name, own in zip(names, values, strict=True)})


def _indexed(dataset: xr.Dataset) -> xr.Dataset:
    """With coordinates along every dimension, so that lengths may differ."""
    bare = {dim: np.arange(size) for dim, size in dataset.sizes.items() if dim not in dataset.coords}
    return dataset.assign_coords(bare)


def _names(keys: list[str], taken: set[str]) -> list[str]:
    last = [key.rsplit(".", 1)[-1] for key in keys]
    taken = taken | {"run"}
    return [
        short if last.count(short) == 1 and short not in taken else key for key, short in zip(keys, last, strict=True)
    ]


def _sorted(values: Iterable[Any]) -> list[Any]:
    """Numbers by size, then the rest by their text, null last."""
    number = lambda value: isinstance(value, (int, float))  # noqa: E731
    rank = lambda value: (value is None, not number(value), value if number(value) else 0, _text(value))  # noqa: E731
    return sorted(set(values), key=rank)


def _coordinate(values: Iterable[Any]) -> np.ndarray:
    listed = list(values)
    numbers = all(type(value) is bool for value in listed) or all(type(value) in (int, float) for value in listed)
    return np.array(listed if numbers else [_text(value) for value in listed])


def _text(value: Any) -> str:
    """A setting as on the command line."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
