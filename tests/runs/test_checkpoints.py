"""Checkpoints are whole or set aside, and an error of the disk loses none."""

import asyncio
import errno
import gc
import json
import logging
import sys
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from dsm._errors import StoreError
from dsm._logging import silence_tasks
from dsm.store import Checkpoints
from dsm.store import _checkpoint as checkpoint_module


@pytest.fixture
def two(tmp_path, monkeypatch) -> Path:
    """A folder with checkpoints at 1 and 2."""
    monkeypatch.setattr(checkpoint_module, "RETRY_AFTER", (0.01, 0.01), raising=False)
    folder = tmp_path / "run" / "checkpoints"
    with Checkpoints(folder, 3) as checkpoints:
        for sweep in (1, 2):
            checkpoints.save(sweep, {"a": np.arange(6.0) + sweep})
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.quick
def test_altered_checkpoint_is_found_by_its_checksum(two):
    meta = two / "2" / "meta" / "metadata"
    meta.write_text(meta.read_text().replace(str(checkpoint_module.checksum(np.arange(6.0) + 2)), "7"))
    with Checkpoints(two, 3) as checkpoints:
        sweep, arrays, _ = checkpoints.load_newest()
    assert sweep == 1
    np.testing.assert_array_equal(arrays["a"], np.arange(6.0) + 1)


@pytest.mark.quick
@pytest.mark.parametrize("damage", ["deleted", "dangling link"])
def test_missing_file_of_a_checkpoint_is_damage(two, caplog, damage):
    """A failing disk is waited for; a file that is not there is not."""
    meta = two / "2" / "meta" / "metadata"
    meta.unlink()
    if damage == "dangling link":
        meta.symlink_to("nowhere")
    with Checkpoints(two, 3) as checkpoints:
        assert checkpoints.load_newest()[0] == 1
    assert "checkpoint at sweep 2 is damaged" in caplog.text


TRANSIENT = {
    "EIO": OSError(errno.EIO, "Input/output error"),
    "EACCES": PermissionError(errno.EACCES, "Permission denied"),
    "ESTALE": OSError(errno.ESTALE, "Stale file handle"),
    "memory": MemoryError(),
    "tensorstore": ValueError("DATA_LOSS: Error reading local file [OS error 5: Input/output error]"),
}


@pytest.mark.parametrize("name", list(TRANSIENT))
def test_read_error_that_passes_damages_no_checkpoint(two, monkeypatch, name):
    restore, calls = ocp.CheckpointManager.restore, []

    def refuse(manager, *arguments, **options):
        calls.append(arguments)
        if len(calls) <= refusals:
            raise TRANSIENT[name]
        return restore(manager, *arguments, **options)

    monkeypatch.setattr(ocp.CheckpointManager, "restore", refuse)
    before, refusals = snapshot(two.parent), 3
    with Checkpoints(two, 3) as checkpoints, pytest.raises(StoreError, match="at sweep 2 .*run the same command"):
        checkpoints.load_newest()
    assert len(calls) == 3 and snapshot(two.parent) == before
    refusals = 5
    with Checkpoints(two, 3) as checkpoints:
        assert checkpoints.load_newest()[0] == 2  # the third attempt
    assert snapshot(two.parent) == before


def test_unreadable_checkpoint_is_not_called_damaged(two, monkeypatch):
    """While one of its files cannot be read nothing is proved, whatever orbax raises."""
    (two / "2" / "meta" / "metadata").write_text("{")
    opened = open

    def refuse(path, *arguments, **options):
        if str(path).startswith(str(two / "2" / "arrays")):
            raise OSError(errno.EIO, "Input/output error")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(checkpoint_module, "open", refuse, raising=False)
    with Checkpoints(two, 3) as checkpoints:
        with pytest.raises(StoreError, match="nothing is changed"):
            checkpoints.load_newest()
        monkeypatch.setattr(checkpoint_module, "open", opened)
        assert checkpoints.load_newest()[0] == 1
    assert (two.parent / "damaged-checkpoint-2").is_dir()


