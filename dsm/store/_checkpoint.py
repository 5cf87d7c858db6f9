"""Checkpoints: orbax, the last few kept, verified on reading."""

import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dsm._errors import StoreError
from dsm._logging import root_untouched
from dsm.store._run_directory import remove

with root_untouched():
    import orbax.checkpoint as ocp

Arrays = dict[str, np.ndarray]

#: Seconds between attempts to read a checkpoint on a disk that refuses.
RETRY_AFTER = (0.5, 1.5)
#: How tensorstore spells an error of the disk; 2 is a file that is not there.
DISK_ERROR = re.compile(r"OS error (?!2\b)\d+|RESOURCE_EXHAUSTED")

logger = logging.getLogger("dsm")


class _Damaged(Exception):
    """A checkpoint is not what was written."""


class Checkpoints:
    """The checkpoints of a run: named arrays by the number of sweeps done.

    Orbax writes each into a temporary folder and renames it when it is whole, so a kill leaves the ones before. What was
    damaged later is found by a digest over all arrays.

    Arguments:
        folder: where they are.
        keep: how many of the last ones stay.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        with disk_errors(f"cannot use {folder}"):
            self._manager = ocp.CheckpointManager(folder, options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *exception: object) -> None:
        self._manager.close()

    @property
    def sweeps(self) -> list[int]:
        """Sweeps at which there is a checkpoint, ascending."""
        return sorted(self._manager.all_steps())

    def save(self, sweep: int, arrays: Arrays) -> None:
        """Write a checkpoint, whole or not at all.

        Raises:
            StoreError: the disk refuses; the checkpoints before are as they were.
        """
        if sweep in self.sweeps:
            return
        kept = {name: array for name, array in arrays.items() if array.size}  # orbax refuses empty arrays
        meta = {"digest": digest(kept)}
        last = f"the last good checkpoint is at sweep {self.sweeps[-1]}" if self.sweeps else "there is none before it"
        with disk_errors(f"cannot write the checkpoint at sweep {sweep} in {self.folder}; {last}", self._sweep_out):
            self._manager.save(
                sweep, args=ocp.args.Composite(arrays=ocp.args.StandardSave(kept), meta=ocp.args.JsonSave(meta))
            )

    def load_newest(self) -> tuple[int, Arrays] | None:
        """The newest whole checkpoint, or None if there has been none at all.

        One that is provably damaged (its files can be read, and are not what was written) is set aside with a warning, and
        the one before is used. What cannot be read at the moment is tried again, and then left as it is.

        Raises:
            StoreError: a checkpoint cannot be read, or all that there were are damaged.
        """
        for sweep in reversed(self.sweeps):
            try:
                return sweep, self._load_patiently(sweep)
            except _Damaged as damage:
                logger.warning("checkpoint at sweep %d is damaged and set aside (%s)", sweep, damage)
                self._set_aside(sweep)
        if aside := sorted(path.name for path in self.folder.parent.glob("damaged-checkpoint-*")):
            raise StoreError(
                f"no checkpoint in {self.folder} is readable ({', '.join(aside)}); "
                "run.resume=never starts afresh beside it"
            )
        return None

    def _load_patiently(self, sweep: int) -> Arrays:
        for wait in (*RETRY_AFTER, None):
            try:
                return self._load(sweep)
            except _Damaged:
                raise
            except Exception as error:  # orbax and tensorstore raise whatever the disk or the damage leads to
                reason = _first_line(error)
                if not _is_transient(error) and _all_readable(self.folder / str(sweep)):
                    raise _Damaged(reason) from error
            if wait is not None:
                time.sleep(wait)
        raise StoreError(
            f"cannot read the checkpoint at sweep {sweep} in {self.folder} at the moment, and nothing is changed: "
            f"run the same command again ({reason})"
        )

    def _load(self, sweep: int) -> Arrays:
        restored = self._manager.restore(
            sweep, args=ocp.args.Composite(arrays=ocp.args.StandardRestore(), meta=ocp.args.JsonRestore())
        )
        arrays = {name: np.asarray(array) for name, array in restored.arrays.items()}
        if digest(arrays) != restored.meta["digest"]:
            raise _Damaged("its digest does not match its arrays")
        return arrays

    def _set_aside(self, sweep: int) -> None:
        damaged = self.folder / str(sweep)
        aside = self.folder.parent / f"damaged-checkpoint-{sweep}"
        remove(aside)
        damaged.rename(aside)
        self._manager.reload()

    def _sweep_out(self) -> None:
        for partial in self.folder.glob("*orbax-checkpoint-tmp*"):
            remove(partial)


def check_shapes(arrays: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a checkpoint whose arrays are not those of this run.

    Raises:
        StoreError: naming the arrays and their shapes.
    """
    wrong = [
        f"  {name}: {arrays[name].shape if name in arrays else 'absent'} there, {shape} needed"
        for name, shape in expected.items()
        if 0 not in shape and (name not in arrays or arrays[name].shape != shape)
    ]
    if wrong:
        raise StoreError("the checkpoint is of another run:\n" + "\n".join(wrong))


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def _is_transient(error: BaseException | None) -> bool:
    """Whether the disk or the memory refused, here or in what led to the error. A file that is not there is damage."""
    while error is not None:
        refused = isinstance(error, (OSError, MemoryError)) and not isinstance(error, FileNotFoundError)
        if refused or DISK_ERROR.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _all_readable(folder: Path) -> bool:
    """Whether every file below `folder` can be read from its beginning to its end."""

    def refuse(error: OSError) -> None:
        raise error

    try:
        for where, _, names in os.walk(folder, onerror=refuse):
            for name in names:
                with open(os.path.join(where, name), "rb") as file:
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
        raise StoreError(f"{what}: {reason}") from error
