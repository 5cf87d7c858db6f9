"""Speed of the sampler beside a hand-written C++ program, in one run: `python tests/benchmarks/sampler_speed.py`.

Prints a Markdown table: proposals per second of the unit-block sweep (all devices), with each kernel and form of products
that is asked for, against the number of replicas; of the C++ baseline (one core, the best of its runs); and their ratio.
Besides: kernels started in a sweep, and on a GPU peak memory and the share of the card's peak that the field stage takes.
Every time is the median of several calls, each ended by a device synchronisation, after a first one that compiles. On a GPU
the number of replicas grows until the rate does not. Without the baseline's source beside the checkout, or without a
compiler, the sampler alone is measured.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import jax
from _card import field_work, fraction_of_peak, launches
from _timing import cores_are_devices, machine

SOURCE = Path(__file__).resolve().parents[3] / "shared" / "baseline" / "greedy_mc.cpp"
#: Weights of all replicas together beyond which a CPU takes minutes a call.
CPU_WEIGHTS = 4e6
#: N, c, L, M.
SIZES = ((20, 20, 3, 64), (100, 100, 5, 512), (100, 100, 10, 1000), (400, 50, 5, 500))
#: A number of replicas that makes less than this much more of the rate is the last.
GROWTH = 1.05


def baseline(size: tuple[int, ...], ising: bool, step_std: float, program: Path | None) -> float | None:
    """Proposals per second of the C++ program, which has dense wiring; its step is e = d/sqrt(1 - d**2)."""
    width, fan_in, depth, patterns = size
    if program is None or fan_in < width or depth > 5:
        return None
    sweeps = 400 if width <= 20 else (1 if ising else 8)
    step = step_std / (1 - step_std**2) ** 0.5
    words = [width, width, depth, patterns / width, int(ising), step, sweeps, 1, 0]
    rates = []
    for _ in range(3):
        lines = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=True).stdout.split()
        rates.append(float(lines[-1].removesuffix("/s")))
    return max(rates)


@dataclass
class Measured:
    """One ensemble: what it ran with, proposals per second, and what a sweep costs."""

    kernel: str
    products: str
    rate: float
    sweep_s: float
    launches: int
    peak_bytes: int


def sampler(
    size: tuple[int, ...], ising: bool, step_std: float, replicas: int, seconds: float, kernel: str, products: str
) -> Measured:
    """One ensemble of greedy students, through the same code as a run."""
    from dsm import data, networks, samplers
    from dsm.driver import Axis, Driver, make_layout

    width, fan_in, depth, patterns = size
    weights, wiring = "ising" if ising else "spherical", "dense" if fan_in == width else "random"
    teacher = networks.SignNetwork(width, depth, fan_in, weights=weights, wiring=wiring, key=jax.random.key(0))
    problem = data.teacher_problem(jax.random.key(1), teacher, data.iid_signs(width), patterns / fan_in, 1)
    move = samplers.SpinFlip() if ising else samplers.GaussianMove(step_std)
    device = jax.devices()[0]
    chain, _ = samplers.choose_chain(kernel, samplers.Workload(move, width, patterns, replicas, device))
    form, _ = samplers.choose_products(products, move, device)
    system = samplers.Sampling(samplers.UnitBlock(move, 1, chain, form))
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
    sweep_s = statistics.median(times) / sweeps
    keys = jax.random.split(jax.random.key(3), replicas)
    sweep = jax.jit(jax.vmap(lambda key, state: system.sampler.step(key, state, problem, greedy.beta)))
    started = launches(sweep.lower(keys, progress.state).compile().as_text())
    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    names = samplers.CHAINS.name(chain), samplers.PRODUCTS.name(form)
    return Measured(*names, replicas * teacher.weights.size / sweep_s, sweep_s, started, peak)


def rows(
    size: tuple[int, ...], ising: bool, step_std: float, options: argparse.Namespace, program: Path | None
) -> None:
    """The rows of the table for one size and kind of weights."""
    width, fan_in, depth, patterns = size
    device = jax.devices()[0]
    on_cpu = device.platform == "cpu"
    reference = baseline(size, ising, step_std, program)
    scan = options.replicas or ([4, 16, 64, 256] if on_cpu else [64 * 4**power for power in range(7)])
    largest = CPU_WEIGHTS / (depth * width * fan_in) if on_cpu else float("inf")
    for kernel in options.kernel:
        for products in options.products:
            last = 0.0
            for replicas in (number for number in scan if number <= max(largest, min(scan))):
                try:
                    found = sampler(size, ising, step_std, replicas, options.seconds, kernel, products)
                except (
                    Exception
                ) as error:  # out of memory, or a stage that does not have this move: the next row may do
                    print(
                        f"{kernel}, {products}, {replicas} replicas: {str(error).splitlines()[0][:160]}",
                        file=sys.stderr,
                    )
                    break
                work = field_work(width, depth, patterns) * replicas / found.sweep_s
                share = fraction_of_peak(device.device_kind, found.products, work)
                cells = [
                    *size, f"ising | - | {found.kernel}" if ising else f"spherical | {step_std} | {found.kernel}",
                    found.products, replicas, f"{found.rate:.3g}", f"{1e3 * found.sweep_s:.3g}", found.launches,
                    "-" if share is None else f"{share:.1%}", f"{found.peak_bytes / 2**30:.2g}" if found.peak_bytes else "-",
                    f"{reference:.3g} | {found.rate / reference:.1f}" if reference else "- | -",
                ]  # fmt: skip
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)
                if not options.replicas and not on_cpu and found.rate < GROWTH * last:
                    break
                last = found.rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replicas", type=int, nargs="+", help="numbers of replicas to scan")
    parser.add_argument("--seconds", type=float, default=5.0, help="measuring time of each entry")
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 1], help=f"which of {SIZES} (N, c, L, M)")
    parser.add_argument("--kernel", nargs="+", default=["auto"], help="chain stages: auto, plain, pallas")
    parser.add_argument("--products", nargs="+", default=["auto"], help="field stages: auto, plain, bf16, int8")
    options = parser.parse_args()
    cores_are_devices()
    compiler = shutil.which("g++")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "greedy_mc" if compiler and SOURCE.exists() else None
        if program is not None:
            subprocess.run([compiler, "-O3", "-march=native", "-ffast-math", "-o", program, SOURCE], check=True)
        print(f"{machine('jaxlib')}\n")
        heads = [
            "N", "c", "L", "M", "weights", "d", "kernel", "products", "replicas", "proposals/s", "ms a sweep",
            "kernels a sweep", "of peak", "GiB", "C++, one core", "ratio",
        ]  # fmt: skip
        print("| " + " | ".join(heads) + " |")
        print("|---" * len(heads) + "|", flush=True)
        for size in (SIZES[number] for number in options.sizes):
            for ising, step_std in ((False, 0.1), (False, 0.3), (True, 0.0)):
                rows(size, ising, step_std, options, program)


if __name__ == "__main__":
    main()
