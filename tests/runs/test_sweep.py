"""Stored results are loaded, one run alone or many joined along the settings in which they differ."""

import itertools
import logging
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import dsm
from dsm import store
from dsm._errors import StoreError


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


#: The settings of a grid of runs, by the key in `stored`. The order of values is that of the joined axis.
GRID = {"network__depth": (2, 4, 10), "sampler__move__name": ("gaussian", "heat_bath"), "data__patterns": (20, None)}
CELLS = list(itertools.product(*(range(len(values)) for values in GRID.values())))


@pytest.fixture(scope="module")
def grid(tmp_path_factory) -> Path:
    """All runs of the grid; the energy is the number of the run."""
    folder = tmp_path_factory.mktemp("grid")
    for number, cell in enumerate(CELLS):
        own = {key: values[at] for (key, values), at in zip(GRID.items(), cell, strict=True)}
        stored(folder / str(number), value=number, done=float(number), **own)
    return folder


@pytest.mark.quick
@settings(derandomize=True, deadline=None, max_examples=12)
@given(numbers=st.sets(st.sampled_from(range(len(CELLS))), min_size=1))
def test_load_sweep_places_every_subset_of_a_grid(grid, numbers):
    """Runs lie at their settings, null among them, and everything else is NaN."""
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            shutil.copytree(grid / str(number), Path(folder, str(number)))
        data = dsm.load_sweep(folder)
    there = [sorted({CELLS[number][axis] for number in numbers}) for axis in range(len(GRID))]
    names = dict(zip(("depth", "name", "patterns"), zip(GRID.values(), there, strict=True), strict=True))
    swept = {name: [values[at] for at in own] for name, (values, own) in names.items() if len(own) > 1}
    expected = np.full([len(own) for own in there], np.nan)
    for number in numbers:
        expected[tuple(own.index(at) for own, at in zip(there, CELLS[number], strict=True))] = number
    found = data.energy.isel(layer=0).transpose(*swept)
    np.testing.assert_array_equal(found, expected.reshape(found.shape))
    for name, values in swept.items():
        assert data[name].values.tolist() == (["20", "null"] if name == "patterns" else values)


def test_load_sweep_names_absent_settings_null(tmp_path):
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


def test_load_sweep_of_a_sparse_grid_has_the_dimension_run(tmp_path):
    """A grid of 2**12 cells for three runs would be nothing but NaN."""
    for seed in range(3):
        own = {f"data__s{seed}_{index}": 1.5 for index in range(4)}
        stored(tmp_path / str(seed), value=seed, seed=seed, network__depth=2 + seed, sizes={"layer": 2 + seed}, **own)
    data = dsm.load_sweep(tmp_path)
    assert data.energy.dims == ("run", "layer") and data.depth.values.tolist() == [2, 3, 4]
    assert data.s1_0.values.tolist() == ["null", "1.5", "null"]
    np.testing.assert_array_equal(data.energy.isel(layer=0), [0, 1, 2])
    assert data.energy.isnull().sum() == 3


def test_load_sweep_keeps_axes_of_results_and_settings_apart(tmp_path):
    for seed, law in enumerate(("latent", "ambient")):
        path = tmp_path / str(seed)
        stored(path, data__stream__teacher=law, data__energy=seed, sizes={"teacher": 3, "machine": 4 + seed})
    data = dsm.load_sweep(tmp_path)
    assert data.sizes == {"data.stream.teacher": 2, "data.energy": 2, "teacher": 3, "machine": 5}
    assert data.teacher.values.tolist() == [0, 1, 2]
    assert data["data.stream.teacher"].values.tolist() == ["ambient", "latent"]


def test_load_sweep_joins_variables_that_only_some_runs_have(tmp_path):
    stored(tmp_path / "a", names=("energy", "overlap"), sizes={"layer": 2, "pair": 2}, observe__quantities=["a"])
    stored(tmp_path / "b", names=("energy", "error"), sizes={"layer": 2}, observe__quantities=["a", "b"])
    stored(tmp_path / "c", names=("other",), sizes={"sweep": 3}, observe__quantities=[])
    data = dsm.load_sweep(tmp_path)
    there = {"energy": ["[a, b]", "[a]"], "overlap": ["[a]"], "error": ["[a, b]"], "other": ["[]"]}
    for name, having in there.items():
        dims = [dim for dim in data[name].dims if dim != "quantities"]
        assert data.quantities[data[name].notnull().any(dims)].values.tolist() == having
    assert data.quantities.values.tolist() == ["[]", "[a, b]", "[a]"]


def test_load_sweep_takes_the_newest_of_equal_runs(tmp_path, caplog):
    for name, time in (("seed=1", 10.0), ("seed=1~2", 30.0), ("seed=1~3", 20.0)):
        stored(tmp_path / name, value=time, done=time, seed=1)
    stored(tmp_path / "seed=2", seed=2)
    with caplog.at_level(logging.WARNING, "dsm"):
        data = dsm.load_sweep(tmp_path)
    assert data.sizes["seed"] == 2 and data.energy.sel(seed=1).values.tolist() == [30, 30]
    assert "seed=1~3 is left out: seed=1~2" in caplog.text


