"""Checkpoints: orbax, the last few kept, verified on reading.

Of several processes each writes and reads its own part of the arrays; the first does all else. Writing has barriers, where
processes wait for one another. Reading has none: what each has found is exchanged before it leads to anything.
"""

import contextlib
import functools
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dsm import _hosts
from dsm._errors import StoreError
from dsm._logging import root_untouched, silence_tasks
from dsm.store._records import DamagedRecords, RecordStore, Segment
from dsm.store._run_directory import remove

with root_untouched():
    import orbax.checkpoint as ocp

Arrays = dict[str, Any]

#: Seconds between attempts to read a checkpoint on a disk that refuses.
RETRY_AFTER = (0.5, 1.5)
#: The most elements that are hashed at once: some megabytes.
PIECE = 2**16
#: How tensorstore spells an error of the disk; 2 is a file that is not there.
DISK_ERROR = re.compile(r"OS error (?!2\b)\d+|RESOURCE_EXHAUSTED")

logger = logging.getLogger("dsm")


class _Damaged(StoreError):
    """A checkpoint is not what was written."""


class _Unreadable(StoreError):
    """A checkpoint cannot be read at the moment."""


class Checkpoints:
    """The checkpoints of a run: arrays by name, and how many records there are, by the number of sweeps done.

    Orbax writes the arrays, each process its own part, into a temporary folder and renames it when it is whole, so a kill
    leaves the checkpoints before. What was damaged later is found by checksums. Records are written once, as they are
    made (`dsm.store._records`), so that a checkpoint costs the same however many there are.

    Arguments:
        folder: where they are; records lie beside it.
        keep: how many of the last ones stay.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.records = RecordStore(folder.with_name("records"))
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        alone = ocp.options.MultiprocessingOptions(
            primary_host=_hosts.index(), active_processes={_hosts.index()}, barrier_sync_key_prefix=f"{_hosts.index()}"
        )
        reading = ocp.CheckpointManagerOptions(create=False, read_only=True, multiprocessing_options=alone)
        with disk_errors(f"cannot use {folder}"):
            self._manager = self._reader = ocp.CheckpointManager(folder, options=options)
            if _hosts.count() > 1:
                self._reader = ocp.CheckpointManager(folder, options=reading)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *exception: object) -> None:
        self._manager.close()

    @property
    def sweeps(self) -> list[int]:
        """Sweeps at which there is a checkpoint, ascending."""
        return _hosts.agree(sorted(self._manager.all_steps()))

    def save(self, sweep: int, arrays: Arrays, first: int = 0, records: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint, whole or not at all.

        Arguments:
            sweep: sweeps done.
            arrays: of the progress, of any sharding.
            first: how many records are on disk.
            records: those made since, arrays [new, ...] by name.

        Raises:
            StoreError: the disk refuses; the checkpoints before are as they were.
        """
        if sweep in self.sweeps:
            return
        kept = {name: array for name, array in arrays.items() if array.size}  # orbax refuses empty arrays
        records = {name: values for name, values in (records or {}).items() if len(values)}
        sums = _checksums(kept)
        meta = {
            "records": first + len(next(iter(records.values()), ())),
            "arrays": {
                name: {"shape": array.shape, "dtype": str(array.dtype), "checksum": sums[name]}
                for name, array in kept.items()
            },
        }
        last = f"the last good checkpoint is at sweep {self.sweeps[-1]}" if self.sweeps else "there is none before it"
        with disk_errors(f"cannot write the checkpoint at sweep {sweep} in {self.folder}; {last}", self._sweep_out):
            _hosts.first(lambda: self.records.append(first, records))
            self._manager.save(
                sweep, args=ocp.args.Composite(arrays=ocp.args.StandardSave(kept), meta=ocp.args.JsonSave(meta))
            )

    def load_newest(self, like: Mapping[str, Any] | None = None) -> tuple[int, Arrays, Arrays] | None:
        """The newest whole checkpoint, or None if there has been none at all: its sweep, arrays and records.

        One that is provably damaged (its files can be read, and are not what was written) is set aside with a warning, and
        the one before is used. What cannot be read at the moment is tried again, and then left as it is. Records beyond
        those of the checkpoint are dropped.

        Arguments:
            like: arrays whose shardings those of the same names get; others are NumPy's.

        Raises:
            StoreError: a checkpoint cannot be read, all that there were are damaged, or shapes are not those of `like`.
        """
        for sweep in reversed(self.sweeps):
            try:
                arrays, records, used = self._load_patiently(sweep, like or {})
            except _Damaged as damage:
                self._set_aside(sweep, str(damage))
            else:
                number = len(next(iter(records.values()), ()))
                _hosts.first(functools.partial(self.records.keep, number, used))
                return sweep, arrays, records
        if aside := _hosts.agree(sorted(path.name for path in self.folder.parent.glob("damaged-checkpoint-*"))):
            raise _hosts.agreed(
                StoreError(
                    f"no checkpoint in {self.folder} is readable ({', '.join(aside)}); "
                    "run.resume=never starts afresh beside it"
                )
            )
        _hosts.first(lambda: self.records.keep(0, []))  # of a process that was killed before its first checkpoint
        return None

    def _load_patiently(self, sweep: int, like: Mapping[str, Any]) -> tuple[Arrays, Arrays, list[Segment]]:
        reason = ""
        for wait in (*RETRY_AFTER, None):
            try:
                arrays, expected, records, used = _hosts.together(lambda: self._try_to_load(sweep, like))
            except _Unreadable as error:
                reason = str(error)
            else:
                sums = _checksums(arrays)
                if wrong := [name for name in expected if sums[name] != expected[name]]:
                    raise _Damaged(f"checksums of {', '.join(wrong)} do not match")
                return arrays, records, used
            if wait is not None:
                time.sleep(wait)
        raise _hosts.agreed(
            StoreError(
                f"cannot read the checkpoint at sweep {sweep} in {self.folder} at the moment, and nothing is changed: "
                f"run the same command again ({reason})"
            )
        )

    def _try_to_load(self, sweep: int, like: Mapping[str, Any]) -> tuple[Arrays, dict[str, int], Arrays, list[Segment]]:
        try:
            return self._load(sweep, like)
        except StoreError:
            raise
        except DamagedRecords as damage:
            raise _Damaged(str(damage)) from damage
        except Exception as error:  # orbax and tensorstore raise whatever the disk or the damage leads to
            silence_tasks("orbax")
            damaged = not _is_transient(error) and _all_readable(self.folder / str(sweep))
            raise (_Damaged if damaged else _Unreadable)(_first_line(error)) from error

    def _load(self, sweep: int, like: Mapping[str, Any]) -> tuple[Arrays, dict[str, int], Arrays, list[Segment]]:
        """Arrays, the checksums that they should have, records and the segments that have them."""
        meta = self._reader.restore(sweep, args=ocp.args.Composite(meta=ocp.args.JsonRestore())).meta
        if "digest" in meta:
            raise StoreError(
                f"the checkpoint at sweep {sweep} in {self.folder} is of an older dsm, which wrote all records into each: "
                "finish the run with that, or start afresh beside it with run.resume=never"
            )
        stored = meta["arrays"]
        shapes = {name: tuple(of["shape"]) for name, of in stored.items()}
        check_shapes(shapes, {name: leaf.shape for name, leaf in like.items()})
        wanted = {
            name: jax.ShapeDtypeStruct(tuple(of["shape"]), of["dtype"], sharding=like[name].sharding)
            if name in like
            else np.empty(of["shape"], of["dtype"])
            for name, of in stored.items()
        }
        arrays = self._reader.restore(sweep, args=ocp.args.Composite(arrays=ocp.args.StandardRestore(wanted))).arrays
        return arrays, {name: of["checksum"] for name, of in stored.items()}, *self.records.read(meta["records"])

    def _set_aside(self, sweep: int, reason: str) -> None:
        def move() -> None:
            logger.warning("checkpoint at sweep %d is damaged and set aside (%s)", sweep, reason)
            aside = self.folder.parent / f"damaged-checkpoint-{sweep}"
            remove(aside)
            (self.folder / str(sweep)).rename(aside)

        _hosts.first(move)
        self._manager.reload()

    def _sweep_out(self) -> None:
        for partial in self.folder.glob("*orbax-checkpoint-tmp*"):
            remove(partial)


