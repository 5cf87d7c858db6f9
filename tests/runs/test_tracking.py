"""Experiment tracking with MLflow, and runs whose tracker fails."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import dsm as package
import tiny
from commands import CACHE, SIGNAL_AFTER, TINY, dsm, environment
from dsm._errors import ConfigError
from dsm._results import EXIT_INTERRUPTED
from dsm.tracking import TRACKERS, AbstractTracker, mlflow

PLACE = ("run.progress=none", "run.dir=run", "run.root=.", CACHE)
WORDS = (*tiny.RUNS["walk"], *PLACE)
MLFLOW = "run.tracker.name=mlflow"
STEPWISE = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-6")


def runs_of(folder: Path) -> list[tuple[str, dict]]:
    """What MLflow has of all runs: the name of the experiment of each, and its data."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = {one.experiment_id: one.name for one in client.search_experiments() if one.name != "Default"}
    return [
        (
            experiments[run.info.experiment_id],
            {
                "status": run.info.status,
                "params": run.data.params,
                "metrics": run.data.metrics,
                "files": {file.path for file in client.list_artifacts(run.info.run_id)},
                "curve": lambda name, run=run: {
                    entry.step: entry.value for entry in client.get_metric_history(run.info.run_id, name)
                },
            },
        )
        for run in client.search_runs(list(experiments))
    ]


def assert_curve(run: dict, found) -> None:
    """MLflow has the mean, against the only dimension of `found`, which is time."""
    curve = run["curve"](found.name)
    (time,) = found.dims
    assert list(curve) == found[time].values.tolist()
    assert np.allclose(list(curve.values()), found.values)


@pytest.mark.filterwarnings("ignore")  # of MLflow
def test_mlflow_logs_settings_curves_and_files_of_an_interrupted_run(tmp_path, monkeypatch, interrupt_at):
    """The run goes on in the same run of MLflow."""
    monkeypatch.chdir(tmp_path)
    words = [*WORDS, MLFLOW, *STEPWISE]
    interrupt_at(6)
    package.run(*words)
    ((_, run),) = runs_of(tmp_path)
    assert run["status"] == "KILLED"
    package.run(*words)
    ((name, run),) = runs_of(tmp_path)
    assert name == "walk" and run["status"] == "FINISHED"
    assert run["params"]["walkers"] == "4" and "run.root" not in run["params"]
    found = package.load(tmp_path / "run")
    assert_curve(run, found.with_peer_mean.isel(decay=0).rename("with_peer_mean/decay 0.5"))
    assert run["metrics"]["progress"] == 1 and run["metrics"]["t"] == 20
    assert "config.yaml" in run["files"]
    assert not (tmp_path / "mlruns").exists()  # all of it is below the folder of the runs


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mlflow_logs_figures_of_the_main_job(tmp_path):
    """In processes, as a user runs them."""
    words = (*TINY[:-1], *PLACE, MLFLOW, *STEPWISE)
    program = SIGNAL_AFTER.format(sweep=4, name="SIGTERM")
    done = dsm(*words, cwd=tmp_path, program=program, check=False)
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    assert runs_of(tmp_path)[0][1]["status"] == "KILLED"
    dsm(*words, cwd=tmp_path)
    ((name, run),) = runs_of(tmp_path)
    assert name == "quickstart" and run["status"] == "FINISHED"
    assert run["params"]["network.width"] == "6" and "run.root" not in run["params"]
    assert_curve(run, package.load(tmp_path / "run").test_error_mean.isel(beta=0))
    assert run["metrics"]["progress"] == 1 and run["metrics"]["sweep"] == 32
    assert "teacher_spin_overlap_test_mean/layer 3" in run["metrics"]
    assert {"config.yaml", "learning_curves.png"} <= run["files"]
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.slow
def test_run_without_tracker_imports_no_tracker(tmp_path):
    words = (*tiny.RUNS["sample"], "run.figures=false", *PLACE)
    program = (
        f"import sys, dsm\ndsm.run(*{words!r})\nassert not {{'mlflow', 'sqlalchemy', 'plotly'}} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment(), check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.quick
@pytest.mark.parametrize(
    "words, message",
    {
        "run.tracker.name=typo": "run.tracker.name = typo: .*mlflow, none",
        "run.tracker.name=none run.tracker.uri=a": "run.tracker.uri = a",
        "run.tracker.name=mlflow run.tracker.uri=3": "run.tracker.uri = 3",
    }.items(),
)
def test_illegal_tracker_settings_are_named(words, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        package.compose("experiment=quickstart", *words.split())


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(mlflow, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^run.tracker.name = mlflow: .*pip install"):
        package.compose("experiment=quickstart", MLFLOW)


def test_error_of_a_tracker_does_not_stop_the_run(tmp_path, monkeypatch, caplog):
    @TRACKERS.register("broken")
    @dataclass
    class Broken(AbstractTracker):
        """Raises an error at once."""

        def check(self): ...

        def begin(self, path, root, experiment, settings):
            raise OSError("no route to host")

        def log(self, time, values):
            raise AssertionError("called again")

        end = log

    monkeypatch.chdir(tmp_path)
    try:
        path = package.run(*WORDS, "run.tracker.name=broken")
    finally:
        TRACKERS.forget(__name__)
    assert (path / "DONE").exists()
    assert caplog.text.count("OSError: no route to host") == 1
