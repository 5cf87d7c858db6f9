"""Sweeps on a real Slurm: submitted, requeued, signalled, over their time limit, shell killed, two on one directory."""

import contextlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import dsm
from cluster.slurm import cluster, missing
from commands import CACHE, environment

WHY = missing() or (None if importlib.util.find_spec("submitit") else "the extra slurm is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(WHY is not None, reason=str(WHY))]

#: Some seconds of work, with a checkpoint after every second or so.
JOB = (
    "experiment=quickstart", "network.width=6", "data.samples=1", "data.test_patterns=50", "sampler.replicas=2",
    "observe.theory=false", "run.figures=false", "run.devices=1", "run.checkpoint_minutes=0.01", "run.chunk_seconds=0.2",
    CACHE,
)  # fmt: skip
SHORT, LONG = "sampler.sweeps=64", "sampler.sweeps=30000"
SLURM = ("hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=1")


@pytest.fixture
def slurm(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment of users of a cluster with room for four jobs."""
    with cluster(tmp_path_factory.mktemp("slurm"), cpus=4) as variables:
        yield environment(**variables, DSM_LOCAL="none")


def words(*more: str) -> list[str]:
    flags = [word for word in more if word.startswith("-")]
    return [sys.executable, "-m", "dsm", *flags, *JOB, *(word for word in more if word not in flags)]


def run(slurm: dict[str, str], folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run(command, cwd=folder, env=slurm, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def queued(slurm: dict[str, str], folder: Path) -> list[str]:
    """Numbers of the jobs that are not over, as in 3_1."""
    return run(slurm, folder, "squeue", "-h", "-r", "-o", "%i").stdout.split()


def wait(ready: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def checkpoint_in(folder: Path, seed: int) -> bool:
    """Whether a run has a whole checkpoint; nothing below is looked into, for that is written and moved meanwhile."""
    return any(path.name.isdigit() for path in folder.glob(f"runs/*/*/seed={seed}/checkpoints/*"))


@contextlib.contextmanager
def started(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    """A command that runs beside the test, and not beyond it."""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def logs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("runs/.submitit/*/*_log.*")))


def assert_equal_sweeps(one: Path, other: Path) -> None:
    found, expected = (dsm.load_sweep(folder / "runs") for folder in (one, other))
    assert found.sizes["seed"] == expected.sizes["seed"] and set(found) == set(expected)
    for name in expected:
        np.testing.assert_array_equal(found[name].values, expected[name].values, err_msg=str(name))


def test_slurm_runs_sweeps_and_one_of_two_jobs_on_a_directory(slurm, tmp_path):
    sweep = run(slurm, tmp_path, *words("-m", SHORT, "seed=range(4)", *SLURM))
    assert "4 jobs: 4 done" in sweep.stderr
    joined = dsm.load_sweep(tmp_path / "runs")
    assert joined.seed.values.tolist() == [0, 1, 2, 3] and joined.attrs["complete"] == 1

    line = " ".join(words(LONG, "run.dir=one"))
    for _ in range(2):
        run(slurm, tmp_path, "sbatch", "--cpus-per-task=1", "--mem=1G", "--output=%j.out", f"--wrap={line}")
    wait(lambda: not queued(slurm, tmp_path), "both jobs to end")
    told = sorted(path.read_text() for path in tmp_path.glob("*.out"))
    assert len(told) == 2 and sum("is in use by another process" in text for text in told) == 1
    assert sum("one: finished" in text for text in told) == 1 and not any("Traceback" in text for text in told)


def test_slurm_step_of_two_tasks_is_one_run(slurm, tmp_path):
    """The processes find each other by what Slurm says."""
    ising = (SHORT, "sampler=ising", "network.weights=ising")
    step = run(slurm, tmp_path, "srun", "--ntasks=2", "--cpus-per-task=1", *words(*ising, "run.dir=two"))
    assert step.stderr.count("two: finished") == 1 and "2 replicas are divided among 2 CPU cores" in step.stderr
    run(slurm, tmp_path, *words(*ising, "run.dir=one", "run.devices=2"))
    found, expected = (dsm.load(tmp_path / name) for name in ("two", "one"))
    for name in ("energy", "acceptance", "teacher_weight_overlap"):
        np.testing.assert_array_equal(found[name].values, expected[name].values)


def test_slurm_sweep_survives_requeue_signals_and_a_killed_shell(slurm, tmp_path):
    """Requeued, asked to stop, told of the time limit; the submitting shell killed; then the same command again.

    Slurm looks at time limits twice a minute: too long for a test. Its signal before the limit is sent by hand.
    """
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    calm.mkdir(), rough.mkdir()
    sweep = words("-m", LONG, "seed=range(3)")
    submit = [*sweep, *SLURM, "hydra.launcher.timeout_min=2", "hydra.launcher.signal_delay_s=5"]
    with started(sweep, calm, slurm) as undisturbed:
        with started(submit, rough, slurm):
            wait(lambda: all(checkpoint_in(rough, seed) for seed in range(3)), "checkpoints of all jobs")
        (array,) = {job.split("_")[0] for job in queued(slurm, rough)}
        run(slurm, rough, "scontrol", "requeue", f"{array}_0")
        run(slurm, rough, "scancel", "--signal=USR1", f"{array}_1")
        run(slurm, rough, "scancel", "--signal=USR2", f"{array}_2")
        wait(lambda: not queued(slurm, rough), "all jobs to end")
        assert len(list(rough.glob("runs/**/DONE"))) == 2  # the requeued ones

        again = run(slurm, rough, *submit)
        assert undisturbed.wait(300) == 0
    assert "3 jobs: 3 done" in again.stderr
    told = logs(rough)
    assert all(f"stopped by {name}" in told for name in ("SIGTERM", "SIGUSR1", "SIGUSR2"))
    assert "Requeued job" in told and told.count("resumed at sweep") == 3
    assert "already finished" not in told  # these were not submitted again
    assert "Traceback" not in told
    assert_equal_sweeps(rough, calm)
