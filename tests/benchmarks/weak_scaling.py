"""Weak scaling of a run: `python tests/benchmarks/weak_scaling.py`.

Prints a Markdown table. Each device has the same number of chains; the number of devices grows, in one process and spread
over two. A row is a run of the command line on this machine, its processes joined over loopback. The rate is that of the
loop after compilation, with its records, exchanges between processes and last checkpoint; the efficiency is the rate of a
device over that of the first row. On a CPU a device is a core, to which its process is bound where the system lets it.
"""

import argparse
import datetime
import functools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import jaxlib

GREEDY = ("sampler.beta=inf", "observe.theory=false", "observe.references=[]")
QUIET = ("run.progress=none", "run.figures=false", "run.checkpoint_minutes=1e9")


def rate(processes: int, devices: int, chains: int, words: list[str], on_cpu: bool) -> float:
    """Sweeps per second of all chains together: `processes` with so many devices each, and so many chains a device."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        total = chains * processes * devices
        words = [*words, f"sampler.replicas={total}", f"run.devices={devices}", f"run.dir={folder}/run"]
        cores = [cores_of(process, processes, devices) if on_cpu else [] for process in range(processes)]
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "dsm", "experiment=quickstart", *GREEDY, *QUIET, *words],
                env=os.environ | place(process, processes, devices, port),
                preexec_fn=functools.partial(bind, cores[process]),
                stderr=subprocess.PIPE,
                text=True,
            )
            for process in range(processes)
        ]
        errors = [process.communicate()[1] for process in started]
        if any(process.returncode for process in started):
            raise SystemExit("\n".join(errors))
        timings = json.loads(Path(folder, "run/manifest.json").read_text())["timings"]
        return total * timings["sweeps_per_s"]


def place(process: int, processes: int, devices: int, port: int) -> dict[str, str]:
    """What tells a process its place, and on a machine with several accelerators those that are its own."""
    own = ",".join(str(process * devices + number) for number in range(devices))
    if processes == 1:
        return {}
    return {
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
        "JAX_NUM_PROCESSES": str(processes),
        "JAX_PROCESS_ID": str(process),
        "JAX_LOCAL_DEVICE_IDS": own,
    }


def bind(cores: list[int]) -> None:
    """Give this process these cores; all that there are if the list is empty."""
    if cores:
        os.sched_setaffinity(0, cores)


def cores_of(process: int, processes: int, devices: int) -> list[int]:
    """One core for each device of a process; an empty list where there are not enough for all, or they cannot be given."""
    there = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    return there[process * devices : (process + 1) * devices] if len(there) >= processes * devices else []


def machine() -> tuple[int, str, str]:
    """Number, platform and kind of the devices. Asked in another process, which gives them back."""
    question = "import jax; found = jax.devices(); print(len(found), found[0].platform, found[0].device_kind, sep='|')"
    number, platform_, kind = subprocess.check_output([sys.executable, "-c", question], text=True).strip().split("|")
    return int(number) if platform_ != "cpu" else os.cpu_count() or 1, platform_, kind


def main() -> None:
    number, kind, name = machine()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=64, help="chains of a device")
    parser.add_argument("--devices", type=int, default=number, help="the most devices")
    parser.add_argument("--times", type=int, default=3, help="runs of each row, of which the median counts")
    parser.add_argument("words", nargs="*", default=[], help="settings, such as network.width=100 sampler.sweeps=100")
    asked = parser.parse_args()
    words = asked.words or ["sampler.sweeps=2000"]
    numbers = [2**power for power in range(asked.devices.bit_length()) if 2**power <= asked.devices]
    rows = [(1, number) for number in numbers] + [(2, number // 2) for number in numbers if number > 1]
    print(
        f"{datetime.date.today()}, {asked.devices} x {name}, jax {jax.__version__}, jaxlib {jaxlib.__version__}, "
        f"{asked.chains} chains a device, {' '.join(words)}\n"
    )
    print("| processes | devices of each | sweeps/s of all chains | of a device | efficiency |\n|---|---|---|---|---|")
    alone = None
    for processes, devices in rows:
        value = statistics.median(
            rate(processes, devices, asked.chains, words, kind == "cpu") for _ in range(asked.times)
        )
        each = value / (processes * devices)
        alone = alone or each
        print(f"| {processes} | {devices} | {value:.3g} | {each:.3g} | {each / alone:.2f} |", flush=True)


if __name__ == "__main__":
    main()
