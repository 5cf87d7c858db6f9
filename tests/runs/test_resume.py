"""Interrupted runs resume bitwise, and nothing is lost or silently wrong.

Processes are killed and stopped while they simulate the toy system, which costs least; what could depend on the system does
so with the main job.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import dsm as package
import tiny
from commands import SIGNAL_AFTER, TESTS, TINY, assert_same_results, results, start
from commands import dsm as run_dsm
from dsm._errors import StoreError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED, Outcome
from dsm.store import Checkpoints
from dsm.tasks._run import carry_out
from dsm.tasks._task import task_of

#: Every call of the loop is one step, and each is followed by a checkpoint.
STEPWISE = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")
MAIN = (*tiny.RUNS["sample"], "run.figures=false")
WALK = tiny.RUNS["walk"]
#: Where processes find the plugin of the toy system.
PLUGINS = {"PYTHONPATH": str(TESTS)}

#: Kill this process as soon as the n-th temporary checkpoint is seen: while it is written.
KILL_IN_CHECKPOINT = """
import os, pathlib, signal, threading, time
def watch():
    seen = set()
    while len(seen) < {number}:
        time.sleep(0.001)  # a checkpoint takes many times as long, and the run needs the processor
        seen |= {{path.name for path in pathlib.Path("run/checkpoints").glob("*orbax-checkpoint-tmp*")}}
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
"""
#: kill -9 while the first and a later checkpoint are written, and between checkpoints.
KILLS = (
    KILL_IN_CHECKPOINT.format(number=1),
    SIGNAL_AFTER.format(sweep=8, name="SIGKILL"),
    KILL_IN_CHECKPOINT.format(number=5),
    SIGNAL_AFTER.format(sweep=16, name="SIGKILL"),
)


def walk(*overrides: str, cwd: Path, **options) -> subprocess.CompletedProcess:
    """Run the toy system in a process, to its end or until something ends it."""
    return run_dsm(*WALK, "run.dir=run", *overrides, cwd=cwd, check=False, **PLUGINS, **options)


def resumed_at(run: Path) -> int:
    """The time at which a run was resumed last."""
    return json.loads((run / "manifest.json").read_text())["timings"]["resumed_at"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A run of the main job that nothing disturbs, in a process: 64-bit types of the tests change random numbers."""
    folder = tmp_path_factory.mktemp("whole")
    run_dsm(*MAIN, "run.dir=run", cwd=folder)
    return folder / "run"