def test_load_sweep_leaves_out_and_names_unfinished_runs(tmp_path, caplog):
    stored(tmp_path / "a", seed=1)
    stored(tmp_path / "b", seed=2, done=None)
    with caplog.at_level(logging.WARNING, "dsm"):
        assert "seed" not in dsm.load_sweep(tmp_path).dims
    assert "unfinished: b" in caplog.text
    with pytest.raises(StoreError, match="seed = 2$"):
        dsm.load_sweep(tmp_path, seed=2)
    for wanted, message in (
        (3, "seed = 3; .* 1, 2$"),
        ("1", "seed = '1'; .* 1, 2$"),
        ([1, 2], r"seed = .* 1, 2; .*\.sel\("),
    ):
        with pytest.raises(StoreError, match=message):
            dsm.load_sweep(tmp_path, seed=wanted)
    with pytest.raises(StoreError, match="is not a run directory: .*dsm.load_sweep"):
        dsm.load(tmp_path)


def test_load_sweep_chooses_runs_by_task_and_settings(tmp_path):
    for index, (depth, beta) in enumerate([(2, 1.0), (2, 2.0), (4, 1.0), (4, [0.5, 2.0])]):
        stored(tmp_path / str(index), network__depth=depth, sampler__beta=beta, data__width=1, network__width=1)
    stored(tmp_path / "sgd", task="online_sgd", data__patterns=None)
    stored(tmp_path / "sgd2", task="online_sgd", data__patterns=3)
    with pytest.raises(StoreError, match="task= one of online_sgd, sample"):
        dsm.load_sweep(tmp_path)
    data = dsm.load_sweep(tmp_path, task="sample")
    assert data.sizes == {"depth": 2, "beta": 3, "layer": 2} and data.beta.values.tolist() == [0.5, 1, 2]
    assert dsm.load_sweep(tmp_path, depth=4).beta.values.tolist() == [0.5, 1, 2]
    assert dsm.load_sweep(tmp_path, **{"network.depth": 2}).beta.values.tolist() == [1, 2]
    assert dsm.load_sweep(tmp_path, beta=[0.5, 2.0]).beta.values.tolist() == [0.5, 2]
    assert "patterns" not in dsm.load_sweep(tmp_path, task="online_sgd", patterns=None).dims
    with pytest.raises(StoreError, match="width = 1: .*network.width or data.width"):
        dsm.load_sweep(tmp_path, width=1)
    with pytest.raises(StoreError, match="dpth = 2: .*did you mean network.depth"):
        dsm.load_sweep(tmp_path, dpth=2)
    with pytest.raises(StoreError, match="sgdd: .*did you mean sgd or sgd2"):
        dsm.load_sweep(tmp_path / "sgdd")


def test_load_sweep_chooses_a_component_by_its_name(tmp_path):
    for name in ("gaussian", "heat_bath"):
        stored(tmp_path / name, sampler__move__name=name, sampler__schedule__name="constant")
    chosen = dsm.load_sweep(tmp_path, move="gaussian")
    assert "name" not in chosen.dims and chosen.attrs["sampler.move.name"] == "gaussian"
    stored(tmp_path / "third", sampler__move__name="gaussian", sampler__inner__move__name="jump")
    with pytest.raises(StoreError, match=r"move = gaussian: .*sampler.move.name or sampler.inner.move.name"):
        dsm.load_sweep(tmp_path, move="gaussian")


@pytest.mark.quick
def test_loaded_settings_keep_their_types(tmp_path):
    kinds = {"whole": 3, "real": 2.5, "infinite": np.inf, "text": "a", "numbers": [1, 2], "texts": ["a", "b"]}
    others = {"yes": True, "no": False, "nothing": None, "mixed": [1, "a"], "empty": []}
    data = dsm.load(stored(tmp_path / "run", **{f"data__{name}": value for name, value in (kinds | others).items()}))
    stored_as = {"yes": 1, "no": 0, "nothing": "null", "mixed": "[1, 'a']", "empty": []}
    for name, value in (kinds | stored_as).items():
        assert data.attrs[f"data.{name}"] == value and type(data.attrs[f"data.{name}"]) is type(value)
    data.to_netcdf(tmp_path / "again.nc", engine="h5netcdf")
    again = xr.load_dataset(tmp_path / "again.nc", engine="h5netcdf").attrs
    assert again["data.whole"] == 3 and again["data.infinite"] == np.inf and again["data.nothing"] == "null"
    np.testing.assert_array_equal(again["data.numbers"], [1, 2])


@pytest.mark.quick
def test_load_of_truncated_results_is_a_store_error(tmp_path):
    path = stored(tmp_path / "run")
    os.truncate(path / "results.nc", 100)
    with pytest.raises(StoreError, match="cannot read .*results.nc"):
        dsm.load(path)
    (path / "config.yaml").write_text("")
    with pytest.raises(StoreError, match="config.yaml"):
        dsm.load(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_load_of_damaged_results_is_a_store_error(tmp_path):
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
