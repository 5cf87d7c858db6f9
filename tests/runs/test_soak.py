"""The soak test for a few minutes, and what it prints about a run that is not recovered."""

import os

import pytest

import soak
from commands import KEPT
from soak_faults import FAULTS, MOUNTED


@pytest.mark.quick
def test_plan_follows_from_its_seed_and_has_all_faults():
    cases = soak.plan(0, 200)
    assert soak.plan(0, 200) == cases and soak.plan(1, 200) != cases
    assert {episode.fault for case in cases for episode in case.episodes} == set(FAULTS)
    assert {case.task for case in cases} == set(soak.TASKS)
    unmounted = soak.plan(0, 200, mounts=False)
    assert not any(episode.fault in MOUNTED for case in unmounted for episode in case.episodes)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
def test_runs_of_all_tasks_under_faults_are_recovered(tmp_path, capsys):
    """Each run is killed, stopped or damaged, goes on, and ends bitwise as the undisturbed one.

    It takes about three minutes, the first half of them for the undisturbed runs.
    """
    words = ("--runs", "200", "--minutes", "1.5", "--seed", "3", "--jobs", "1", "--no-figures")
    assert soak.main([*words, "--folder", str(tmp_path / "soak"), "--cache", str(KEPT / "soak")]) == 0
    printed = capsys.readouterr().out
    assert ", 0 runs not recovered" in printed and "| fault |" in printed


@pytest.mark.quick
def test_run_with_other_results_is_reported(tmp_path, capsys, monkeypatch):
    def differs(self, task, run):
        raise AssertionError("the results differ")

    monkeypatch.setattr(soak.Soak, "compare", differs)
    monkeypatch.setattr(soak.Soak, "undisturbed", lambda self, task: None)
    monkeypatch.setattr(soak, "FAULTS", dict.fromkeys(FAULTS, lambda run, phase, share, draw: None))
    monkeypatch.setattr(soak.Patient, "start", lambda self: None)
    monkeypatch.setattr(soak.Patient, "end", lambda self, child, *allowed, **options: None)
    assert soak.main(["--runs", "1", "--tasks", "narrow", "--folder", str(tmp_path / "soak")]) == 1
    assert "FAILED" in capsys.readouterr().out
