"""Speed of the sampler beside a hand-written C++ program, in one run: `python tests/benchmarks/sampler_speed.py`.

Prints Markdown tables: proposals per second of the unit-block sweep (all devices) and of the C++ baseline (one core, the
best of its runs), their ratio, and a scan over the number of replicas. Every time is the median of several calls, each
ended by a device synchronisation, after a first one that compiles. Without the baseline's source beside the checkout, or
without a compiler, the sampler alone is measured.
"""

import argparse
import datetime
import itertools
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import jax
import jaxlib

SOURCE = Path(__file__).resolve().parents[3] / "shared" / "baseline" / "greedy_mc.cpp"
#: Weights of all replicas together beyond which a CPU takes minutes a call.
CPU_WEIGHTS = 4e6
SIZES = ((20, 3, 64), (100, 5, 512))


def baseline(width: int, depth: int, patterns: int, ising: bool, step_std: float, program: Path | None) -> float | None:
    """Proposals per second of the C++ program; its step is e = d/sqrt(1 - d**2)."""
    if program is None:
        return None
    sweeps = 400 if width <= 20 else (1 if ising else 8)
    step = step_std / (1 - step_std**2) ** 0.5
    words = [width, width, depth, patterns / width, int(ising), step, sweeps, 1, 0]
    rates = []
    for _ in range(3):
        lines = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=True).stdout.split()
        rates.append(float(lines[-1].removesuffix("/s")))
    return max(rates)


def sampler(
    width: int, depth: int, patterns: int, ising: bool, step_std: float, replicas: int, seconds: float, kernel: str
) -> float:
    """Proposals per second of one ensemble of greedy students, through the same code as a run."""
    from dsm import data, networks, samplers
    from dsm.driver import Axis, Driver, make_layout

    teacher = networks.SignNetwork(width, depth, weights="ising" if ising else "spherical", key=jax.random.key(0))
    problem = data.teacher_problem(jax.random.key(1), teacher, data.iid_signs(width), patterns / width, 1)
    move = samplers.SpinFlip() if ising else samplers.GaussianMove(step_std)
    work = samplers.Workload(move, width, patterns, replicas, jax.devices()[0])
    system = samplers.Sampling(samplers.UnitBlock(move, chain=samplers.choose_chain(kernel, work)[0]))
    greedy = samplers.AtBeta(problem, jax.numpy.float32(jax.numpy.inf))
    axes = (Axis("replica", replicas),)
    layout = make_layout(axes, system.step_bytes(greedy))
    driver = Driver(system, greedy, axes, jax.numpy.zeros((0,), jax.numpy.int32), jax.random.key(2), layout)
    progress = driver.begin()
    never = jax.numpy.zeros((1,), bool)

    def call(progress, sweeps):
        began = time.perf_counter()
        progress, _ = driver.advance(progress, jax.numpy.array([sweeps], jax.numpy.int32), never)
        jax.block_until_ready(progress)
        return progress, time.perf_counter() - began

    progress, _ = call(progress, 1)
    sweeps, once = 1, 0.0
    while once < seconds / 10:  # a call must take long against its own overhead
        progress, once = call(progress, sweeps)
        sweeps *= 2
    times = []
    for _ in range(5):
        progress, elapsed = call(progress, sweeps)
        times.append(elapsed)
    return replicas * sweeps * teacher.weights.size / statistics.median(times)


def processor() -> str:
    """Name of the CPU."""
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        return names[0].split(":")[1].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replicas", type=int, nargs="+", help="numbers of replicas to scan")
    parser.add_argument("--seconds", type=float, default=5.0, help="measuring time of each entry")
    parser.add_argument(
        "--kernel", choices=("plain", "pallas", "both"), default="plain", help="chain stages to measure"
    )
    options = parser.parse_args()
    chosen = ("plain", "pallas") if options.kernel == "both" else (options.kernel,)
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    device = jax.devices()[0]
    scan = options.replicas or ([4, 16, 64, 128, 256] if device.platform == "cpu" else [64, 256, 1024, 4096])
    compiler = shutil.which("g++")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "greedy_mc" if compiler and SOURCE.exists() else None
        if program is not None:
            subprocess.run([compiler, "-O3", "-march=native", "-ffast-math", "-o", program, SOURCE], check=True)
        print(
            f"{datetime.date.today()}, {jax.device_count()} x {device.device_kind} ({processor()}), jax {jax.__version__}, "
            f"jaxlib {jaxlib.__version__}, Python {platform.python_version()}\n"
        )
        print("| N = c | L | M | weights | d | replicas | kernel | dsm, proposals/s | C++, one core | ratio |")
        print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for width, depth, patterns in SIZES:
            for ising, step_std in ((False, 0.1), (False, 0.3), (True, 0.0)):
                reference = baseline(width, depth, patterns, ising, step_std, program)
                largest = CPU_WEIGHTS / (depth * width**2) if device.platform == "cpu" else float("inf")
                sizes = [number for number in scan if number <= largest]
                for replicas, kernel in itertools.product(sizes, chosen):
                    rate = sampler(width, depth, patterns, ising, step_std, replicas, options.seconds, kernel)
                    ratio = f"{reference:.3g} | {rate / reference:.1f}" if reference else "- | -"
                    kind = "ising | -" if ising else f"spherical | {step_std}"
                    print(
                        f"| {width} | {depth} | {patterns} | {kind} | {replicas} | {kernel} | {rate:.3g} | {ratio} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
