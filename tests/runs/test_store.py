"""What is stored: sweeps join by what is there, checkpoints outlive a disk that refuses, directories know their settings."""

import asyncio
import errno
import fcntl
import gc
import io
import json
import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
import xarray as xr
import yaml

import dsm
from dsm import store
from dsm._errors import ConfigError, StoreError
from dsm._logging import silence_tasks
from dsm.config import Config
from dsm.store import Checkpoints, open_run
from dsm.store import _checkpoint as checkpoint_module
from dsm.store import _records as records_module


def stored(
    path: Path, value: float = 0.0, done: float | None = 0.0, sizes: dict | None = None, names=("energy",), **settings
) -> Path:
    """A run directory without a run: all variables have one value; settings by dotted key with __ for the dot."""
    path.mkdir(parents=True)
    config: dict = {"task": "sample", "experiment": "e", "seed": 0, "plugins": [], "run": {"root": str(path)}}
    for key, setting in settings.items():
        *sections, last = key.split("__")
        section = config
        for name in sections:
            section = section.setdefault(name, {})
        section[last] = setting
    (path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (path / ".lock").touch()
    sizes = sizes or {"layer": 2}
    values = np.full(tuple(sizes.values()), float(value))
    data = xr.Dataset(
        {name: (tuple(sizes), values, {"long_name": name, "units": "1"}) for name in names},
        {dim: np.arange(size) for dim, size in sizes.items() if dim != "machine"},
    )
    if beta := config.get("sampler", {}).get("beta"):
        data = data.expand_dims(beta=np.atleast_1d(np.asarray(beta, float)))
    store.write(data, path / "results.nc")
    if done is not None:
        (path / "DONE").write_text('{"value": null}')
        os.utime(path / "DONE", (done, done))
    return path


def test_null_is_a_value_of_a_swept_setting(tmp_path):
    for value, patterns in enumerate((500, None, 20)):
        stored(tmp_path / str(value), value=value, data__patterns=patterns)
    data = dsm.load_sweep(tmp_path)
    assert data.patterns.values.tolist() == ["20", "500", "null"]
    assert data.energy.sel(patterns="null").values.tolist() == [1, 1]
    assert data.energy.isel(layer=0).values.tolist() == [2, 0, 1]


def test_settings_that_only_some_runs_have(tmp_path):
    """Two moves at two widths: a parameter of one move is absent in the other."""
    for value, (width, move) in enumerate([(4, "gaussian"), (4, "heat_bath"), (5, "gaussian"), (5, "heat_bath")]):
        step = {"sampler__move__step_std": 0.3} if move == "gaussian" else {}
        stored(tmp_path / str(value), value=value, network__width=width, sampler__move__name=move, **step)
    data = dsm.load_sweep(tmp_path)
    assert data.sizes == {"width": 2, "name": 2, "step_std": 2, "layer": 2}
    assert data.step_std.values.tolist() == ["0.3", "null"]
    assert data.energy.sel(name="heat_bath", step_std="null", layer=1).values.tolist() == [1, 3]
    assert data.energy.sel(name="heat_bath", step_std="0.3").isnull().all()
    data.to_netcdf(tmp_path / "joined.nc", engine="h5netcdf")


def test_runs_that_differ_in_much_lie_side_by_side(tmp_path):
    """A grid of 2**12 cells for three runs would be nothing but NaN."""
    for seed in range(3):
        own = {f"data__s{seed}_{index}": 1.5 for index in range(4)}
        stored(tmp_path / str(seed), value=seed, seed=seed, network__depth=2 + seed, sizes={"layer": 2 + seed}, **own)
    data = dsm.load_sweep(tmp_path)
    assert data.energy.dims == ("run", "layer") and data.depth.values.tolist() == [2, 3, 4]
    assert data.s1_0.values.tolist() == ["null", "1.5", "null"]
    np.testing.assert_array_equal(data.energy.isel(layer=0), [0, 1, 2])
    assert data.energy.isnull().sum() == 3


def test_a_swept_setting_leaves_the_axis_of_its_name_alone(tmp_path):
    for seed, law in enumerate(("latent", "ambient")):
        path = tmp_path / str(seed)
        stored(path, data__stream__teacher=law, data__energy=seed, sizes={"teacher": 3, "machine": 4 + seed})
    data = dsm.load_sweep(tmp_path)
    assert data.sizes == {"data.stream.teacher": 2, "data.energy": 2, "teacher": 3, "machine": 5}
    assert data.teacher.values.tolist() == [0, 1, 2]
    assert data["data.stream.teacher"].values.tolist() == ["ambient", "latent"]


def test_variables_that_only_some_runs_have(tmp_path):
    stored(tmp_path / "a", names=("energy", "overlap"), sizes={"layer": 2, "pair": 2}, observe__quantities=["a"])
    stored(tmp_path / "b", names=("energy", "error"), sizes={"layer": 2}, observe__quantities=["a", "b"])
    stored(tmp_path / "c", names=("other",), sizes={"sweep": 3}, observe__quantities=[])
    data = dsm.load_sweep(tmp_path)
    there = {"energy": ["[a, b]", "[a]"], "overlap": ["[a]"], "error": ["[a, b]"], "other": ["[]"]}
    for name, having in there.items():
        dims = [dim for dim in data[name].dims if dim != "quantities"]
        assert data.quantities[data[name].notnull().any(dims)].values.tolist() == having
    assert data.quantities.values.tolist() == ["[]", "[a, b]", "[a]"]


def test_the_newest_of_equal_runs_counts(tmp_path, caplog):
    for name, time in (("seed=1", 10.0), ("seed=1~2", 30.0), ("seed=1~3", 20.0)):
        stored(tmp_path / name, value=time, done=time, seed=1)
    stored(tmp_path / "seed=2", seed=2)
    with caplog.at_level(logging.WARNING, "dsm"):
        data = dsm.load_sweep(tmp_path)
    assert data.sizes["seed"] == 2 and data.energy.sel(seed=1).values.tolist() == [30, 30]
    assert "seed=1~3 is left out: seed=1~2 has the same settings and is newer" in caplog.text


def test_unfinished_runs_are_named(tmp_path, caplog):
    stored(tmp_path / "a", seed=1)
    stored(tmp_path / "b", seed=2, done=None)
    with caplog.at_level(logging.WARNING, "dsm"):
        assert "seed" not in dsm.load_sweep(tmp_path).dims
    assert "left out, because they are unfinished: b" in caplog.text
    with pytest.raises(StoreError, match="no finished run below .* has seed = 2$"):
        dsm.load_sweep(tmp_path, seed=2)
    for wanted, said in (
        (3, "has seed = 3; of seed there is 1, 2$"),
        ("1", "has seed = '1'; of seed there is 1, 2$"),
        ([1, 2], r"of seed there is 1, 2; one value chooses runs, and .sel\(...\) of what is loaded several$"),
    ):
        with pytest.raises(StoreError, match=said):
            dsm.load_sweep(tmp_path, seed=wanted)
    with pytest.raises(StoreError, match="is not a run directory: it has runs below it, which dsm.load_sweep joins"):
        dsm.load(tmp_path)


def test_runs_are_chosen_by_task_and_settings(tmp_path):
    for index, (depth, beta) in enumerate([(2, 1.0), (2, 2.0), (4, 1.0), (4, [0.5, 2.0])]):
        stored(tmp_path / str(index), network__depth=depth, sampler__beta=beta, data__width=1, network__width=1)
    stored(tmp_path / "sgd", task="online_sgd", data__patterns=None)
    stored(tmp_path / "sgd2", task="online_sgd", data__patterns=3)
    with pytest.raises(StoreError, match="are of several tasks; choose task= one of online_sgd, sample"):
        dsm.load_sweep(tmp_path)
    data = dsm.load_sweep(tmp_path, task="sample")
    assert data.sizes == {"depth": 2, "beta": 3, "layer": 2} and data.beta.values.tolist() == [0.5, 1, 2]
    assert dsm.load_sweep(tmp_path, depth=4).beta.values.tolist() == [0.5, 1, 2]
    assert dsm.load_sweep(tmp_path, **{"network.depth": 2}).beta.values.tolist() == [1, 2]
    assert dsm.load_sweep(tmp_path, beta=[0.5, 2.0]).beta.values.tolist() == [0.5, 2]
    assert "patterns" not in dsm.load_sweep(tmp_path, task="online_sgd", patterns=None).dims
    with pytest.raises(StoreError, match="width = 1: could be network.width or data.width"):
        dsm.load_sweep(tmp_path, width=1)
    with pytest.raises(StoreError, match="dpth = 2: is not a setting of these runs; did you mean network.depth"):
        dsm.load_sweep(tmp_path, dpth=2)
    with pytest.raises(StoreError, match="sgdd: there is no such folder; did you mean sgd or sgd2"):
        dsm.load_sweep(tmp_path / "sgdd")


def test_a_part_is_chosen_by_its_name(tmp_path):
    for name in ("gaussian", "heat_bath"):
        stored(tmp_path / name, sampler__move__name=name, sampler__schedule__name="constant")
    chosen = dsm.load_sweep(tmp_path, move="gaussian")
    assert "name" not in chosen.dims and chosen.attrs["sampler.move.name"] == "gaussian"
    stored(tmp_path / "third", sampler__move__name="gaussian", sampler__inner__move__name="jump")
    with pytest.raises(StoreError, match=r"move = gaussian: could be sampler.move.name or sampler.inner.move.name"):
        dsm.load_sweep(tmp_path, move="gaussian")


def test_settings_keep_their_types(tmp_path):
    kinds = {"whole": 3, "real": 2.5, "infinite": np.inf, "text": "a", "numbers": [1, 2], "texts": ["a", "b"]}
    others = {"yes": True, "no": False, "nothing": None, "mixed": [1, "a"], "empty": []}
    data = dsm.load(stored(tmp_path / "run", **{f"data__{name}": value for name, value in (kinds | others).items()}))
    told = {"yes": 1, "no": 0, "nothing": "null", "mixed": "[1, 'a']", "empty": []}
    for name, value in (kinds | told).items():
        assert data.attrs[f"data.{name}"] == value and type(data.attrs[f"data.{name}"]) is type(value)
    data.to_netcdf(tmp_path / "again.nc", engine="h5netcdf")
    again = xr.load_dataset(tmp_path / "again.nc", engine="h5netcdf").attrs
    assert again["data.whole"] == 3 and again["data.infinite"] == np.inf and again["data.nothing"] == "null"
    np.testing.assert_array_equal(again["data.numbers"], [1, 2])


def test_results_that_are_damaged_are_a_clear_error(tmp_path):
    path = stored(tmp_path / "run")
    os.truncate(path / "results.nc", 100)
    with pytest.raises(StoreError, match="cannot read .*results.nc"):
        dsm.load(path)
    (path / "config.yaml").write_text("")
    with pytest.raises(StoreError, match="config.yaml holds no configuration"):
        dsm.load(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_kind_of_damage_is_a_clear_error(tmp_path):
    """h5py and xarray have many errors, and h5netcdf fails once more when it closes what is half open."""
    path = stored(tmp_path / "run")
    whole = (path / "results.nc").read_bytes()
    draw, refused = np.random.default_rng(0), 0
    for _ in range(40):
        damaged = bytearray(whole)
        for place in draw.integers(0, len(whole), 20):
            damaged[place] ^= 255
        (path / "results.nc").write_bytes(damaged)
        try:
            dsm.load(path)  # what is damaged may be nothing that is read
        except StoreError as error:
            assert "cannot read" in str(error)
            refused += 1
    assert refused > 10


# Checkpoints


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


TRANSIENT = {
    "EIO": OSError(errno.EIO, "Input/output error"),
    "EACCES": PermissionError(errno.EACCES, "Permission denied"),
    "ESTALE": OSError(errno.ESTALE, "Stale file handle"),
    "memory": MemoryError(),
    "tensorstore": ValueError("DATA_LOSS: Error reading local file [OS error 5: Input/output error]"),
}


@pytest.mark.parametrize("name", list(TRANSIENT))
def test_a_disk_that_refuses_for_a_moment_costs_no_checkpoint(two, monkeypatch, name):
    restore, calls = ocp.CheckpointManager.restore, []

    def refuse(manager, *arguments, **options):
        calls.append(arguments)
        if len(calls) <= refusals:
            raise TRANSIENT[name]
        return restore(manager, *arguments, **options)

    monkeypatch.setattr(ocp.CheckpointManager, "restore", refuse)
    before, refusals = snapshot(two.parent), 3
    with Checkpoints(two, 3) as checkpoints, pytest.raises(StoreError, match="at sweep 2 in .*run the same command"):
        checkpoints.load_newest()
    assert len(calls) == 3 and snapshot(two.parent) == before
    refusals = 5
    with Checkpoints(two, 3) as checkpoints:
        assert checkpoints.load_newest()[0] == 2  # the third attempt
    assert snapshot(two.parent) == before


def test_a_checkpoint_that_cannot_be_read_is_not_called_damaged(two, monkeypatch):
    """Whatever orbax says: while a file of it cannot be read, nothing is proved."""
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


def test_after_damage_to_all_checkpoints_nothing_starts_afresh_unasked(two):
    for sweep in (1, 2):
        (two / str(sweep) / "meta" / "metadata").write_text("{")
    for _ in range(2):  # the same command again
        with Checkpoints(two, 3) as checkpoints, pytest.raises(StoreError, match="run.resume=never starts afresh"):
            checkpoints.load_newest()


def history(first: int, end: int) -> dict[str, np.ndarray]:
    return {"times": np.arange(first, end), "record:q": np.arange(first, end)[:, None] ** 2.0}


def long_run(folder: Path, checkpoints: int, keep: int = 3) -> None:
    """Checkpoints after every 2 records."""
    with Checkpoints(folder, keep) as stored:
        for number in range(checkpoints):
            stored.save(number, {"a": np.ones(2) * number}, 2 * number, history(2 * number, 2 * number + 2))


def resumed(folder: Path) -> tuple[int, int]:
    """Sweep of the newest good checkpoint, and how many records it has."""
    with Checkpoints(folder, 3) as stored:
        sweep, arrays, records = stored.load_newest()
    number = len(records["times"])
    expected = history(0, number)
    assert set(records) == set(expected) and arrays["a"][0] == sweep
    for name, values in expected.items():
        np.testing.assert_array_equal(records[name], values)
    return sweep, number


def test_a_checkpoint_writes_the_new_records_alone(tmp_path, monkeypatch):
    written = []
    replace = records_module.replace_file
    monkeypatch.setattr(
        records_module, "replace_file", lambda path, write: (replace(path, write), written.append(path.stat().st_size))
    )
    long_run(tmp_path / "checkpoints", 20)
    assert len(written) == 40 and len(set(written)) == 1  # two copies of each segment
    assert resumed(tmp_path / "checkpoints") == (19, 40)


def test_segments_become_longer_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(records_module, "TOGETHER", 3)
    long_run(tmp_path / "checkpoints", 32)
    names = {path.name for path in (tmp_path / "records").iterdir()}
    assert names == {f"{part}.{copy}.npz" for part in ("0-54.3", "54-60.1", "60-62.0", "62-64.0") for copy in "ab"}
    assert resumed(tmp_path / "checkpoints") == (31, 64)


def test_one_damaged_copy_of_a_segment_costs_nothing(tmp_path, caplog):
    long_run(tmp_path / "checkpoints", 4)
    flip(tmp_path / "records" / "2-4.0.a.npz")
    (tmp_path / "records" / "4-6.0.b.npz").write_bytes(b"")
    (tmp_path / "records" / "6-8.0.a.npz").unlink()
    assert resumed(tmp_path / "checkpoints") == (3, 8)
    assert "2-4.0.a.npz is damaged" in caplog.text
    for part in ("0-2", "2-4", "4-6", "6-8"):  # both are whole again
        assert len({(tmp_path / "records" / f"{part}.0.{copy}.npz").read_bytes() for copy in "ab"}) == 1


def test_no_flipped_bit_of_a_segment_goes_unnoticed():
    """Some lead zipfile to leave out arrays, or to ask for a password."""
    file = io.BytesIO()
    records = history(0, 2)
    np.savez(file, **records, digest=records_module._digest(records))
    content = file.getvalue()
    assert records_module._parse(content) is not None
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        found = records_module._parse(bytes(flipped))
        if found is not None:  # of a date, say
            assert set(found) == set(records)
            for name, values in records.items():
                np.testing.assert_array_equal(found[name], values, strict=True)


def test_records_without_a_checkpoint_are_dropped(tmp_path):
    """A kill between the first segment and the first checkpoint."""
    with Checkpoints(tmp_path / "checkpoints", 3) as stored:
        stored.records.append(0, history(0, 5))
    (tmp_path / "records" / ".5-6.0.a.npz.tmp").write_bytes(b"half")
    with Checkpoints(tmp_path / "checkpoints", 3) as stored:
        assert stored.load_newest() is None
    assert not list((tmp_path / "records").iterdir())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_two_damaged_copies_cost_the_checkpoints_that_need_them(tmp_path, caplog):
    long_run(tmp_path / "checkpoints", 4)
    for copy in "ab":
        flip(tmp_path / "records" / f"6-8.0.{copy}.npz")
    assert resumed(tmp_path / "checkpoints") == (2, 6)
    assert "checkpoint at sweep 3 is damaged and set aside (its records from number 6 on are damaged" in caplog.text
    assert not list((tmp_path / "records").glob("6-8*"))
    for copy in "ab":
        flip(tmp_path / "records" / f"0-2.0.{copy}.npz")
    with pytest.raises(StoreError, match="run.resume=never starts afresh"):
        resumed(tmp_path / "checkpoints")


def test_records_beyond_the_checkpoint_are_made_again(tmp_path, monkeypatch):
    """A kill between a segment and its checkpoint, and a damaged checkpoint after a longer segment was made."""
    monkeypatch.setattr(records_module, "TOGETHER", 3)
    folder = tmp_path / "checkpoints"
    long_run(folder, 2)
    with Checkpoints(folder, 3) as stored:
        stored.records.append(4, history(4, 6))
    assert {path.name for path in (tmp_path / "records").iterdir()} == {"0-6.1.a.npz", "0-6.1.b.npz"}
    assert resumed(folder) == (1, 4)
    assert {path.name for path in (tmp_path / "records").iterdir()} == {"0-4.1.a.npz", "0-4.1.b.npz"}
    with Checkpoints(folder, 3) as stored:
        stored.save(2, {"a": np.ones(2) * 2}, 4, history(4, 7))
    assert resumed(folder) == (2, 7)


@pytest.mark.parametrize("shape", [(), (3,), (4, 6), (2, 4, 3)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "int8"])
def test_checksums_do_not_depend_on_how_an_array_is_divided(shape, dtype, monkeypatch):
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


def test_a_checkpoint_of_an_older_form_is_refused_clearly(two):
    meta = two / "2" / "meta" / "metadata"
    meta.write_text(json.dumps({"digest": "0" * 64}))
    before = snapshot(two.parent)
    with Checkpoints(two, 3) as checkpoints, pytest.raises(StoreError, match="at sweep 2 .* is of an older dsm"):
        checkpoints.load_newest()
    assert snapshot(two.parent) == before


# Run directories


@dataclass
class Old(Config):
    """The settings of a task as they were."""

    rate: float


@dataclass
class Section:
    size: int
    added: int = 3


@dataclass
class New(Old):
    """The same later: with settings that have defaults, at the top and in sections."""

    law: str = "uniform"
    choices: list[int] = field(default_factory=lambda: [1, 2])
    section: Section = field(default_factory=lambda: Section(7))


def base(path: Path) -> dict:
    config = dsm.compose("experiment=quickstart", f"run.dir={path}")
    return {"task": "sample", "experiment": "e", "seed": 0, "plugins": [], "run": config.run}


def test_settings_that_are_younger_than_a_run_have_their_defaults(tmp_path):
    path = tmp_path / "run"
    with open_run(path, Old(**base(path), rate=0.5)):
        pass
    assert New.defaults() == {"law": "uniform", "choices": [1, 2], "section.size": 7, "section.added": 3}
    with open_run(path, New(**base(path), rate=0.5)):
        pass
    with pytest.raises(StoreError, match="law: uniform there, normal now"):
        with open_run(path, New(**base(path), rate=0.5, law="normal")):
            pass


def test_defaults_of_fields_inside_a_section_without_one():
    @dataclass
    class Nested(Config):
        section: Section

    Nested.__annotations__["section"] = Section
    assert Nested.defaults() == {"section.added": 3}


def test_checking_changes_nothing():
    config = dsm.compose("experiment=quickstart", "data=digits")
    assert config.network.width == 64
    config.network.width = 12
    with pytest.raises(ConfigError, match="data.inputs.width = 12: must be 64"):
        config.check()
    assert config.completed().network.width == 64 and config.network.width == 12


@pytest.mark.parametrize("name", ["manifest.json", "log.txt", ".lock", ".config.yaml.tmp"])
def test_what_a_crash_left_before_the_configuration_is_no_obstacle(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with open_run(tmp_path, dsm.compose("experiment=quickstart")):
        assert (tmp_path / "config.yaml").exists()


def test_a_file_system_without_locks_is_used_with_a_warning(tmp_path, monkeypatch, caplog):
    def refuse_with(number):
        def refuse(*arguments):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", refuse)

    for number in (errno.ENOSYS, errno.ENOTSUP):
        refuse_with(number)
        with caplog.at_level(logging.WARNING, "dsm"), open_run(tmp_path, dsm.compose("experiment=quickstart")):
            assert "has no locks" in caplog.text
        caplog.clear()
    refuse_with(errno.EIO)
    with pytest.raises(StoreError, match="cannot use the run directory"):
        with open_run(tmp_path, dsm.compose("experiment=quickstart")):
            pass


def test_manifest_says_what_precision_the_task_has():
    facts = json.loads(store.manifest({"run_s": 1.23456}, {"theory": "float64"}))
    assert facts["precision"] == {"theory": "float64", "x64": True} and facts["timings"] == {"run_s": 1.235}


@pytest.mark.parametrize(("package", "told"), [("orbax", 0), ("mine", 1)])
def test_a_failed_task_of_orbax_is_not_logged_twice(caplog, package, told):
    """Its first error is raised; asyncio would print those of the other tasks when they are collected."""
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
    assert len(closed) == told
    assert len([record for record in caplog.records if record.name == "asyncio"]) == told
