"""Errors of the disk, signals at any time and failed jobs end in one line and a documented status, and lose nothing."""

import logging
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import dsm as package
import tiny
from commands import TESTS, TINY, dsm, results
from dsm import store
from dsm._errors import StoreError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED, Outcome
from dsm.config import Config
from dsm.driver import SEGMENTS
from dsm.tasks import History, Job, Task
from dsm.tasks._loop import pause
from dsm.tasks._run import carry_out


def one_line(done, status: int, *words: str) -> None:
    """The process ended with this status, and says why in a line without a traceback."""
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr, done.stderr
    assert any(all(word in line for word in words) for line in done.stderr.splitlines()), done.stderr


# The life of a run, with a simulation that counts


@dataclass
class Counter:
    """Counts its time; after some calls this process gets a signal."""

    number: signal.Signals | None = None
    after: int = 3
    calls: int = 0

    def begin(self):
        return jnp.int32(0)

    def advance(self, progress, numbers, recorded):
        self.calls += 1
        if self.number is not None and self.calls == self.after:
            os.kill(os.getpid(), self.number)
        now = progress + jnp.cumsum(numbers)
        return now[-1], {"count": now[:, None]}


@dataclass
class Life:
    """What happens in a run, in order."""

    path: Path
    happened: list[str] = field(default_factory=list)

    def task(self, driver, *, theory_signal=None, draw=lambda found, folder: []) -> Task:
        """A task whose driver is what `driver()` returns."""

        def dataset(driver, history: History) -> xr.Dataset:
            self.happened.append("dataset")
            return xr.Dataset({"count": (("t", "x"), np.array(history.records["count"]))})

        def theory(driver, found: xr.Dataset) -> xr.Dataset:
            self.happened.append("theory")
            if theory_signal is not None:
                os.kill(os.getpid(), theory_signal)
            return found.assign(theory=1)

        job = Job(
            driver=driver,
            due=list(range(0, 40 * SEGMENTS, 2)),
            unit="sweeps",
            examine=lambda history: "",
            dataset=dataset,
            theory=theory,
            value=lambda found: 1.0,
        )
        return Task("count", Config, lambda config: job, draw, precision={"count": "int32"})

    def lead(self, driver, *more: str, **options):
        """A run; `driver` is one, or makes one."""
        words = (f"run.dir={self.path}", "run.progress=none", "run.chunk_seconds=1e-9", *more)
        make = driver if callable(driver) else lambda: driver
        return carry_out(self.task(make, **options), package.compose("experiment=quickstart", *words))


@pytest.fixture
def life(tmp_path) -> Life:
    return Life(tmp_path / "run")