@pytest.fixture(scope="module")
def terminated(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A run that SIGTERM has stopped, and how its process ended. Tests change copies of it."""
    folder = tmp_path_factory.mktemp("terminated")
    program = SIGNAL_AFTER.format(sweep=10, name="SIGTERM")
    return folder / "run", walk(*STEPWISE, cwd=folder, program=program)


@pytest.fixture
def stopped(tmp_path, terminated) -> Path:
    """A copy of the stopped run."""
    return shutil.copytree(terminated[0], tmp_path / "run")


@pytest.mark.parametrize(
    "task, kills",
    [("walk", KILLS), pytest.param("sample", KILLS, marks=pytest.mark.slow)],
    ids=["walk", "sample"],
)
def test_killed_run_resumes_bitwise(request, tmp_path, tiny_run, task, kills):
    """It is killed several times; the last command finishes it, and one more finds it finished."""
    words = (*(WALK if task == "walk" else MAIN), "run.dir=run", *STEPWISE)
    for program in kills:
        killed = run_dsm(*words, cwd=tmp_path, program=program, check=False, **PLUGINS)
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
        assert not (tmp_path / "run" / "DONE").exists()
    finished = run_dsm(*words, cwd=tmp_path, **PLUGINS)
    assert int(re.search(r"resumed at \w+ (\d+)", finished.stderr)[1]) >= 16
    assert_same_results(tmp_path / "run", tiny_run("walk") if task == "walk" else request.getfixturevalue("whole"))
    assert "already finished" in run_dsm(*words, cwd=tmp_path, **PLUGINS).stderr


@pytest.mark.parametrize("requeued", [False, True])
def test_run_beside_a_finished_one_is_continued(tmp_path, tiny_run, monkeypatch, requeued):
    """By the plain command, or by the same one if Slurm gives it, which would otherwise begin one more."""
    shutil.copytree(tiny_run("walk"), tmp_path / "run")
    program = SIGNAL_AFTER.format(sweep=8, name="SIGTERM").replace("run/checkpoints", "run~2/checkpoints")
    ended = walk("run.resume=never", *STEPWISE, cwd=tmp_path, program=program)
    assert ended.returncode == EXIT_INTERRUPTED
    assert re.search("run~2: interrupted .* without run.resume=never", ended.stderr)
    if requeued:
        monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    again = ("run.resume=never",) if requeued else ()
    assert package.run(*WALK, f"run.dir={tmp_path / 'run'}", *again) == tmp_path / "run~2"
    assert resumed_at(tmp_path / "run~2") >= 8
    assert_same_results(tmp_path / "run~2", tiny_run("walk"))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT", "SIGHUP"])
def test_signal_saves_a_checkpoint_and_ends_with_the_documented_status(tmp_path, tiny_run, terminated, name):
    if name == "SIGTERM":
        shutil.copytree(terminated[0], tmp_path / "run")
        ended = terminated[1]
    else:
        ended = walk(*STEPWISE, cwd=tmp_path, program=SIGNAL_AFTER.format(sweep=10, name=name))
    assert ended.returncode == EXIT_INTERRUPTED, ended.stdout + ended.stderr
    assert f"stopped by {name} at step" in ended.stderr
    assert "run the same command again" in ended.stderr
    partial = package.load(tmp_path / "run")
    assert partial.attrs["complete"] == 0
    assert 8 <= int(partial.t[-1]) < 20
    if name == "SIGTERM":  # resuming does not depend on what stopped the run
        assert walk(cwd=tmp_path).returncode == 0
        assert_same_results(tmp_path / "run", tiny_run("walk"))


def test_run_falls_back_to_the_checkpoint_before_a_damaged_one(stopped, tiny_run):
    steps = sorted(int(path.name) for path in (stopped / "checkpoints").iterdir())
    assert len(steps) == 3  # run.keep
    for file in (stopped / "checkpoints" / str(steps[-1])).rglob("d/*"):
        if file.stat().st_size > 1:
            os.truncate(file, file.stat().st_size // 2)
    package.run(*WALK, f"run.dir={stopped}")
    log = (stopped / "log.txt").read_text()
    assert f"checkpoint at sweep {steps[-1]} is damaged" in log and "Traceback" not in log
    assert resumed_at(stopped) == steps[-2]
    assert_same_results(stopped, tiny_run("walk"))


def test_run_with_no_whole_checkpoint_is_an_error(stopped):
    for file in (stopped / "checkpoints").rglob("d/*"):
        os.truncate(file, 0)
    for _ in range(2):  # nor does the same command begin a new run
        refused = walk(cwd=stopped.parent)
        assert refused.returncode == EXIT_ERROR and "run.resume=never" in refused.stderr
        assert "Error executing job" not in refused.stderr and "Traceback" not in refused.stderr


def test_run_refuses_a_checkpoint_of_another_shape(stopped):
    with Checkpoints(stopped / "checkpoints", 3) as checkpoints:
        now, arrays, records = checkpoints.load_newest()
        name = next(name for name, array in arrays.items() if array.ndim > 1)
        shape = arrays[name].shape
        cut = {name: arrays[name][..., :1]}
        checkpoints.save(now + 1, arrays | cut, len(records["times"]))
    there = (*shape[:-1], 1)
    with pytest.raises(StoreError, match=re.escape(f"{name}: {there} there, {shape} needed")):
        package.run(*WALK, f"run.dir={stopped}")


def test_full_disk_is_an_error_and_keeps_the_last_good_checkpoint(tmp_path, tiny_run):
    """A real full disk, on a tiny file system in memory."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a file system needs more rights; the injected error covers this machine")
    try:
        fill = f"""
import pathlib, threading, time
def fill():
    while not any(p.name.isdigit() and int(p.name) >= 6 for p in pathlib.Path("{small}/run/checkpoints").glob("*")):
        time.sleep(0.001)
    try:
        with open("{small}/filler", "wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError:
        pass
threading.Thread(target=fill, daemon=True).start()
"""
        full = walk(*STEPWISE, cwd=small, program=fill)
        assert full.returncode == EXIT_ERROR, full.stdout + full.stderr
        assert "dsm: cannot write" in full.stderr and "Error executing job" not in full.stderr
        steps = sorted(int(p.name) for p in (small / "run/checkpoints").iterdir() if p.name.isdigit())
        assert steps and steps[-1] >= 6
        os.unlink(small / "filler")
        finished = walk(cwd=small)
        assert finished.returncode == 0 and "resumed at step" in finished.stderr
        assert_same_results(small / "run", tiny_run("walk"))
    finally:
        subprocess.run(["umount", str(small)], check=False)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_results_do_not_depend_on_the_number_of_devices(tmp_path, whole, devices):
    """The run to compare with has one a core."""
    run_dsm(*MAIN, "run.dir=run", f"run.devices={devices}", cwd=tmp_path)
    assert_same_results(tmp_path / "run", whole)


