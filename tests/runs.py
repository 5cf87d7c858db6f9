"""Running `dsm` in processes of its own, as a user does."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

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
def watch():
    while not any(path.name.isdigit() and int(path.name) >= {sweep} for path in pathlib.Path("run/checkpoints").glob("*")):
        time.sleep(0.002)
    os.kill(os.getpid(), signal.{name})
threading.Thread(target=watch, daemon=True).start()
"""


#: Where compiled programs are kept from one test session to the next, in whatever checkout. JAX takes one only for the same
#: program, compiler, options and kind of device.
KEPT = Path(os.environ.get("DSM_TEST_CACHE") or Path.home() / ".cache" / "dsm" / "tests")
#: For all processes that the tests start, beside the cache of the test session itself.
CACHE = f"run.compilation_cache={KEPT / 'runs'}"


def environment(**more: str) -> dict[str, str]:
    """The environment without what the test session itself has set for JAX."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XLA_", "JAX_"))}
    return kept | {"PYTHONUNBUFFERED": "1"} | more


def command(*overrides: str, program: str = "") -> list[str]:
    """The command line of `dsm`, with Python code to run before it."""
    return [sys.executable, "-c", f"{program}\nimport sys\nfrom dsm.cli import main\nmain()", *overrides, CACHE]


def dsm(*overrides: str, cwd: Path, program: str = "", check: bool = True, **more: str) -> subprocess.CompletedProcess:
    """Run `dsm` to its end."""
    done = subprocess.run(
        command(*overrides, program=program),
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def start(*overrides: str, cwd: Path, program: str = "", **more: str) -> subprocess.Popen:
    """Start `dsm` and go on."""
    return subprocess.Popen(
        command(*overrides, program=program),
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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
