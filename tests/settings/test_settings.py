"""The configuration: composition, ranges, messages, run directories."""

import itertools
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

import dsm
from dsm import tasks
from dsm._errors import CapacityError, StoreError
from dsm._random import root_key
from dsm.samplers import SCHEDULES
from dsm.store import afresh, newest, open_run
from dsm.tasks import changes, folder, path_of
from dsm.tasks._times import record_sweeps
from dsm.tasks.sample._build import make_driver, plan

EXPERIMENTS = sorted(path.stem for path in (folder() / "experiment").glob("*.yaml"))


@pytest.mark.quick
def test_whole_floats_in_lists_are_integers():
    config = dsm.compose("sampler.sweeps=1e3", "observe.references=[0,1e2]")
    assert repr(config) == repr(dsm.compose("sampler.sweeps=1000", "observe.references=[0,100]"))


def test_too_little_memory_is_refused_with_the_largest_run_that_fits(tmp_path):
    small = ("experiment=quickstart", f"run.root={tmp_path}", "run.memory_gib=0.05", "sampler.replicas=4096")
    with pytest.raises(
        CapacityError, match=r"sampler.replicas = 4096: .* GiB are there; sampler.replicas=(\d+)"
    ) as caught:
        dsm.run(*small)
    fits = int(str(caught.value).split("sampler.replicas=")[1].split()[0])
    assert 1 <= fits < 4096
    key = root_key(0)
    _, axes, layout = plan(dsm.compose(*small, f"sampler.replicas={fits}"), key)
    with pytest.raises(CapacityError, match=f"sampler.replicas={fits} would fit"):
        plan(dsm.compose(*small, f"sampler.replicas={fits + layout.devices}"), key)
    with pytest.raises(CapacityError, match="not even one replica a device fits: lower data.samples"):
        dsm.run(*small, "run.memory_gib=1e-6")
    assert not list(tmp_path.iterdir())


def test_arrays_of_the_loop_do_not_grow_with_sweeps():
    """Shapes of state and records of one call of the loop, for a short and a very long run."""

    def shapes(sweeps):
        config = dsm.compose("experiment=quickstart", "data.samples=2", "network.width=4", f"sampler.sweeps={sweeps}")
        key = root_key(config.seed)
        driver = make_driver(config, key, *plan(config, key))
        numbers, recorded = jnp.array([sweeps], jnp.int32), jnp.ones((1,), bool)
        call = jax.eval_shape(lambda: driver.advance(driver.begin(), numbers, recorded))
        return jax.tree.map(lambda leaf: leaf.shape, call)

    assert shapes(10) == shapes(10**6)


def test_directory_is_a_function_of_the_configuration(tmp_path):
    def path(*overrides):
        return path_of(dsm.compose("experiment=quickstart", f"run.root={tmp_path}", *overrides)).relative_to(tmp_path)

    assert path() == Path("quickstart/default/seed=0")
    assert path("seed=7") == Path("quickstart/default/seed=7")
    assert path("network.depth=3") == path()  # the experiment's own value
    assert path("network.depth=4") == Path("quickstart/network.depth=4/seed=0")
    both = ["network.depth=4", "data.alpha=2"]
    assert path(*both) == Path("quickstart/data.alpha=2.0,network.depth=4/seed=0")
    assert path("run.devices=1", "run.figures=false") == path()  # how it is run does not matter
    assert path("sampler.beta=[1,2]").parts[1] == "sampler.beta=1+2"
    long = [f"observe.references=[{','.join(map(str, range(60)))}]"]
    assert len(path(*long).parts[1]) <= 111
    assert path(*long) != path(long[0].replace("59", "60"))
    assert path_of(dsm.compose(f"run.root={tmp_path}")).relative_to(tmp_path) == Path("custom/default/seed=0")
    # presets by name, also where their settings were spelt one by one
    assert path("sampler=exchange", "observe=equilibrium").parts[1] == "observe=equilibrium,sampler=exchange"
    assert path("sampler=exchange", "sampler.sweeps=9").parts[1] == "sampler=exchange,sampler.sweeps=9"
    words = ["move.name=version_space", "~sampler.move.step_std", "sampler.start=planted"]
    assert path(f"sampler.{words[0]}", *words[1:]) == path("sampler=version_space")
    assert changes(dsm.compose("experiment=quickstart", "data=digits")) == {"data": "digits"}