@pytest.fixture
def launcher():
    """Sets a handler as a launcher does, for the length of a test."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.quick
def test_interrupted_run_is_requeued_first_and_computes_no_theory(life, launcher):
    launcher(lambda number, frame: life.happened.append("requeued"))
    report = life.lead(Counter(signal.SIGUSR1))
    assert report.outcome is Outcome.interrupted and report.stopped
    assert life.happened == ["requeued", "dataset"]
    assert "theory" not in results(life.path) and package.load(life.path).attrs["complete"] == 0
    assert life.lead(Counter()).outcome is Outcome.done
    assert life.happened[2:] == ["dataset", "theory"]
    np.testing.assert_array_equal(results(life.path)["count"].isel(x=0), range(0, 40 * SEGMENTS, 2))
    assert results(life.path).theory == 1


def test_interrupted_run_writes_results_though_the_launcher_ends_the_process(life, launcher):
    def requeue(number, frame):
        raise SystemExit(-1)

    launcher(requeue)
    with pytest.raises(SystemExit):
        life.lead(Counter(signal.SIGUSR1))
    assert package.load(life.path).attrs["complete"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_signal_in_the_last_phase_lets_the_run_finish(life, number):
    before = signal.getsignal(number)
    report = life.lead(Counter(), theory_signal=number)
    assert report.outcome is Outcome.done and report.stopped and (life.path / "DONE").exists()
    assert signal.getsignal(number) is before


def test_signal_before_compilation_ends_the_run(life):
    def prepare():
        os.kill(os.getpid(), signal.SIGINT)
        return counter

    counter = Counter()
    assert life.lead(prepare).outcome is Outcome.interrupted
    assert counter.calls == 0 and not (life.path / "results.nc").exists()
    assert life.lead(counter).outcome is Outcome.done


def test_sighup_stays_ignored_under_nohup(life):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        report = life.lead(Counter(signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert report.outcome is Outcome.done and not report.stopped


def test_slow_checkpoints_are_made_less_often(life, monkeypatch):
    save, saved = store.Checkpoints.save, []

    def slow(checkpoints, now, *arguments):
        time.sleep(0.1)
        saved.append(now)
        save(checkpoints, now, *arguments)

    monkeypatch.setattr(store.Checkpoints, "save", slow)
    counter = Counter()
    assert life.lead(counter, "run.checkpoint_minutes=1e-9").outcome is Outcome.done
    assert counter.calls > 20 and 2 <= len(saved) < 10  # the first call, the last, and few between
    assert pause(5.0, 1.0) == 300 and pause(5.0, 30.0) == pytest.approx(970) and pause(0.0, 1.0) == 0


REFUSED = ("manifest.json", "results.nc", "DONE", "config.yaml", "log.txt")


@pytest.mark.parametrize("name", REFUSED)
def test_disk_error_is_a_store_error_and_the_run_can_be_completed(life, monkeypatch, name):
    replace, handler = os.replace, logging.FileHandler._open

    def refuse(source, target):
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        replace(source, target)

    def refuse_log(self):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        if name == "log.txt":
            patched.setattr(logging.FileHandler, "_open", refuse_log)
        with pytest.raises(StoreError, match=r"(cannot write|cannot use) .*run"):
            life.lead(Counter())
    assert logging.FileHandler._open is handler
    assert not list(life.path.glob(".*.tmp")) and not (life.path / "DONE").exists()
    assert life.lead(Counter()).outcome is Outcome.done
    assert package.load(life.path).attrs["complete"] == 1


#: Writes results for which the disk has no room.
TOO_LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
import xarray as xr
from dsm import store
from dsm._errors import StoreError
data = xr.Dataset({name: ("x", np.random.default_rng(0).random(3000)) for name in "abc"})
resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
try:
    store.write(data, Path("results.nc"))
except StoreError as error:
    print(error)
sys.exit(0)
"""


def test_full_disk_while_results_are_written_is_a_store_error(tmp_path):
    """HDF5 crashes when a file is closed that it could not write."""
    done = dsm(cwd=tmp_path, program=TOO_LARGE)
    assert done.stdout == "cannot write results.nc: File too large\n", done
    assert not list(tmp_path.iterdir())


def test_log_drops_lines_that_it_cannot_write(life, monkeypatch, capsys):
    def refuse(self):
        raise OSError(28, "No space left on device")

    def prepare():
        monkeypatch.setattr(logging.FileHandler, "flush", refuse)
        logging.getLogger("dsm").error("lost")
        return Counter()

    assert life.lead(prepare).outcome is Outcome.done
    assert "Logging error" not in capsys.readouterr().err


def test_figure_that_cannot_be_written_is_a_store_error(life):
    def refuse(found, folder):
        raise OSError(28, "No space left on device", "figure.png")

    with pytest.raises(StoreError, match="cannot use the run directory .*No space left on device"):
        life.lead(Counter(), draw=refuse)
    assert not (life.path / "DONE").exists()
    assert life.lead(Counter()).outcome is Outcome.done


# The command line

#: Raises an error of the disk where a figure is saved.
NO_FIGURES = """
import matplotlib.figure
def refuse(*arguments, **options):
    raise OSError(28, "No space left on device", "figure.png")
matplotlib.figure.Figure.savefig = refuse
"""
#: Sends signals when results are written, and when the interpreter ends.
LATE_SIGNALS = """
import atexit, os, signal, time
import dsm.store
write = dsm.store.write
def interrupted_write(dataset, path):
    for number in range({times}):
        time.sleep(1.1 * number)
        os.kill(os.getpid(), signal.{name})
    write(dataset, path)
dsm.store.write = interrupted_write
atexit.register(lambda: os.kill(os.getpid(), signal.{name}))
"""
#: The disk refuses to let checkpoints be read.
UNREADABLE = """
import orbax.checkpoint
def refuse(*arguments, **options):
    raise OSError(5, "Input/output error")
orbax.checkpoint.CheckpointManager.restore = refuse
"""