@pytest.mark.slow
def test_further_replicas_leave_the_others_as_they_are(tmp_path, whole):
    run_dsm(*MAIN, "run.dir=run", "sampler.replicas=6", cwd=tmp_path)
    more, few = results(tmp_path / "run"), results(whole)
    for name in ("teacher_weight_overlap", "test_error", "acceptance"):
        assert (more[name].isel(replica=slice(4)) == few[name]).all()


@pytest.mark.slow
@pytest.mark.parametrize("sweep", [10, pytest.param(12, marks=pytest.mark.slow)], ids=["between swaps", "at a swap"])
def test_exchange_resumes_bitwise(tmp_path, interrupt_at, sweep):
    ladder = (*TINY, "sampler=exchange", "sampler.sweeps=64", "sampler.beta=[0,0.02,0.04]", "sampler.exchange=3")
    ladder += ("observe.quantities=[weight_overlap,energy]", "observe.burn_in=16", "run.devices=2", "run.progress=none")

    def lead(name: str, *more: str) -> Outcome:
        config = package.compose(*ladder, f"run.dir={tmp_path / name}", *more)
        return carry_out(task_of("sample"), config).outcome

    assert lead("whole") is Outcome.done
    interrupt_at(sweep)
    assert lead("run", *STEPWISE) is Outcome.interrupted
    assert lead("run") is Outcome.done
    assert_same_results(tmp_path / "run", tmp_path / "whole")
    found = results(tmp_path / "whole")
    assert found.swap_rate.dims == ("sample", "pair", "replica", "sweep") and found.pair.values.tolist() == [0, 0.02]
    assert found.round_trips.dims == ("sample", "replica", "sweep") and "swap_rate_mean" in found
    assert "energy_ess" in found and "swap_rate_ess" not in found and "round_trips_ess" not in found
    assert found.swap_rate.sel(sweep=0).isnull().all() and found.swap_rate.sel(sweep=64).notnull().any()
    assert 0 < found.swap_rate.mean() < 1 and found.round_trips.isel(sweep=-1).sum() > 0
    assert all({"long_name", "units"} <= set(variable.attrs) for variable in found.data_vars.values())


def test_second_process_on_a_run_is_refused(tmp_path):
    words = (*WALK, "steps=1000000")
    first = start(*words, "run.dir=run", *STEPWISE, cwd=tmp_path, **PLUGINS)
    try:
        while not list((tmp_path / "run").glob("checkpoints/[0-9]*")):
            assert first.poll() is None
            time.sleep(0.05)
        with pytest.raises(StoreError, match="in use by another process"):
            package.run(*words, f"run.dir={tmp_path / 'run'}")
    finally:
        first.terminate()
        with first.stdout:
            first.communicate(timeout=60)
    assert first.returncode == EXIT_INTERRUPTED
