"""Runs that a release left behind are read and go on: status, load, load_sweep, report, resume.

`tests/data/runs-0.2.0.tar.xz` has a sweep of two, one run of every other task, and one that a signal has interrupted, with
a checkpoint after every sweep. `whole` has the same run to its end.
"""

import json
import shutil
import tarfile

import jax
import numpy as np
import pytest

import dsm as package
from commands import TESTS, assert_same_results, dsm, results
from dsm import cli
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED

RELEASES = [path.name.removeprefix("runs-").removesuffix(".tar.xz") for path in (TESTS / "data").glob("runs-*.tar.xz")]

#: What the interrupted run and the sweep were made with.
MADE = ("experiment=quickstart", "network.width=4", "network.depth=2", "data.samples=2", "data.test_patterns=16",
        "sampler.replicas=2", "sampler.sweeps=8", "observe.independent=2",
        "observe.quantities=[weight_overlap,test_error]")  # fmt: skip


@pytest.fixture(scope="module", params=RELEASES)
def kept(request, tmp_path_factory):
    """The folder of the runs of a release."""
    folder = tmp_path_factory.mktemp("kept")
    with tarfile.open(TESTS / "data" / f"runs-{request.param}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.quick
def test_status_knows_kept_runs(kept, capsys):
    assert cli.carry_out(["status", str(kept / "runs"), "--json"]) == EXIT_INTERRUPTED
    told = json.loads(capsys.readouterr().out)
    states = {
        run["path"].split("runs/")[1].split("/")[0]: run["state"] for run in told["runs"] if "seed=1" not in run["path"]
    }
    assert states == dict.fromkeys(("narrow", "online_sgd", "quickstart", "specialisation"), "done")
    assert [run["state"] for run in told["runs"] if "seed=1" in run["path"]] == ["interrupted"]


@pytest.mark.quick
def test_kept_runs_load(kept):
    found = {path.parent: package.load(path.parent) for path in kept.glob("runs/**/results.nc")}
    assert {data.attrs["task"] for data in found.values()} == {"sample", "online_sgd", "specialisation", "narrow"}
    for path, data in found.items():
        assert data.attrs["complete"] == (path / "DONE").exists()
        name = "test_loss" if data.attrs["task"] == "specialisation" else "test_error"
        mean = data[name].mean([axis for axis in ("sample", "replica") if axis in data[name].dims])
        np.testing.assert_allclose(mean, data[f"{name}_mean"].transpose(*mean.dims), rtol=1e-5)


def test_kept_sweep_joins(kept):
    joined = package.load_sweep(kept / "runs" / "quickstart")
    assert joined.alpha.values.tolist() == [1, 2] and joined.teacher_weight_overlap_mean.notnull().all()


def test_report_shows_kept_runs(kept, tmp_path):
    page = package.report(kept / "runs", out=tmp_path / "page.html")
    assert all(f'"{task}"' in page.read_text() for task in ("sample", "online_sgd", "specialisation", "narrow"))


@pytest.fixture
def interrupted(kept, tmp_path):
    """A copy of the interrupted run; the folder is a function of the settings, today as then."""
    shutil.copytree(kept / "runs", tmp_path / "runs")
    (path,) = tmp_path.glob("runs/quickstart/*/seed=1")
    return path


@pytest.mark.slow
def test_kept_run_resumes(kept, interrupted, tmp_path):
    """The same command goes on from the checkpoint, and ends as the undisturbed run did."""
    before = results(interrupted)
    words = (*MADE, "seed=1", "run.progress=none", "run.figures=false", "run.devices=1")
    as_users_do = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0", "XLA_FLAGS": ""}  # programs of the tests round otherwise
    dsm(*words, cwd=tmp_path, fresh=True, **as_users_do)
    manifest = json.loads((interrupted / "manifest.json").read_text())
    assert manifest["timings"]["resumed_at"] == 4
    after = results(interrupted)
    for name in ("test_error", "teacher_weight_overlap"):  # what was recorded is kept
        np.testing.assert_array_equal(after[name].sel(sweep=before.sweep), before[name])
    (whole,) = kept.glob("whole/quickstart/*/seed=1")
    versions = json.loads((whole / "manifest.json").read_text())["versions"]
    if versions["jax"] == jax.__version__:  # another one may round otherwise
        assert_same_results(interrupted, whole)


def test_kept_run_of_other_settings_is_refused(interrupted, tmp_path):
    interrupted.rename(tmp_path / "run")
    refused = dsm(*MADE, "seed=1", "data.alpha=8", "run.dir=run", cwd=tmp_path, check=False)
    assert refused.returncode == EXIT_ERROR and "data.alpha: 4.0 there, 8.0 now" in refused.stderr