def check_shapes(there: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a checkpoint whose arrays are not those of this run.

    Raises:
        StoreError: naming the arrays and their shapes.
    """
    wrong = [
        f"  {name}: {there.get(name, 'absent')} there, {shape} needed"
        for name, shape in expected.items()
        if 0 not in shape and there.get(name) != shape
    ]
    if wrong:
        raise StoreError("the checkpoint is of another run:\n" + "\n".join(wrong))


def _checksums(arrays: Arrays) -> dict[str, int]:
    """By name, of the whole arrays: the sum over all processes of what each has."""
    own = {name: checksum(array) for name, array in arrays.items() if isinstance(array, jax.Array) or _hosts.is_first()}
    parts = _hosts.exchange(own)
    return {name: sum(part.get(name, 0) for part in parts) % 2**64 for name in arrays}


def checksum(array: Any) -> int:
    """A sum over elements of a hash of value and place, modulo 2**64: the same however the array lies over devices.

    Of an array that lies over several processes, the sum over the elements that this one has. Copies count once.

    The hash is that of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    parts = (
        [(shard.index, shard.data) for shard in array.addressable_shards if shard.replica_id == 0]
        if isinstance(array, jax.Array)
        else [((slice(None),) * array.ndim, array)]
    )
    return sum(_checksum(np.asarray(data), index, array.shape) for index, data in parts) % 2**64


def _checksum(part: np.ndarray, index: tuple[slice, ...], shape: tuple[int, ...]) -> int:
    """Of the part of an array that lies at `index`; piece by piece, for a hash is longer than most values."""
    if part.size > PIECE:
        axis = int(np.argmax(part.shape))
        first, end, _ = index[axis].indices(shape[axis])
        middle = (first + end) // 2
        return sum(
            _checksum(piece, (*index[:axis], slice(*ends), *index[axis + 1 :]), shape)
            for piece, ends in zip(
                np.split(part, [middle - first], axis), ((first, middle), (middle, end)), strict=True
            )
        )
    place: np.ndarray = np.zeros((1,), np.uint64)
    for size, along in zip(shape, index, strict=True):
        place = (place[:, None] * np.uint64(size) + np.arange(*along.indices(size), dtype=np.uint64)).reshape(-1)
    bits = np.ascontiguousarray(part).reshape(-1).view(f"u{part.dtype.itemsize}").astype(np.uint64)
    mixed = bits + (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return int((mixed ^ (mixed >> np.uint64(31))).sum(dtype=np.uint64))


def _is_transient(error: BaseException | None) -> bool:
    """Whether the disk or the memory refused, here or in what led to the error. A file that is not there is damage."""
    while error is not None:
        refused = isinstance(error, (OSError, MemoryError)) and not isinstance(error, FileNotFoundError)
        if refused or DISK_ERROR.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _all_readable(folder: Path) -> bool:
    """Whether every file that is there below `folder` can be read from its beginning to its end; a dangling link is none."""

    def refuse(error: OSError) -> None:
        raise error

    try:
        for where, _, names in os.walk(folder, onerror=refuse):
            for name in names:
                path = os.path.join(where, name)
                if os.path.islink(path) and not os.path.exists(path):
                    continue
                with open(path, "rb") as file:
                    while file.read(2**20):
                        pass
    except (OSError, MemoryError):
        return False
    return True


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


@contextlib.contextmanager
def disk_errors(what: str, clean: Any = lambda: None) -> Any:
    """Turn whatever the disk makes orbax raise into a `StoreError` that begins with `what`."""
    try:
        yield
    except Exception as error:
        clean()
        reason = next((line for line in str(error).splitlines() if "space" in line.lower()), str(error)[:300])
        told = StoreError(f"{what}: {reason}")
        told.agreed = getattr(error, "agreed", False)
        raise told from error
