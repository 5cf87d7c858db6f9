"""`dsm status`: the state of runs, from their directories, locks and logs."""

import fcntl
import json
import logging
import os
from pathlib import Path

import pytest

import dsm
from dsm import _runs, _status, store
from dsm._errors import StoreError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED
from dsm.store import open_run
from dsm.tasks._report import ProgressNote, log_to

CONFIG = "task: sample\nexperiment: e\nseed: 0\n"


def made(path: Path, config: str | None = CONFIG, **files: str) -> Path:
    """Make a run directory by hand; checkpoints are named by their numbers in `files`, `x_y` stands for x.y."""
    path.mkdir(parents=True)
    (path / ".lock").touch()
    if config is not None:
        (path / "config.yaml").write_text(config)
    for name, text in files.items():
        if name == "checkpoints":
            for number in text.split():
                (path / name / number).mkdir(parents=True)
        else:
            (path / name.replace("_", ".")).write_text(text)
    return path


def status(capsys, *arguments: object) -> tuple[int, list[str]]:
    """Run the command; returns its exit status and lines."""
    code = _status.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out.splitlines()


@pytest.mark.quick
def test_status_shows_each_state(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noted = json.dumps({"unit": "sweeps", "total": 1024, "done": 400, "per_second": 4.0})
    made(Path("runs/a/seed=0"), DONE='{"value": 1.0}', progress_json=noted, log_txt="2026-01-01 00:00:00,0 ERROR old")
    running = made(Path("runs/b/seed=0"), progress_json=noted, checkpoints="128 256")
    made(Path("runs/c/seed=0"), progress_json=noted, checkpoints="128 300.orbax-checkpoint-tmp 64", log_txt="")
    made(Path("runs/d"), log_txt="2026-01-01 00:00:00,0 INFO resumed at sweep 8")
    log = "2026-01-01 00:00:00,0 INFO begins\n2026-01-01 00:00:00,0 ERROR no space left\nsecond line of it\n"
    made(Path("runs/e"), log_txt=log, checkpoints="12")
    starting = made(Path("runs/f"))
    with (running / ".lock").open() as lock, (starting / ".lock").open() as other:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)
        code, lines = status(capsys)
        assert code == EXIT_ERROR
        assert [" ".join(line.split()) for line in lines] == [
            "done runs/a/seed=0",
            "running sweep 400/1024, 39 %, 3 min left runs/b/seed=0",
            "interrupted sweep 128/1024, 12 % runs/c/seed=0",
            "interrupted runs/d before its first checkpoint",
            "failed step 12 runs/e no space left",
            "running runs/f starting",
            "1 done, 2 running, 2 interrupted, 1 failed",
        ]
        assert len({line.index(" runs/") for line in lines[:-1]}) == 1
        code, lines = status(capsys, "runs/a", "runs/b", "runs/a/seed=0", "--json")
        assert code == EXIT_INTERRUPTED
        found = json.loads("\n".join(lines))
        assert found["counts"] == {"done": 1, "running": 1}
        assert found["runs"][1] == {
            "path": "runs/b/seed=0", "state": "running", "now": 400, "total": 1024, "unit": "sweeps", "left": 156.0,
            "message": "",
        }  # fmt: skip
    assert status(capsys, "runs/a") == (0, ["done  runs/a/seed=0", "1 done"])


