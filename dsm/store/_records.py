"""The records of a run on disk: written once, in segments, as they are made.

A segment holds some records in a row, `records/<first>-<end>.<level>.<copy>.npz`, in two equal copies, each with a digest of
all that is in it: a damaged one is replaced by the other when a run resumes. A checkpoint says how many records belong to
it. What lies beyond was written by a process that was killed before its checkpoint was whole, or belongs to a checkpoint
that is damaged; it is made again. Files are flushed to the disk before anything relies on them, so that a crash of the
machine costs no more than a kill does.

So that a run of weeks does not have thousands of files, `TOGETHER` segments of one level become one of the next. A record is
written again once for every power of `TOGETHER` in the number of checkpoints, so that checkpoints cost the same on average.
"""

import filecmp
import hashlib
import io
import logging
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dsm._errors import StoreError
from dsm.store._run_directory import replace_file

#: Segments of a level that become one of the next.
TOGETHER = 32
COPIES = ("a", "b")
NAME = re.compile(r"(\d+)-(\d+)\.(\d+)\.[ab]\.npz")
DIGEST = "digest"

Records = dict[str, np.ndarray]

logger = logging.getLogger("dsm")


class DamagedRecords(Exception):
    """Records that a checkpoint needs are not there, or not what was written, in both copies."""


class Segment(NamedTuple):
    """Records `first` to `end` - 1."""

    first: int
    end: int
    level: int

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its copies."""
        return tuple(f"{self.first}-{self.end}.{self.level}.{copy}.npz" for copy in COPIES)


class RecordStore:
    """Records of a run, in the order in which they were made.

    Arguments:
        folder: where they are; made when the first ones are written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, first: int, records: Mapping[str, Any]) -> None:
        """Write records `first`, `first` + 1, ...; nothing if there are none.

        Arguments:
            first: how many there are before.
            records: arrays [new, ...] by name, all of as many records.

        Raises:
            StoreError: the disk refuses.
        """
        arrays = {name: np.asarray(values) for name, values in records.items()}
        new = len(next(iter(arrays.values()), ()))
        if not new:
            return
        self.folder.mkdir(exist_ok=True)
        self._write(Segment(first, first + new, 0), arrays)
        self._merge()

    def read(self, number: int) -> tuple[Records, list[Segment]]:
        """The first `number` records, and the segments that have them.

        Raises:
            DamagedRecords: they are not whole.
            OSError: a file cannot be read at the moment.
        """
        parts: list[Records] = []
        used: list[Segment] = []
        there = 0
        segments = self._segments()
        while there < number:
            for segment in sorted((s for s in segments if s.first == there), key=lambda s: -s.end):
                part = self._load(segment)
                if part is not None:
                    break
            else:
                raise DamagedRecords(f"its records from number {there} on are damaged or missing")
            parts.append({name: array[: number - there] for name, array in part.items()})
            used.append(segment)
            there = segment.end
        return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}, used

    def keep(self, number: int, used: Sequence[Segment]) -> None:
        """Drop all records but the first `number`, which `read` has found in the segments `used`; mend damaged copies.

        Raises:
            StoreError: the disk refuses.
        """
        whole = [segment for segment in used if segment.end <= number]
        for segment in whole:
            self._mend(segment)
        for segment in (segment for segment in used if segment.end > number):
            part = self._load(segment) or {}
            kept = Segment(segment.first, number, segment.level)
            self._write(kept, {name: array[: number - segment.first] for name, array in part.items()})
            whole.append(kept)
        for segment in set(self._segments()) - set(whole):
            self._remove(*segment.files)
        self._remove(*(path.name for path in self.folder.glob(".*.tmp")))

    def _segments(self) -> list[Segment]:
        if not self.folder.is_dir():
            return []
        found = [NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        return sorted({Segment(int(name[1]), int(name[2]), int(name[3])) for name in found if name})

    def _write(self, segment: Segment, arrays: Mapping[str, np.ndarray]) -> None:
        stored = {**arrays, DIGEST: _digest(arrays)}
        for file in segment.files:

            def write(temporary: Path) -> None:
                with temporary.open("wb") as opened:
                    np.savez(opened, **stored)  # type: ignore[arg-type]

            replace_file(self.folder / file, write)

    def _load(self, segment: Segment) -> Records | None:
        """Its records, from either copy; None if both are damaged."""
        for file in segment.files:
            try:
                records = _parse((self.folder / file).read_bytes())
            except FileNotFoundError:
                records = None
            if records is not None and all(len(array) == segment.end - segment.first for array in records.values()):
                return records
            logger.warning("%s is damaged; the other copy is used if it is whole", self.folder / file)
        return None

    def _mend(self, segment: Segment) -> None:
        """Write both copies anew unless they are equal."""
        first, second = (self.folder / file for file in segment.files)
        if not (first.exists() and second.exists() and filecmp.cmp(first, second, shallow=False)):
            records = self._load(segment)
            if records is not None:
                self._write(segment, records)

    def _remove(self, *files: str) -> None:
        for file in files:
            try:
                (self.folder / file).unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(f"cannot remove {self.folder / file}: {error.strerror}") from error

    def _merge(self) -> None:
        """Make one segment of the last `TOGETHER` of a level."""
        level = 0
        while len(last := [s for s in self._segments() if s.level == level]) >= TOGETHER:
            parts = [self._load(segment) for segment in last]
            whole = [part for part in parts if part is not None]
            if len(whole) < len(parts) or any(a.end != b.first for a, b in zip(last, last[1:], strict=False)):
                return  # damage is for reading to tell
            joined = {name: np.concatenate([part[name] for part in whole]) for name in whole[0]}
            self._write(Segment(last[0].first, last[-1].end, level + 1), joined)
            for segment in last:
                self._remove(*segment.files)
            level += 1


def _parse(content: bytes) -> Records | None:
    """The records in the bytes of a file; None if these are not what was written."""
    try:
        if zipfile.ZipFile(io.BytesIO(content)).testzip() is not None:
            return None
        with np.load(io.BytesIO(content)) as stored:
            records = {name: stored[name] for name in stored.files}
        digest = records.pop(DIGEST)
    except MemoryError:
        raise
    except Exception:  # a flipped bit may lead to any
        return None
    return records if np.array_equal(digest, _digest(records)) else None


def _digest(records: Mapping[str, np.ndarray]) -> np.ndarray:
    """SHA-256 of names, types, shapes and values."""
    total = hashlib.sha256()
    for name, array in sorted(records.items()):
        total.update(repr((name, array.dtype.str, array.shape)).encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(total.digest(), np.uint8)