@pytest.mark.quick
def test_damage_to_all_checkpoints_is_an_error(two):
    for sweep in (1, 2):
        (two / str(sweep) / "meta" / "metadata").write_text("{")
    for _ in range(2):  # the same command again
        with Checkpoints(two, 3) as checkpoints, pytest.raises(StoreError, match="run.resume=never"):
            checkpoints.load_newest()


def test_disk_error_while_saving_names_the_last_good_checkpoint(tmp_path, monkeypatch):
    with Checkpoints(tmp_path, 3) as checkpoints:
        checkpoints.save(5, {"a": np.ones(3)})

        def refuse(*arguments, **options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ocp.CheckpointManager, "save", refuse)
        with pytest.raises(StoreError, match=r"at sweep 9 .* sweep 5.*No space left"):
            checkpoints.save(9, {"a": np.ones(3)})
        assert checkpoints.sweeps == [5]


@pytest.mark.parametrize("shape", [(), (3,), (4, 6), (2, 4, 3)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "int8"])
def test_checksum_does_not_depend_on_how_an_array_is_divided(shape, dtype, monkeypatch):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    whole = checkpoint_module.checksum(array)
    for axis, size in enumerate(shape):
        parts = 0
        for place in range(size):
            index = tuple(slice(place, place + 1) if k == axis else slice(None) for k in range(len(shape)))
            parts += checkpoint_module._checksum(array[index], index, shape)
        assert parts % 2**64 == whole
    assert checkpoint_module.checksum(jax.device_put(array)) == whole
    monkeypatch.setattr(checkpoint_module, "PIECE", 2)
    assert checkpoint_module.checksum(array) == whole
    other = array.copy()
    other.reshape(-1)[-1] = 1 - other.reshape(-1)[-1]
    assert checkpoint_module.checksum(other) != whole
    if array.size > 1 and len(np.unique(array[:2])) > 1:
        assert checkpoint_module.checksum(np.roll(array.reshape(-1), 1).reshape(shape)) != whole


def test_checkpoint_of_an_older_format_is_refused(two):
    meta = two / "2" / "meta" / "metadata"
    meta.write_text(json.dumps({"digest": "0" * 64}))
    before = snapshot(two.parent)
    with Checkpoints(two, 3) as checkpoints, pytest.raises(StoreError, match="at sweep 2 .* older dsm"):
        checkpoints.load_newest()
    assert snapshot(two.parent) == before


@pytest.mark.parametrize(("package", "logged"), [("orbax", 0), ("mine", 1)])
def test_failed_task_of_orbax_is_not_logged_twice(caplog, package, logged):
    """Its first error is raised; asyncio would log those of the other tasks when they are collected."""
    code = """
import asyncio
async def fail():
    raise OSError
async def both():
    tasks = [asyncio.ensure_future(fail()) for _ in range(2)]
    await asyncio.sleep(0)
    await tasks[0]
async def wait():
    try:
        await asyncio.sleep(0)
    except BaseException as error:
        raise OSError from error
"""
    space: dict = {}
    exec(compile(code, f"/somewhere/{package}/reader.py", "exec"), space)
    asyncio_log = logging.getLogger("asyncio")
    before, hook, closed = list(asyncio_log.filters), sys.unraisablehook, []
    asyncio_log.filters.clear()  # of tests before this one
    sys.unraisablehook = closed.append
    silence_tasks("orbax"), silence_tasks("orbax")
    try:
        assert len(asyncio_log.filters) == 1
        with pytest.raises(OSError):
            asyncio.run(space["both"]())
        waiting = space["wait"]()
        waiting.send(None)
        del waiting
        gc.collect()
    finally:
        asyncio_log.filters[:] = before
        sys.unraisablehook = hook
    assert len(closed) == logged
    assert len([record for record in caplog.records if record.name == "asyncio"]) == logged