@pytest.mark.quick
def test_status_sorts_runs_by_numbers(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ordered = ["depth=2,alpha=-1", "depth=2,alpha=0.25", "depth=2,alpha=0.5", "depth=2,alpha=10", "depth=10,alpha=1e-3"]
    ordered += ["sweeps=100/seed=2", "sweeps=100/seed=10", "sweeps=30000/seed=0", "sweeps=100000", "sweeps=1e+06", "x"]
    for name in sorted(ordered):
        made(Path("runs") / name, DONE="")
    assert [line.split("runs/")[1] for line in status(capsys)[1][:-1]] == ordered


@pytest.mark.quick
def test_status_of_what_is_no_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status(capsys) == (EXIT_ERROR, ["missing  runs  there is no such folder", "1 missing"])
    Path("runs").mkdir()
    Path("runs/.lock").touch()  # of somebody else, or of a run that was killed before its configuration was written
    assert status(capsys) == (EXIT_ERROR, ["missing  runs  there is no run in it", "1 missing"])
    Path("file").touch()
    assert status(capsys, "file") == (EXIT_ERROR, ["missing  file  Not a directory", "1 missing"])


@pytest.mark.quick
@pytest.mark.parametrize("bad", ["", "{", "[1, 2]", '{"done": "x", "total": null, "unit": 3}', "\x00\xff"])
def test_status_of_a_damaged_directory_is_one_line(tmp_path, capsys, bad):
    files = {name: bad for name in ("config_yaml", "progress_json", "log_txt", "manifest_json", "results_nc")}
    made(tmp_path / "run", None, **files, checkpoints="7")
    path = tmp_path / "run"
    assert status(capsys, path) == (EXIT_INTERRUPTED, [f"interrupted  step 7  {path}", "1 interrupted"])
    (path / "config.yaml").unlink()
    code, lines = status(capsys, path)
    assert code == EXIT_ERROR and lines[0] == f"failed  step 7  {path}  its config.yaml is missing"
    (path / "DONE").write_text(bad)
    assert status(capsys, path)[0] == 0


@pytest.mark.quick
def test_status_without_locks_says_that_a_run_may_be_running(tmp_path, capsys, monkeypatch):
    def refuse(*arguments):
        raise OSError(38, os.strerror(38))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = made(tmp_path / "run", checkpoints="7")
    _, lines = status(capsys, path)
    assert lines[0] == f"interrupted  step 7  {path}  or still running: its lock cannot be tested"


@pytest.mark.quick
def test_run_opens_its_directory_while_status_looks(tmp_path, monkeypatch):
    """A run that opens its directory while `dsm status` holds the lock tries again."""
    config = dsm.compose("experiment=quickstart")
    with open_run(tmp_path, config):
        assert _runs.is_held(tmp_path)
    assert not _runs.is_held(tmp_path)
    looking = (tmp_path / ".lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    from dsm.store import _run_directory

    monkeypatch.setattr(_run_directory.time, "sleep", lambda seconds: looking.close())
    with open_run(tmp_path, config):
        pass


@pytest.mark.quick
def test_last_message_of_a_log_is_the_failure(tmp_path):
    directory = store.RunDirectory(tmp_path)
    logger = logging.getLogger("dsm")
    for error, message in (
        (StoreError("the disk is\nfull"), "the disk is"),
        (ZeroDivisionError("x"), "ZeroDivisionError: x"),
    ):
        with pytest.raises(type(error)), log_to(directory):
            logger.warning("on the way")
            raise error
        assert _runs.last_message(directory.log) == ("ERROR", message)
    assert "Traceback" in directory.log.read_text()
    with pytest.raises(KeyboardInterrupt), log_to(directory):
        logger.warning("stopped")
        raise KeyboardInterrupt
    assert _runs.last_message(directory.log) == ("WARNING", "stopped")
    directory.log.write_text("2026-01-01 00:00:00,0 ERROR first\n" + "x" * 2 * _runs.TAIL)
    assert _runs.last_message(directory.log) == ("", "")


@pytest.mark.quick
def test_progress_is_noted_at_intervals(tmp_path, monkeypatch):
    from dsm.tasks import _report

    clock = iter([0.0, 3.0, 12.0, 13.0])
    monkeypatch.setattr(_report.time, "monotonic", lambda: next(clock))
    note, seen = ProgressNote(store.RunDirectory(tmp_path), "epochs", 100), []
    for done in (20, 30, 44, 100):
        note.update(done)
        seen.append(json.loads((tmp_path / _runs.PROGRESS).read_text()))
    assert [entry["done"] for entry in seen] == [20, 20, 44, 100]
    assert [entry["per_second"] for entry in seen] == [0, 0, 2, 56]
    assert {(entry["unit"], entry["total"]) for entry in seen} == {("epochs", 100)}
    note = ProgressNote(store.RunDirectory(tmp_path / "nowhere"), "epochs", 100)
    clock = iter([0.0])
    note.update(1)  # a note that cannot be written ends no run


def test_status_of_a_run_that_fails_and_is_completed(tmp_path, capsys, monkeypatch):
    """A tiny run fails while it writes its results, then is completed."""
    words = ["task=online_sgd", f"run.dir={tmp_path / 'run'}", "network.width=8", "data.samples=2", "training.time=2"]
    words += ["observe.theory=false", "run.figures=false"]

    def refuse(dataset, path):
        raise StoreError(f"cannot write {path}: no space")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", refuse)
        with pytest.raises(StoreError):
            dsm.run(*words)
    code, lines = status(capsys, tmp_path)
    assert code == EXIT_ERROR
    assert (
        lines[0]
        == f"failed  step 16/16, 100 %  {tmp_path / 'run'}  cannot write {tmp_path / 'run/results.nc'}: no space"
    )
    dsm.run(*words)
    assert status(capsys, tmp_path) == (0, [f"done  {tmp_path / 'run'}", "1 done"])
