"""One run over several processes: the same results, the same end, whichever stops or dies; how processes meet."""

import contextlib
import fcntl
import os
import socket
import subprocess
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

import dsm as package
from commands import SIGNAL_AFTER, TESTS, TINY, assert_same_results, dsm, start
from dsm import _hosts, _jobs, _meeting
from dsm._cluster import Place, find_place, first_host
from dsm._errors import ConfigError, HostsError
from dsm._results import EXIT_ERROR, EXIT_INTERRUPTED

#: For processes that import the toy system.
FOUND = {"PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
#: A run of the toy system in which each call is a step and each is saved; one device a process.
STEPWISE = ("run.dir=run", "run.devices=1", "run.checkpoint_minutes=0", "run.chunk_seconds=1e-9", "run.progress=none")


# Runs over two processes on this machine


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> tuple[str, ...]:
    """Words that run the toy system."""
    folder = tmp_path_factory.mktemp("conf")
    (folder / "task").mkdir()
    (folder / "task/walk.yaml").write_text("# @package _global_\ntask: walk\nsteps: 40\nwalkers: 4\n")
    return "--config-dir", str(folder), "task=walk", "plugins=[toy]", "run.figures=false"


def pair(*words: str, cwd: Path, programs: tuple[str, str] = ("", "")) -> list[subprocess.CompletedProcess]:
    """Run `dsm` in two processes that make one run, to their ends; `programs` are run in them before."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    together = {**FOUND, "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": "2"}
    started = [
        start(*words, cwd=cwd, program=program, JAX_PROCESS_ID=str(index), **together)
        for index, program in enumerate(programs)
    ]
    ended = []
    try:
        for process in started:
            with process.stdout:
                text, _ = process.communicate()
            ended.append(subprocess.CompletedProcess(words, process.returncode, text, ""))
    finally:
        for process in started[len(ended) :]:
            process.kill()
    return ended


def told(done: subprocess.CompletedProcess) -> str:
    """All that a process has printed."""
    text = done.stdout + done.stderr
    assert "Traceback" not in text, text
    return text


def statuses(ended: list[subprocess.CompletedProcess], *expected: int) -> None:
    assert [done.returncode for done in ended] == list(expected), "\n".join(map(told, ended))


LEARNING = ("task=online_sgd", "network.width=40", "data.samples=4", "training.time=2", "observe.theory=false")


@pytest.mark.parametrize(
    "words, divided, alone, each",
    [
        pytest.param((*LEARNING, "run.figures=false"), "4 samples", 2, 1, id="learning"),
        pytest.param(TINY, "4 replicas", 1, 2, id="sampling", marks=pytest.mark.slow),
    ],
)
def test_two_processes_compute_as_one_does(words, divided, alone, each, tmp_path):
    """With `alone` devices in one process and `each` in both of two. Once more there is nothing to do, for both."""
    words = (*words, "run.progress=none")
    dsm(*words, "run.dir=one", f"run.devices={alone}", cwd=tmp_path)
    two = (*words, "run.dir=two", f"run.devices={each}")
    statuses(ended := pair(*two, cwd=tmp_path), 0, 0)
    assert f"{divided} are divided among {2 * each} CPU cores" in told(ended[0]) and not told(ended[1])
    assert_same_results(tmp_path / "one", tmp_path / "two")
    statuses(ended := pair(*two, cwd=tmp_path), 0, 0)
    assert "already finished" in told(ended[0]) and not told(ended[1])


@pytest.mark.slow
def test_run_survives_the_end_of_any_of_its_processes(tmp_path, walk):
    """Checkpoints of two processes are continued by one, and the reverse."""
    words = (*walk, *STEPWISE)
    dsm(*walk, "run.dir=whole", "run.devices=4", cwd=tmp_path, **FOUND)

    dies = SIGNAL_AFTER.format(sweep=6, name="SIGKILL")
    statuses(ended := pair(*words, cwd=tmp_path, programs=("", dies)), EXIT_INTERRUPTED, -9)
    assert told(ended[0]).splitlines()[-1].startswith("process 1 of 2 (")
    assert told(ended[0]).endswith(" is gone: run the same command again to continue\n")

    alone = dsm(*words, cwd=tmp_path, program=SIGNAL_AFTER.format(sweep=12, name="SIGTERM"), check=False, **FOUND)
    assert alone.returncode == EXIT_INTERRUPTED and resumed(alone) >= 5

    dies = SIGNAL_AFTER.format(sweep=18, name="SIGKILL")
    statuses(ended := pair(*words, cwd=tmp_path, programs=(dies, "")), -9, EXIT_INTERRUPTED)
    assert resumed(ended[0]) >= 12
    (line,) = told(ended[1]).splitlines()
    assert line.startswith("[process 1] process 0 of 2 (") and line.endswith("run the same command again to continue")

    stopped = SIGNAL_AFTER.format(sweep=24, name="SIGUSR1")
    statuses(ended := pair(*words, cwd=tmp_path, programs=("", stopped)), EXIT_INTERRUPTED, EXIT_INTERRUPTED)
    assert resumed(ended[0]) >= 17 and "stopped by SIGUSR1 at step" in told(ended[0])

    finished = dsm(*words, cwd=tmp_path, **FOUND)
    assert resumed(finished) >= 24
    assert_same_results(tmp_path / "run", tmp_path / "whole")


def resumed(done: subprocess.CompletedProcess) -> int:
    """The step at which a run has resumed."""
    (line,) = [line for line in told(done).splitlines() if "resumed at step" in line]
    return int(line.split()[-1])


def test_directory_in_use_is_refused_once_for_both(tmp_path, walk):
    (tmp_path / "run").mkdir()
    with (tmp_path / "run/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        statuses(ended := pair(*walk, *STEPWISE, cwd=tmp_path), EXIT_ERROR, EXIT_ERROR)
    assert told(ended[0]) == f"dsm: {tmp_path / 'run'} is in use by another process\n" and not told(ended[1])


# How processes come together


@pytest.mark.quick
def test_processes_refuse_settings_that_differ(monkeypatch):
    monkeypatch.setattr(_hosts, "exchange", lambda own: [own, own | {"run.devices": 2}])
    with pytest.raises(ConfigError, match="run.devices = null: process 1 has 2"):
        _jobs._check_same(package.compose("experiment=quickstart"))


@pytest.fixture
def coordinator() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.quick
def test_join_gives_up_on_processes_that_do_not_come(coordinator):
    text = f"not all of 3 processes came to {coordinator} within 0.3 s .*: missing is process 1, 2"
    with pytest.raises(HostsError, match=text):
        _hosts.join(Place(coordinator, 3, 0), 0.3)
    text = f"process 1 cannot reach process 0 at {coordinator} within 0.3 s .*: Connection refused"
    with pytest.raises(HostsError, match=text):
        _hosts.join(Place(coordinator, 2, 1), 0.3)
    assert _hosts.count() == 1 and _hosts.is_first()


@pytest.mark.quick
def test_join_refuses_a_port_in_use(coordinator):
    with socket.create_server(Place(coordinator, 2, 0).address):
        with pytest.raises(HostsError, match=f"run.hosts.coordinator = {coordinator}: .* port"):
            _hosts.join(Place(coordinator, 2, 0), 0.3)


@pytest.mark.quick
def test_process_0_refuses_processes_it_does_not_expect(coordinator):
    """A process that was told another number, one that is there twice, and somebody who speaks otherwise."""
    until = time.monotonic() + 60
    with ThreadPoolExecutor() as threads:
        first = threads.submit(_meeting._gather, Place(coordinator, 3, 0), until, 30.0)
        with pytest.raises(HostsError, match="run.hosts.processes = 2: .* 3"):
            _meeting._find(Place(coordinator, 2, 1), until, 30.0)
        with socket.create_connection(Place(coordinator, 3, 0).address) as stranger:
            stranger.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert not stranger.recv(1)
        twice = [threads.submit(_meeting._find, Place(coordinator, 3, 1), until, 30.0) for _ in range(2)]
        (refused,), (other,) = wait(twice, return_when=FIRST_COMPLETED)
        with pytest.raises(HostsError, match="run.hosts.process = 1: "):
            refused.result()
        others = [other, threads.submit(_meeting._find, Place(coordinator, 3, 2), until, 30.0)]
        links, told = first.result()
        found = [other.result() for other in others]
    assert list(links) == [1, 2] and [answer for _, answer in found] == [told, told]
    for link in (*links.values(), *(link for other, _ in found for link in other.values())):
        link.close()


# Which process this is


def place(*settings, **environment: str):
    return find_place(*(settings or (None, None, None)), environment)


def slurm(**more: str) -> dict[str, str]:
    """The environment of task 5 of 6, the second of two on the third of three hosts."""
    return {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_ID": "2",
        "SLURM_NTASKS": "6",
        "SLURM_STEP_NUM_TASKS": "6",
        "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
        "SLURM_STEP_NODELIST": "gpu[07-08,11],other1",
        "SLURM_PROCID": "5",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "2",
        **more,
    }


@pytest.mark.quick
def test_process_is_alone_by_default():
    assert place() is None and place("a:1", 1, 0) is None
    alone = {"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    assert place(**slurm(**alone)) is None
    batch = slurm()
    for name in [name for name in batch if name.startswith("SLURM_STEP_")]:
        del batch[name]  # a batch script has what its job asked for, and is one process
    assert place(**batch) is None
    assert place(None, 1, None, **slurm()) is None  # six runs side by side


@pytest.mark.quick
def test_place_follows_settings_then_variables_then_slurm():
    own = place("a:1", 3, 2)
    variables = dict(JAX_COORDINATOR_ADDRESS="[::1]:80", JAX_NUM_PROCESSES="2", JAX_PROCESS_ID="1")
    assert own is not None and (own.address, own.processes, own.process, own.devices) == (("a", 1), 3, 2, None)
    given = place(**variables)
    assert given is not None and (given.address, given.processes, given.process) == (("::1", 80), 2, 1)
    mixed = place(None, None, 0, **variables)
    assert mixed is not None and mixed.process == 0
    step = place(**slurm())
    assert step is not None and (step.address[0], step.processes, step.process) == ("gpu07", 6, 5)
    other = place(**slurm(SLURM_STEP_ID="3"))
    assert other is not None and other.address[1] != step.address[1]
    chosen = place("b:5", None, None, **slurm())
    assert chosen is not None and (chosen.address, chosen.process) == (("b", 5), 5)


@pytest.mark.quick
@pytest.mark.parametrize(
    "more, expected",
    [
        ({}, None),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, (2, 3)),
        ({"CUDA_VISIBLE_DEVICES": "0"}, None),
        ({"CUDA_VISIBLE_DEVICES": "0,1", "SLURM_GPUS_PER_TASK": "2"}, None),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1"}, None),
    ],
)
def test_tasks_of_a_host_share_its_accelerators(more, expected):
    found = place(**slurm(**more))
    assert found is not None and found.devices == expected


@pytest.mark.quick
@pytest.mark.parametrize(
    "nodes, expected",
    [("a", "a"), ("a,b", "a"), ("n[3-5]", "n3"), ("n[007,9],m", "n007"), ("x-1-[2-3]-ib,b", "x-1-2-ib")],
)
def test_first_host_of_a_list(nodes, expected):
    assert first_host(nodes) == expected


@pytest.mark.quick
@pytest.mark.parametrize(
    "settings, message",
    [
        (("a:1", 2, 2), r"run.hosts.process = 2: "),
        (("a:1", 0, 0), r"run.hosts.processes = 0: "),
        (("a", 2, 0), r"run.hosts.coordinator = a: "),
        (("a:99999", 2, 0), r"run.hosts.coordinator = a:99999: "),
        ((None, 2, 0), r"run.hosts.coordinator is missing: .* JAX_COORDINATOR_ADDRESS"),
        (("a:1", None, 0), r"run.hosts.processes is missing: .* JAX_NUM_PROCESSES"),
    ],
)
def test_illegal_places_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        place(*settings)
    with pytest.raises(ConfigError, match="JAX_PROCESS_ID = x: "):
        place("a:1", 2, None, JAX_PROCESS_ID="x")
