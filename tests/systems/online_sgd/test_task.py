"""Runs of online SGD: records, theory beside them, divergence, sweeps."""

import numpy as np
import pytest

import dsm
import dsm.tasks
from commands import results
from dsm import theory
from dsm._errors import CapacityError
from dsm.tasks.online_sgd._build import record_steps
from online_learning import SMALL


@pytest.mark.quick
def test_records_are_at_logarithmic_times():
    config = dsm.compose(
        "task=online_sgd", "network.width=10", "training.time=7", "observe.first=0.1", "observe.per_decade=1"
    )
    assert record_steps(config) == [0, 1, 10, 70]


@pytest.mark.slow
def test_dataset_of_a_run(tmp_path):
    settings = (*SMALL, "observe.steady_state=true", "data.noise=0.1", f"run.root={tmp_path}",
                "observe.quantities=[Q,R,v,test_error,best_correlation]")  # fmt: skip
    path = dsm.run(*settings)
    found = results(path)
    assert found.best_correlation.dims == ("sample", "t", "teacher")
    at_start = found.theory_best_correlation.isel(t=0).broadcast_like(found.best_correlation.isel(t=0))
    np.testing.assert_allclose(found.best_correlation.isel(t=0), at_start, atol=1e-6)
    assert found.Q.dims == ("sample", "t", "student", "student_2") and found.R.dims == (
        "sample",
        "t",
        "student",
        "teacher",
    )
    assert found.theory_Q.dims == ("t", "student", "student_2") and found.test_error_mean.dims == ("t",)
    np.testing.assert_allclose(found.Q.isel(t=0), found.theory_Q.isel(t=0).broadcast_like(found.Q.isel(t=0)), atol=1e-6)
    assert found.steady_result in list(theory.Result)
    np.testing.assert_allclose(found.t, np.asarray(record_steps(dsm.compose(*settings))) / 40)


@pytest.mark.slow
def test_divergence_is_logged_and_stored(tmp_path, caplog):
    settings = (*SMALL, "network.activation=linear", "training.lr=5", "training.time=40", "observe.steady_state=true")
    report = dsm.tasks.run(dsm.compose(*settings, f"run.root={tmp_path}"))
    assert "learning rate is too large" in caplog.text
    assert "the test error" in caplog.text and "training.lr = 5.0" in caplog.text
    assert results(report.path).theory_result == theory.Result.diverged
    assert report.value is None or np.isfinite(report.value)


@pytest.mark.slow
def test_theory_alone_joins_along_a_sweep(tmp_path):
    """A run without samples has the results of theory and nothing else."""
    paths = [dsm.run(*SMALL, f"training.lr={lr}", "data.samples=0", f"run.root={tmp_path}") for lr in (0.1, 0.2)]
    alone = dsm.load(paths[0])
    assert alone.attrs["complete"] == 1 and "test_error" not in alone and alone.theory_test_error.dims == ("t",)
    joined = dsm.load_sweep(tmp_path / "online_sgd")
    assert set(joined.theory_test_error.dims) == {"lr", "t"} and joined.lr.values.tolist() == [0.1, 0.2]


def test_directory_names_the_task():
    assert dsm.tasks.path_of(dsm.compose("seed=1")) != dsm.tasks.path_of(dsm.compose("task=online_sgd", "seed=1"))


def test_run_that_cannot_fit_suggests_fewer_patterns(tmp_path):
    with pytest.raises(CapacityError, match=r"data.samples = 4: .* 0.01 GiB .* lower data.patterns, "):
        dsm.run(*SMALL, "data.patterns=1000000", "run.memory_gib=0.01", f"run.root={tmp_path}")
    assert not list(tmp_path.iterdir())
