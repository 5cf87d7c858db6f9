"""Which process of how many this one is, by settings, by JAX's variables of the environment, or by Slurm."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dsm._errors import ConfigError, require

#: Ports that a job under Slurm meets at: above those that Linux gives out by itself.
PORTS = range(61440, 65536)
#: Variables that stand for settings of `run.hosts`; JAX reads the first by itself.
VARIABLES = {"coordinator": "JAX_COORDINATOR_ADDRESS", "processes": "JAX_NUM_PROCESSES", "process": "JAX_PROCESS_ID"}


@dataclass(frozen=True)
class Place:
    """The place of this process among those of a run.

    Attributes:
        coordinator: "host:port" where process 0 waits for the others.
        processes: how many there are.
        process: index of this one.
        devices: indices of the accelerators of this host that are its own; None for all that it sees.
    """

    coordinator: str
    processes: int
    process: int
    devices: tuple[int, ...] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the coordinator."""
        host, _, port = self.coordinator.rpartition(":")
        return host.strip("[]"), int(port)


def find_place(
    coordinator: str | None,
    processes: int | None,
    process: int | None,
    environment: Mapping[str, str] = os.environ,
) -> Place | None:
    """The place of this process; None if it is alone.

    What is not given is looked up in the environment: JAX's variables first, then those of Slurm, if this is a job step of
    several tasks.

    Raises:
        ConfigError: something is illegal, or does not follow from the environment.
    """
    slurm = _slurm(environment)
    coordinator = coordinator or environment.get(VARIABLES["coordinator"]) or (slurm.coordinator if slurm else None)
    processes = _number(processes, "processes", environment, slurm.processes if slurm else None)
    process = _number(process, "process", environment, slurm.process if slurm else None)
    if processes == 1 or (coordinator is None and processes is None and process is None):
        return None
    for name, value in {"coordinator": coordinator, "processes": processes, "process": process}.items():
        if value is None:
            raise ConfigError(
                f"run.hosts.{name} is missing: a run on several hosts needs it, here or as {VARIABLES[name]}"
            )
    assert coordinator is not None and processes is not None and process is not None
    legal = re.fullmatch(r".+:(\d+)", coordinator)
    require(
        legal is not None and 0 < int(legal[1]) < 2**16,
        "run.hosts.coordinator",
        coordinator,
        "host:port, where process 0 is and a port that is free there",
    )
    require(processes > 0, "run.hosts.processes", processes, "at least 1")
    require(0 <= process < processes, "run.hosts.process", process, f"from 0 to {processes - 1}")
    return Place(coordinator, processes, process, slurm.devices if slurm else None)


def _number(given: int | None, name: str, environment: Mapping[str, str], otherwise: int | None) -> int | None:
    if given is not None:
        return given
    text = environment.get(VARIABLES[name], "")
    if not text:
        return otherwise
    require(text.isdecimal(), VARIABLES[name], text, "a whole number")
    return int(text)


def _slurm(environment: Mapping[str, str]) -> Place | None:
    """The place in a job step of several tasks. A batch script is no such step, whatever the job asked for."""
    try:
        tasks = int(environment["SLURM_STEP_NUM_TASKS"])
        task, local = int(environment["SLURM_PROCID"]), int(environment["SLURM_LOCALID"])
        nodes = environment["SLURM_STEP_NODELIST"]
        job, step = int(environment["SLURM_JOB_ID"]), int(environment["SLURM_STEP_ID"])
    except (KeyError, ValueError):
        return None
    if tasks < 2:
        return None
    port = PORTS[(31 * job + step) % len(PORTS)]
    return Place(f"{first_host(nodes)}:{port}", tasks, task, _accelerators(environment, local))


def first_host(nodes: str) -> str:
    """The first of a list of hosts as Slurm writes it: "a[03-07,9],b" has a03."""
    found = re.match(r"([^,\[]+)(?:\[([^,\-\]]+)[^\]]*\]([^,]*))?", nodes)
    return "" if found is None else "".join(part or "" for part in found.groups())


def _accelerators(environment: Mapping[str, str], local: int) -> tuple[int, ...] | None:
    """Those of a task among the ones that the tasks of a host all see; None if Slurm has bound them, or the host has one
    task."""
    bound = ("SLURM_GPUS_PER_TASK", "SLURM_TRES_PER_TASK", "SLURM_TRES_BIND", "SLURM_GPU_BIND", "JAX_LOCAL_DEVICE_IDS")
    visible = len([name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name])
    here = _tasks_here(environment)
    if here < 2 or visible < here or any(environment.get(name) for name in bound):
        return None
    share = visible // here
    return tuple(range(local * share, (local + 1) * share))


def _tasks_here(environment: Mapping[str, str]) -> int:
    """Tasks of the step on this host, from a list such as "2(x3),1" with an entry for each host."""
    counts: list[int] = []
    for entry in environment.get("SLURM_STEP_TASKS_PER_NODE", "").split(","):
        if found := re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", entry):
            counts += [int(found[1])] * int(found[2] or 1)
    node = environment.get("SLURM_NODEID", "0")
    return counts[int(node)] if node.isdecimal() and int(node) < len(counts) else 1