def test_directory_of_another_configuration_is_refused(tmp_path):
    here = ("experiment=quickstart", f"run.dir={tmp_path / 'run'}")
    path = tmp_path / "run"
    with open_run(path, dsm.compose(*here)) as directory:
        assert yaml.safe_load((directory.path / "config.yaml").read_text())["network"]["depth"] == 3
    with pytest.raises(StoreError, match=r"another configuration:\n  network.depth: 3 there, 5 now"):
        dsm.run(*here, "network.depth=5")
    with open_run(path, dsm.compose(*here, "run.progress=none")):  # not part of what a run is
        pass


def test_newest_run_of_the_same_settings_is_found_among_numbered_directories(tmp_path):
    """Where runs go that start afresh, and which of them the same settings find."""
    path, shallow, deep = (
        tmp_path / "run",
        *(dsm.compose("experiment=quickstart", f"network.depth={n}") for n in (3, 5)),
    )
    assert newest(path, deep) == afresh(path) == path
    for config in (shallow, deep, shallow):
        with open_run(afresh(path), config):
            pass
    assert sorted(place.name for place in tmp_path.iterdir()) == ["run", "run~2", "run~3"]
    assert newest(path, shallow).name == "run~3" and newest(path, deep).name == "run~2"
    assert newest(path, dsm.compose("experiment=quickstart", "network.depth=4")).name == "run~3"  # refused there
    assert newest(path.with_name("run~2"), shallow).name == "run~2"  # named itself
    shutil.rmtree(path.with_name("run~2"))
    (tmp_path / "run~12").mkdir()  # stopped before it had settings
    (tmp_path / "run~x").mkdir()
    (path / "config.yaml").write_text("network: [")
    assert newest(path, deep).name == "run~3" and afresh(path).name == afresh(path.with_name("run~3")).name == "run~13"
    assert afresh(path.with_name("run~5")).name == "run~5"  # as it was asked for


def test_directory_with_other_files_or_in_use_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    here = dsm.compose("experiment=quickstart", f"run.dir={tmp_path}")
    with pytest.raises(StoreError, match="is not empty and not a run directory .it has thesis.tex"):
        tasks.run(here)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "thesis.tex").unlink()
    with open_run(tmp_path, here), pytest.raises(StoreError, match="in use by another process"):
        tasks.run(here)


def test_run_directory_below_a_file_is_refused(tmp_path):
    (tmp_path / "README.md").touch()
    for below in ("", "/run"):
        with pytest.raises(StoreError, match=rf"{below} cannot be made: {tmp_path}/README.md is a file$"):
            tasks.run(dsm.compose("experiment=quickstart", f"run.dir={tmp_path}/README.md{below}"))


def test_full_disk_leaves_no_run_directory(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(StoreError, match=r"cannot write .*config.yaml: No space left"):
        tasks.run(dsm.compose("experiment=quickstart", f"run.root={tmp_path}/new"))
    assert not list(tmp_path.iterdir())


@pytest.mark.quick
def test_record_sweeps():
    assert record_sweeps("linear", 10, 8, 25, []) == [0, 10, 20, 25]
    assert record_sweeps("linear", 10, 8, 20, [5]) == [0, 5, 10, 20]
    log = record_sweeps("log", 1, 4, 1000, [])
    assert log[:5] == [0, 1, 2, 3, 6] and log[-1] == 1000
    assert len(log) == 14
    assert record_sweeps("log", 100, 4, 50, []) == [0, 50]
    assert all(a < b for a, b in itertools.pairwise(log))


@pytest.mark.quick
@pytest.mark.parametrize("name", ["linear", "geometric"])
def test_schedules_reach_their_target(name):
    schedule = SCHEDULES.build({"name": name, "sweeps": 10, "start": 0.1}, "sampler.schedule")
    betas = np.array([float(schedule.beta(jnp.int32(t), jnp.float32(4.0))) for t in range(15)])
    assert betas[0] == pytest.approx(0.1, rel=1e-6)
    np.testing.assert_allclose(betas[10:], 4.0, rtol=1e-6)
    steps = np.diff(betas[:11]) if name == "linear" else np.diff(np.log(betas[:11]))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_file_begins_with_its_question_and_command(name):
    lines = (folder() / "experiment" / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith("# ") and not lines[1].startswith("# dsm")  # what it asks, for `dsm list experiments`
    assert lines[2].startswith((f"# dsm experiment={name}", f"# dsm -m experiment={name}"))


def test_width_that_the_data_prescribe_otherwise_is_warned_of(caplog):
    config = dsm.compose("experiment=quickstart", "data=digits", "network.width=20")
    assert config.network.width == 64 and "network.width = 20" in caplog.text
    caplog.clear()
    dsm.compose("experiment=quickstart", "data=digits", "network.width=64")
    dsm.compose("experiment=quickstart", "data=digits")
    assert not caplog.records