def test_signals_while_results_are_written(tmp_path):
    """A second signal ends the process; after one the run is finished."""
    words = (*tiny.RUNS["walk"], "run.dir=run", "run.progress=none")
    options = {"cwd": tmp_path, "check": False, "PYTHONPATH": str(TESTS)}
    done = dsm(*words, program=LATE_SIGNALS.format(times=2, name="SIGHUP"), **options)
    one_line(done, EXIT_INTERRUPTED, "dsm: ended by SIGHUP", "run the same command again")
    assert not (tmp_path / "run/DONE").exists()
    done = dsm(*words, program=LATE_SIGNALS.format(times=1, name="SIGTERM"), **options)
    one_line(done, 0, "run: finished")
    assert "resumed at step 20" in done.stderr and (tmp_path / "run/DONE").exists()


@pytest.mark.slow
def test_errors_after_the_simulation_end_in_one_line_and_the_same_command_completes(tmp_path):
    """Of the main job, with figures."""
    arguments = (*TINY[:-1], "run.dir=run", "run.progress=none")
    done = dsm(*arguments, cwd=tmp_path, program=NO_FIGURES, check=False)
    one_line(done, EXIT_ERROR, "dsm: cannot use the run directory", "No space left on device")
    done = dsm(*arguments, cwd=tmp_path, program=UNREADABLE, check=False)
    one_line(done, EXIT_ERROR, "dsm: cannot read the checkpoint at sweep 32", "Input/output error")
    done = dsm(*arguments, cwd=tmp_path, program=LATE_SIGNALS.format(times=2, name="SIGHUP"), check=False)
    one_line(done, EXIT_INTERRUPTED, "dsm: ended by SIGHUP", "run the same command again")
    assert not (tmp_path / "run/DONE").exists()
    done = dsm(*arguments, cwd=tmp_path, program=LATE_SIGNALS.format(times=1, name="SIGTERM"), check=False)
    one_line(done, 0, "run: finished")
    assert "resumed at sweep 32" in done.stderr and list((tmp_path / "run/figures").iterdir())


def test_deleted_working_folder_is_an_error(tmp_path):
    program = f"import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('{tmp_path}/gone')"
    one_line(dsm(*TINY, cwd=tmp_path, program=program, check=False), EXIT_ERROR, "dsm: the working folder")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signal_before_the_run_ends_in_one_line(tmp_path, name):
    program = (
        f"import os, signal, dsm._jobs\ndsm._jobs.set_up = lambda config, together: os.kill(os.getpid(), signal.{name})"
    )
    done = dsm(*TINY, cwd=tmp_path, program=program, check=False)
    one_line(done, EXIT_INTERRUPTED, f"dsm: ended by {name}")
    assert done.stderr.count("\n") == 1 and not list(tmp_path.rglob("config.yaml"))


#: Runs that do nothing but say so; seed 1 is stopped where wanted.
PRETEND = """
import dsm.tasks
from pathlib import Path
from dsm._results import Outcome
def run(config):
    Path(f"ran-{{config.seed}}-{{config.data.alpha}}").touch()
    stopped = {stopped} and config.seed == 1
    outcome = Outcome.interrupted if {stopped} == 1 and stopped else Outcome.done
    return dsm.tasks.Report(outcome, Path("run"), [], 0.5, bool(stopped))
dsm.tasks.run = run
"""


def test_failed_job_stops_no_other(tmp_path):
    words = ("-m", "experiment=quickstart", "data.alpha=2,-1,4")
    done = dsm(*words, cwd=tmp_path, program=PRETEND.format(stopped=0), check=False)
    one_line(done, EXIT_ERROR, "dsm: data.alpha=-1: data.alpha = -1.0")
    assert done.stderr.index("1 of 3 jobs cannot run") < done.stderr.index("finished")  # before the first one starts
    assert "3 jobs: 2 done, 1 failed" in done.stderr and "\njob 3 of 3: data.alpha=4\n" in done.stderr
    assert {path.name for path in tmp_path.glob("ran*")} == {"ran-0-2.0", "ran-0-4.0"}
    single = dsm("experiment=quickstart", "data.alpha=-1", cwd=tmp_path, check=False)
    one_line(single, EXIT_ERROR, "dsm: data.alpha = -1.0")
    assert single.stderr.count("\n") == 1


@pytest.mark.parametrize("stopped", [1, 2])
def test_stopped_sweep_starts_no_further_job(tmp_path, stopped):
    """Whether the job at work was interrupted, or could finish."""
    words = ("-m", "experiment=quickstart", "seed=0,1,2")
    done = dsm(*words, cwd=tmp_path, program=PRETEND.format(stopped=stopped), check=False)
    one_line(done, EXIT_INTERRUPTED, "seed=2" if stopped == 2 else "seed=1")
    assert {path.name for path in tmp_path.glob("ran*")} == {"ran-0-4.0", "ran-1-4.0"}
