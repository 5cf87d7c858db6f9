"""Interrupted work resumes, bitwise; nothing is lost or silently wrong."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import dsm as package
from commands import SIGNAL_AFTER, TINY, assert_same_results, dsm, results, start
from dsm._errors import StoreError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED
from dsm.store import Checkpoints

#: Every call of the loop is one sweep, and each is followed by a checkpoint.
STEPWISE = ("run.checkpoint_minutes=0", "run.chunk_seconds=1e-9")

#: Kill this very process as soon as the n-th temporary checkpoint is seen: in the middle of its being written.
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


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    dsm(*TINY, "run.dir=run", cwd=folder)
    return folder / "run"


@pytest.fixture(scope="module")
def terminated(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A run that SIGTERM has stopped, and how its process ended. Tests change copies of it."""
    folder = tmp_path_factory.mktemp("terminated")
    program = SIGNAL_AFTER.format(sweep=14, name="SIGTERM")
    ended = dsm(*TINY, "run.dir=run", *STEPWISE, cwd=folder, program=program, check=False)
    return folder / "run", ended


def test_killed_runs_resume_bitwise(tmp_path, uninterrupted):
    """kill -9 at several points: in the middle of the first and of a later checkpoint, and between checkpoints."""
    arguments = (*TINY, "run.dir=run", *STEPWISE)
    for program in (
        KILL_IN_CHECKPOINT.format(number=1),
        KILL_IN_CHECKPOINT.format(number=7),
        SIGNAL_AFTER.format(sweep=12, name="SIGKILL"),
        SIGNAL_AFTER.format(sweep=20, name="SIGKILL"),
    ):
        killed = dsm(*arguments, cwd=tmp_path, program=program, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
        assert not (tmp_path / "run" / "DONE").exists()
    finished = dsm(*arguments, cwd=tmp_path)
    resumed = [line for line in finished.stderr.splitlines() if "resumed at sweep" in line]
    assert resumed and int(resumed[0].split()[-1]) >= 19
    assert_same_results(tmp_path / "run", uninterrupted)


def test_a_run_that_started_afresh_is_continued(tmp_path, uninterrupted):
    """By the plain command, or by the same one if Slurm gives it, which would otherwise begin one more."""
    shutil.copytree(uninterrupted, tmp_path / "seed=0")
    program = SIGNAL_AFTER.format(sweep=14, name="SIGTERM").replace("run/checkpoints", "seed=0~2/checkpoints")
    plain, afresh = (*TINY, "run.dir='seed=0'", *STEPWISE), "run.resume=never"
    stopped = dsm(*plain, afresh, cwd=tmp_path, program=program, check=False)
    assert stopped.returncode == EXIT_INTERRUPTED
    assert "seed=0~2: interrupted after a checkpoint: run again without run.resume=never to continue" in stopped.stderr
    shutil.copytree(tmp_path / "seed=0~2", tmp_path / "stopped")
    assert "resumed at sweep" in dsm(*plain, cwd=tmp_path).stderr
    assert_same_results(tmp_path / "seed=0~2", uninterrupted)
    shutil.rmtree(tmp_path / "seed=0~2")
    (tmp_path / "stopped").rename(tmp_path / "seed=0~2")
    assert "resumed at sweep" in dsm(*plain, afresh, cwd=tmp_path, SLURM_RESTART_COUNT="1").stderr
    assert_same_results(tmp_path / "seed=0~2", uninterrupted)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT", "SIGHUP"])
def test_signals_checkpoint_and_exit_with_the_documented_code(tmp_path, uninterrupted, terminated, name):
    arguments = (*TINY, "run.dir=run")
    if name == "SIGTERM":
        stopped = terminated[1]
        shutil.copytree(terminated[0], tmp_path / "run")
    else:
        program = SIGNAL_AFTER.format(sweep=10, name=name)
        stopped = dsm(*arguments, *STEPWISE, cwd=tmp_path, program=program, check=False)
    assert stopped.returncode == EXIT_INTERRUPTED, stopped.stdout + stopped.stderr
    assert f"stopped by {name} at sweep" in stopped.stderr
    assert "run the same command again to continue" in stopped.stderr
    partial = package.load(tmp_path / "run")
    assert partial.attrs["complete"] == 0
    assert 10 <= int(partial.sweep[-1]) + 4 < 32
    if name == "SIGTERM":  # resuming does not depend on what stopped the run
        dsm(*arguments, cwd=tmp_path)
        assert_same_results(tmp_path / "run", uninterrupted)


def test_finished_run_is_a_no_op(uninterrupted):
    before = {
        path: path.stat().st_mtime_ns for path in uninterrupted.rglob("*") if path.name not in ("log.txt", ".lock")
    }
    again = dsm(*TINY, "run.dir=run", cwd=uninterrupted.parent)
    assert "already finished" in again.stderr
    assert before == {p: p.stat().st_mtime_ns for p in uninterrupted.rglob("*") if p.name not in ("log.txt", ".lock")}


def test_damaged_newest_checkpoint_falls_back_to_the_one_before(tmp_path, uninterrupted, terminated):
    arguments = (*TINY, "run.dir=run")
    shutil.copytree(terminated[0], tmp_path / "run")
    steps = sorted(int(path.name) for path in (tmp_path / "run/checkpoints").iterdir())
    assert len(steps) == 3  # run.keep
    newest = tmp_path / "run/checkpoints" / str(steps[-1])
    for file in newest.rglob("d/*"):
        if file.stat().st_size > 1:
            os.truncate(file, file.stat().st_size // 2)
    finished = dsm(*arguments, cwd=tmp_path)
    assert f"checkpoint at sweep {steps[-1]} is damaged and set aside" in finished.stderr
    assert f"resumed at sweep {steps[-2]}" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert_same_results(tmp_path / "run", uninterrupted)


def test_silently_altered_checkpoint_is_found_by_its_checksum(tmp_path):
    from dsm.store._checkpoint import checksum

    with Checkpoints(tmp_path / "checkpoints", 3) as checkpoints:
        for sweep in (1, 2):
            checkpoints.save(sweep, {"a": np.arange(6.0) + sweep})
        (meta,) = (tmp_path / "checkpoints" / "2" / "meta").glob("metadata")
        meta.write_text(meta.read_text().replace(str(checksum(np.arange(6.0) + 2)), "7"))
        found = checkpoints.load_newest()
        assert found is not None and found[0] == 1
        np.testing.assert_array_equal(found[1]["a"], np.arange(6.0) + 1)


@pytest.mark.parametrize("damage", ["deleted", "dangling link"])
def test_a_file_that_is_not_there_is_damage(tmp_path, caplog, damage):
    """A disk that refuses is waited for; here there is nothing to wait for."""
    with Checkpoints(tmp_path / "checkpoints", 3) as checkpoints:
        for sweep in (1, 2):
            checkpoints.save(sweep, {"a": np.arange(6.0) + sweep})
        (meta,) = (tmp_path / "checkpoints" / "2" / "meta").glob("metadata")
        meta.unlink()
        if damage == "dangling link":
            meta.symlink_to("nowhere")
        found = checkpoints.load_newest()
    assert found is not None and found[0] == 1
    assert "checkpoint at sweep 2 is damaged and set aside" in caplog.text


def test_all_checkpoints_damaged_is_an_error_not_a_fresh_start(tmp_path, terminated):
    arguments = (*TINY, "run.dir=run")
    shutil.copytree(terminated[0], tmp_path / "run")
    for file in (tmp_path / "run/checkpoints").rglob("d/*"):
        os.truncate(file, 0)
    for _ in range(2):  # nor is there one when the same command is run again
        refused = dsm(*arguments, cwd=tmp_path, check=False)
        assert refused.returncode == EXIT_ERROR
        assert "run.resume=never starts afresh beside it" in refused.stderr
        assert "Error executing job" not in refused.stderr and "Traceback" not in refused.stderr


def test_checkpoint_of_another_shape_is_refused(tmp_path, terminated):
    arguments = (*TINY, "run.dir=run")
    shutil.copytree(terminated[0], tmp_path / "run")
    with Checkpoints(tmp_path / "run/checkpoints", 3) as checkpoints:
        sweep, arrays, records = checkpoints.load_newest()
        cut = {".state.weights": arrays[".state.weights"][:, :, :, :2]}
        checkpoints.save(sweep + 1, arrays | cut, len(records["times"]))
    refused = dsm(*arguments, cwd=tmp_path, check=False)
    assert refused.returncode == EXIT_ERROR
    assert (
        "the checkpoint is of another run:\n  .state.weights: (2, 1, 4, 2, 6, 6) there, (2, 1, 4, 3, 6, 6) needed"
        in (refused.stderr)
    )


def test_full_disk_ends_with_a_clear_error_and_keeps_the_last_good_checkpoint(tmp_path, uninterrupted):
    """A real full disk, on a tiny file system in memory."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a file system needs more rights; the injected error covers this machine")
    try:
        arguments = (*TINY, f"run.dir={small}/run")
        fill = f"""
import os, pathlib, threading, time
def fill():
    while not any(p.name.isdigit() and int(p.name) >= 12 for p in pathlib.Path("{small}/run/checkpoints").glob("*")):
        time.sleep(0.001)
    try:
        with open("{small}/filler", "wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError:
        pass
threading.Thread(target=fill, daemon=True).start()
"""
        full = dsm(*arguments, *STEPWISE, cwd=tmp_path, program=fill, check=False)
        assert full.returncode == EXIT_ERROR, full.stdout + full.stderr
        assert "dsm: cannot write" in full.stderr and "Error executing job" not in full.stderr
        steps = sorted(int(p.name) for p in (small / "run/checkpoints").iterdir() if p.name.isdigit())
        assert steps and steps[-1] >= 12
        os.unlink(small / "filler")
        finished = dsm(*arguments, cwd=tmp_path)
        assert "resumed at sweep" in finished.stderr
        assert_same_results(small / "run", uninterrupted)
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_disk_error_while_saving_is_reported(tmp_path, monkeypatch):
    import numpy as np
    import orbax.checkpoint as ocp

    with Checkpoints(tmp_path, 3) as checkpoints:
        checkpoints.save(5, {"a": np.ones(3)})

        def refuse(*arguments, **options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ocp.CheckpointManager, "save", refuse)
        with pytest.raises(StoreError, match=r"at sweep 9 in .*last good checkpoint is at sweep 5.*No space left"):
            checkpoints.save(9, {"a": np.ones(3)})
        assert checkpoints.sweeps == [5]


def test_results_do_not_depend_on_the_number_of_devices(tmp_path, uninterrupted):
    """The same replicas on 1, 2 (one a core) and 4 devices."""
    for devices in (1, 4):
        dsm(*TINY, f"run.dir=on{devices}", f"run.devices={devices}", cwd=tmp_path)
        assert_same_results(tmp_path / f"on{devices}", uninterrupted)


def test_a_further_replica_changes_nobody_elses_trajectory(tmp_path, uninterrupted):
    dsm(
        *TINY,
        "run.dir=more",
        "sampler.replicas=6",
        "observe.quantities=[weight_overlap,test_error]",
        cwd=tmp_path,
    )
    more, few = results(tmp_path / "more"), results(uninterrupted)
    for name in ("teacher_weight_overlap", "test_error", "acceptance"):
        assert (more[name].isel(replica=slice(4)) == few[name]).all()


def test_exchange_resumes_bitwise(tmp_path):
    """Stopped wherever it may be, between swaps or at one."""
    ladder = (*TINY, "sampler=exchange", "sampler.sweeps=64", "sampler.beta=[0,0.02,0.04]", "sampler.exchange=3")
    ladder += ("observe.quantities=[weight_overlap,energy]", "observe.burn_in=16", "run.devices=2")
    dsm(*ladder, "run.dir=whole", cwd=tmp_path)
    program = SIGNAL_AFTER.format(sweep=10, name="SIGTERM")
    stopped = dsm(*ladder, "run.dir=run", *STEPWISE, cwd=tmp_path, program=program, check=False)
    assert stopped.returncode == EXIT_INTERRUPTED, stopped.stdout + stopped.stderr
    finished = dsm(*ladder, "run.dir=run", cwd=tmp_path)
    assert "resumed at sweep" in finished.stderr
    assert_same_results(tmp_path / "run", tmp_path / "whole")
    found = results(tmp_path / "whole")
    assert found.swap_rate.dims == ("sample", "pair", "replica", "sweep") and found.pair.values.tolist() == [0, 0.02]
    assert found.round_trips.dims == ("sample", "replica", "sweep") and "swap_rate_mean" in found
    assert "energy_ess" in found and "swap_rate_ess" not in found and "round_trips_ess" not in found
    assert found.swap_rate.sel(sweep=0).isnull().all() and found.swap_rate.sel(sweep=64).notnull().any()
    assert 0 < found.swap_rate.mean() < 1 and found.round_trips.isel(sweep=-1).sum() > 0
    assert all({"long_name", "units"} <= set(variable.attrs) for variable in found.data_vars.values())


def test_second_process_waits_for_nobody(tmp_path):
    first = start(*TINY, "run.dir=run", "sampler.sweeps=1000000", *STEPWISE, cwd=tmp_path)
    try:
        while not list((tmp_path / "run").glob("checkpoints/[0-9]*")):
            assert first.poll() is None
            time.sleep(0.05)
        second = dsm(*TINY, "run.dir=run", "sampler.sweeps=1000000", cwd=tmp_path, check=False)
        assert second.returncode == EXIT_ERROR and "in use by another process" in second.stderr
    finally:
        first.terminate()
        first.communicate(timeout=60)
    assert first.returncode == EXIT_INTERRUPTED
