"""Run `dsm` in processes of its own, as a user does.

Importing JAX, Hydra and orbax takes 2 s of CPU. A process that starts `fresh` pays them; the others are forked from a
server that has imported them and has started no backend of JAX.
"""

import atexit
import contextlib
import functools
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from multiprocessing.reduction import DupFd
from pathlib import Path

import numpy as np
import xarray as xr

#: The folder of the tests, and the checkout.
TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent

#: A run of a second or so, long enough to be interrupted: every call does one sweep and every call saves.
TINY = (
    "experiment=quickstart",
    "network.width=6",
    "data.samples=2",
    "data.test_patterns=50",
    "sampler.replicas=4",
    "sampler.sweeps=32",
    "observe.every=4",
    "observe.spacing=linear",
    "observe.references=[0,8]",
    "observe.theory=false",
    "run.figures=false",
)


#: Send a signal to this very process once so many checkpoints are there.
SIGNAL_AFTER = """
import os, pathlib, signal, threading, time
def saved():
    try:
        return [int(name) for name in os.listdir("run/checkpoints") if name.isdigit()]
    except OSError:  # it is not there yet
        return []
def watch():
    while max(saved(), default=-1) < {sweep}:
        time.sleep(0.002)
    os.kill(os.getpid(), signal.{name})
threading.Thread(target=watch, daemon=True).start()
"""


#: Where compiled programs are kept from one test session to the next, in whatever checkout. JAX takes one only for the same
#: program, compiler, options and kind of device.
KEPT = Path(os.environ.get("DSM_TEST_CACHE") or Path.home() / ".cache" / "dsm" / "tests")
#: For all processes that the tests start, beside the cache of the test session itself.
CACHE = f"run.compilation_cache={KEPT / 'runs'}"

#: Optimisations and fusion emitters of XLA cost the tests more time than they save.
QUICK_COMPILES = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false"}


def environment(**more: str) -> dict[str, str]:
    """The environment without what the test session itself has set for JAX."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XLA_", "JAX_"))}
    return kept | QUICK_COMPILES | {"PYTHONUNBUFFERED": "1"} | more


def _code(program: str) -> str:
    return f"{program}\nimport sys\nfrom dsm.cli import main\nmain()"


def command(*overrides: str, program: str = "") -> list[str]:
    """The command line of `dsm` in a new interpreter, with Python code to run before it."""
    return [sys.executable, "-c", _code(program), *overrides, CACHE]


# Processes that are forked from a server

#: What the server imports before it forks.
IMPORTS = ["dsm._jobs", "dsm.tasks", "dsm.plotting", "dsm.store", "dsm.theory", "matplotlib.figure", "orbax.checkpoint"]
#: Seconds after which a process hangs.
PATIENCE = 300.0


@functools.cache
def _server() -> multiprocessing.context.ForkServerContext:
    """Start the server; one for each test session and worker."""
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTS)
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment())
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


class _Descriptor:
    """A file descriptor that is handed to a forked process."""

    def __init__(self, number: int):
        self.number = number

    def __reduce__(self):
        return _detach, (DupFd(self.number),)


def _detach(duplicate) -> int:
    return duplicate.detach()


def _run(code: str, words: Sequence[str], cwd: str, variables: dict[str, str], out: int, err: int) -> None:
    """In a forked process: become `python -c code words`."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    # pytest's own streams may have come along
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), write_through=True)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(variables)
    searched = [entry for entry in variables.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = ["", *searched, *(entry for entry in sys.path if entry not in ("", str(TESTS)))]
    sys.argv = ["-c", *words]
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out


class Forked:
    """A running `dsm`, with what tests use of `subprocess.Popen`.

    Attributes:
        pid: its number.
        stdout: what it prints, both streams in one, as lines of text; None if they go to files.
    """

    def __init__(self, code: str, words: Sequence[str], cwd: Path, variables: dict[str, str], out=None, err=None):
        self.stdout = None
        read = write = None
        if out is None:
            read, write = os.pipe()
            self.stdout = os.fdopen(read)
        out, err = (_Descriptor(write if file is None else file.fileno()) for file in (out, err))
        self._process = _server().Process(target=_run, args=(code, tuple(words), str(cwd), variables, out, err))
        self._process.start()
        self.pid = self._process.pid
        if write is not None:
            os.close(write)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            self.kill()
            raise subprocess.TimeoutExpired("dsm", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, None]:
        """Read to the end and wait for it; a process that hangs is killed."""
        alarm = threading.Timer(timeout, self.kill)
        alarm.start()
        try:
            text = self.stdout.read() if self.stdout is not None else ""
        finally:
            alarm.cancel()
        if self.stdout is not None:
            self.stdout.close()
        self.wait(timeout)
        return text, None


def dsm(
    *overrides: str, cwd: Path, program: str = "", check: bool = True, fresh: bool = False, **more: str
) -> subprocess.CompletedProcess:
    """Run `dsm` to its end; `fresh` in a new interpreter, which a change of JAX's variables or of what is imported needs."""
    if fresh:
        done = subprocess.run(
            command(*overrides, program=program),
            cwd=cwd,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    else:
        words = (*overrides, CACHE)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = Forked(_code(program), words, cwd, environment(**more), out, err)
            status = process.wait(PATIENCE)
            texts = [file.seek(0) or file.read() for file in (out, err)]
        done = subprocess.CompletedProcess(["dsm", *words], status, *texts)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def start(*overrides: str, cwd: Path, program: str = "", **more: str) -> Forked:
    """Start `dsm` and go on."""
    return Forked(_code(program), (*overrides, CACHE), cwd, environment(**more))


# Stored results


def results(path: Path) -> xr.Dataset:
    """The stored results, as they are on disk."""
    with xr.open_dataset(path / "results.nc", engine="h5netcdf") as dataset:
        return dataset.load()


def assert_same_results(a: Path, b: Path, leave_out: Sequence[str] = ()) -> None:
    """Two runs have bitwise the same results."""
    left, right = results(a).drop_vars(leave_out), results(b).drop_vars(leave_out)
    assert set(left.variables) == set(right.variables)
    for name in left.variables:
        np.testing.assert_array_equal(left[name].values, right[name].values, err_msg=str(name))
