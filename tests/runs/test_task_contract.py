"""What every task promises: a run resumes bitwise, a finished run is left alone, results say what they are."""

import dataclasses
import json
import os
import shlex
import signal

import numpy as np
import pytest

import dsm
import tiny
from commands import assert_same_results, results
from dsm._errors import CapacityError
from dsm._results import Outcome
from dsm.tasks import TASKS, compose, path_of
from dsm.tasks._command import command_of
from dsm.tasks._run import carry_out
from dsm.tasks._task import task_of
from helpers import fits

each_task = pytest.mark.parametrize("task", list(tiny.RUNS))
#: Every call of the loop is one step, and each is followed by a checkpoint.
STEPWISE = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")


def stop_after(task: str, calls: int):
    """The task with a job that gets a signal once the loop has made so many calls."""

    def build(config):
        job = task_of(task).build(config)
        made = 0

        def examine(history):
            nonlocal made
            made += 1
            if made == calls:
                os.kill(os.getpid(), signal.SIGTERM)
            return job.examine(history)

        return dataclasses.replace(job, examine=examine)

    return dataclasses.replace(task_of(task), build=build)


def test_every_task_has_a_tiny_run():
    assert set(tiny.RUNS) == set(TASKS)


@each_task
def test_run_stopped_and_resumed_is_bitwise_the_same(task, tiny_run, tmp_path):
    """It is stopped twice, so that it also resumes from what a resumed run has saved."""
    whole = tiny_run(task)
    words = (*tiny.RUNS[task], *tiny.QUIET, "run.figures=false", f"run.dir={tmp_path / 'run'}")
    before = signal.getsignal(signal.SIGTERM)
    for calls in (3, 2):
        report = carry_out(stop_after(task, calls), compose([*words, *STEPWISE]))
        assert report.outcome is Outcome.interrupted and report.stopped
        assert not (tmp_path / "run" / "DONE").exists()
    partial = dsm.load(tmp_path / "run")
    assert partial.attrs["complete"] == 0
    assert dsm.run(*words) == tmp_path / "run"
    assert 0 < json.loads((tmp_path / "run" / "manifest.json").read_text())["timings"]["resumed_at"]
    assert_same_results(tmp_path / "run", whole)
    assert signal.getsignal(signal.SIGTERM) is before


@each_task
def test_finished_run_is_left_alone(task, tiny_run):
    def state():
        changing = ("log.txt", ".lock")
        return {file: file.stat().st_mtime_ns for file in path.rglob("*") if file.name not in changing}

    path = tiny_run(task)
    before = state()
    report = carry_out(task_of(task), compose([*tiny.RUNS[task], *tiny.QUIET, f"run.dir={path}"]))
    assert report.outcome is Outcome.already_done and report.value == dsm.store.RunDirectory(path).summary()["value"]
    assert state() == before


@each_task
def test_results_say_what_they_are(task, tiny_run):
    path = tiny_run(task)
    assert {entry.name for entry in path.iterdir()} >= {
        *("config.yaml", "manifest.json", "checkpoints", "results.nc", "log.txt", "DONE"),
        *(() if task == "walk" else ("figures",)),
    }
    found = dsm.load(path)
    assert found.attrs["complete"] == 1 and found.attrs["task"] == task
    for name, variable in results(path).data_vars.items():
        assert {"long_name", "units"} <= set(variable.attrs) or name.startswith("theory_"), name
    time = {"sample": "sweep", "specialisation": "epoch", "narrow": "step"}.get(task, "t")
    assert any(variable.dims[-1] == time for variable in found.data_vars.values())
    assert np.all(np.diff(found[time]) > 0)
    figures = list((path / "figures").glob("*.png"))
    assert all(map(fits, figures)) and bool(figures) == (task != "walk")


@each_task
def test_command_of_a_run_leads_to_it(task, tiny_run):
    config = compose([*tiny.RUNS[task], "seed=3"])
    command, *words = shlex.split(command_of(config))
    again = compose(words)
    assert command == "dsm" and again.identity() == config.identity() and path_of(again) == path_of(config)


@pytest.mark.parametrize("task", list(tiny.TOO_LARGE))
def test_run_that_cannot_fit_is_refused(task, tmp_path):
    key, _, value = tiny.TOO_LARGE[task].partition("=")
    with pytest.raises(CapacityError, match=rf"{key} = {value}: .*GiB"):
        dsm.run(*tiny.RUNS[task], tiny.TOO_LARGE[task], f"run.root={tmp_path}")
    assert not list(tmp_path.iterdir())
