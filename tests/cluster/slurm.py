"""A Slurm cluster of one node on this machine, for tests: `python tests/cluster/slurm.py FOLDER COMMAND ...`.

Everything lies in one folder: keys, sockets, settings, logs, state. The daemons listen on free ports of 127.0.0.1, are
children of this process, and are stopped with it; a Slurm that the machine has besides is not touched. Needs Debian's
packages slurm-wlm and munge, root, and neither systemd nor cgroups.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")

SETTINGS = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
JobRequeue=1
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no cluster here; None if there can."""
    if os.geteuid() != 0:
        return "a Slurm for tests needs root"
    absent = [name for name in (*DAEMONS, "sbatch", "srun") if _program(name) is None]
    return f"{', '.join(absent)} are not installed (tests/cluster/install)" if absent else None


@contextlib.contextmanager
def cluster(folder: Path, cpus: int = 2) -> Iterator[dict[str, str]]:
    """A running cluster; yields the variables that its users' environment needs.

    Raises:
        RuntimeError: it does not come up; the message has the ends of its logs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir(exist_ok=True)
    settings = folder / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    controller, node = _free_ports(2)
    settings.write_text(SETTINGS.format(host=host, controller=controller, node=node, folder=folder, cpus=cpus))
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    environment = {"SLURM_CONF": str(settings)}
    munge = [
        f"--{name}={folder}/munge.{name.split('-')[0]}"
        for name in ("key-file", "socket", "pid-file", "log-file", "seed-file")
    ]
    commands = {
        "munged": ["--foreground", "--force", *munge],
        "slurmctld": ["-D", "-c", "-f", str(settings)],
        "slurmd": ["-D", "-N", host, "-f", str(settings)],
    }
    with contextlib.ExitStack() as running:
        for name, words in commands.items():
            running.enter_context(_daemon(name, words, folder, os.environ | environment))
            if name == "munged":
                _wait(lambda: (folder / "munge.socket").exists(), folder)
        _wait(lambda: _node_is_idle(os.environ | environment), folder)
        yield environment


@contextlib.contextmanager
def _daemon(name: str, words: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    with (folder / f"{name}.out").open("ab") as output:
        process = subprocess.Popen(
            [str(_program(name)), *words], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        if name == "slurmd":  # what jobs left running would outlive it
            subprocess.run(["scancel", "--quiet", "--user=root"], env=environment, capture_output=True, timeout=20)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and _said(["squeue", "-h"], environment):
                time.sleep(0.2)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _said(words: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20).stdout.strip()


def _node_is_idle(environment: dict[str, str]) -> bool:
    return _said(["sinfo", "-h", "-o", "%T"], environment) == "idle"


def _wait(ready, folder: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            logs = {path.name: path.read_text(errors="replace")[-1500:] for path in sorted(folder.glob("*.log"))}
            logs |= {path.name: path.read_text(errors="replace")[-500:] for path in sorted(folder.glob("*.out"))}
            raise RuntimeError("the cluster does not come up:\n" + "\n".join(f"{k}: {v}" for k, v in logs.items()))
        time.sleep(0.1)


def main(folder: str, *command: str) -> int:
    with cluster(Path(folder).resolve()) as environment:
        return subprocess.run(command, env=os.environ | environment).returncode


if __name__ == "__main__":
    reason = missing()
    sys.exit(reason or main(*sys.argv[1:]))
