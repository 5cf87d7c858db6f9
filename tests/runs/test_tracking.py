"""Experiment tracking: what MLflow is told, and what becomes of a run whose tracker fails."""

import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import dsm as package
from commands import CACHE, SIGNAL_AFTER, TINY, dsm, environment
from dsm._errors import ConfigError
from dsm._results import EXIT_INTERRUPTED
from dsm.tracking import TRACKERS, AbstractTracker, mlflow

WORDS = (*TINY, "run.progress=none", "run.dir=run", "run.root=.", CACHE)
TRACKED = (*WORDS, "run.tracker.name=mlflow")


def runs_of(folder):
    """What MLflow knows, asked in a process of its own as a user would."""
    program = (
        "import json, sys\n"
        "from mlflow.tracking import MlflowClient\n"
        "client = MlflowClient('sqlite:///mlflow.db')\n"
        "(own,) = [one for one in client.search_experiments() if one.name != 'Default']\n"
        "found = client.search_runs([own.experiment_id])\n"
        "told = [dict(status=run.info.status, params=run.data.params, files=[file.path for file in\n"
        "        client.list_artifacts(run.info.run_id)], error=[[m.step, m.value] for m in\n"
        "        client.get_metric_history(run.info.run_id, 'test_error_mean')], metrics=run.data.metrics)\n"
        "        for run in found]\n"
        "print(json.dumps([own.name, told]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_mlflow_knows_settings_curves_and_files(tmp_path):
    dsm(*TRACKED, "run.figures=true", cwd=tmp_path)
    name, (run,) = runs_of(tmp_path)
    assert name == "quickstart" and run["status"] == "FINISHED"
    assert run["params"]["network.width"] == "6" and "run.root" not in run["params"]
    results = package.load(tmp_path / "run").test_error_mean.isel(beta=0)
    steps, values = zip(*run["error"], strict=True)
    assert list(steps) == results.sweep.values.tolist()
    assert np.allclose(values, results.values)
    assert run["metrics"]["progress"] == 1 and "teacher_spin_overlap_test_mean/layer 3" in run["metrics"]
    assert {"config.yaml", "learning_curves.png"} <= set(run["files"])
    assert not (tmp_path / "mlruns").exists()  # all of it is below the folder of the runs


def test_an_interrupted_run_goes_on_in_the_same_run_of_mlflow(tmp_path):
    slow = SIGNAL_AFTER.format(sweep=4, name="SIGTERM")
    words = (*TRACKED, "run.checkpoint_minutes=0", "run.chunk_seconds=1e-6")
    done = dsm(*words, cwd=tmp_path, program=slow, check=False)
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    assert runs_of(tmp_path)[1][0]["status"] == "KILLED"
    dsm(*words, cwd=tmp_path)
    _, (run,) = runs_of(tmp_path)
    assert run["status"] == "FINISHED" and run["metrics"]["sweep"] == 32


def test_nothing_is_imported_while_it_is_off(tmp_path):
    program = (
        f"import sys, dsm\ndsm.run(*{WORDS!r})\nassert not {{'mlflow', 'sqlalchemy', 'plotly'}} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment(), check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.parametrize(
    "words, said",
    {
        "run.tracker.name=typo": "run.tracker.name = typo: must be one of mlflow, none",
        "run.tracker.name=none run.tracker.uri=a": "run.tracker.uri = a: none has no such option",
        "run.tracker.name=mlflow run.tracker.uri=3": "run.tracker.uri = 3: must be a word",
    }.items(),
)
def test_illegal_settings_are_named(words, said):
    with pytest.raises(ConfigError, match=f"^{said}"):
        package.compose("experiment=quickstart", *words.split())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(mlflow, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"^run.tracker.name = mlflow: needs the package mlflow: pip install"):
        package.compose(*TRACKED)


def test_a_tracker_that_fails_costs_the_run_nothing(tmp_path, monkeypatch, caplog):
    @TRACKERS.register("broken")
    @dataclass
    class Broken(AbstractTracker):
        """Answers nothing but errors."""

        def check(self): ...

        def begin(self, path, root, experiment, settings):
            raise OSError("no route to host")

        def log(self, time, values):
            raise AssertionError("left alone")

        end = log

    monkeypatch.chdir(tmp_path)
    try:
        path = package.run(*WORDS, "run.tracker.name=broken")
    finally:
        TRACKERS.forget(__name__)
    assert (path / "DONE").exists()
    assert caplog.text.count("the tracker is left alone from here on: OSError: no route to host") == 1
