"""Speed of online SGD, theory and simulation, beside plain C++ loops on one core of the same machine, in one run.

python tests/benchmarks/sgd_speed.py

The C++ (two_layer.cpp, built here) does the same work: explicit Euler steps of the equations of motion, and SGD of one
network in float64. Quoted besides are the times of the authors' own code (nn2pp, arXiv:1906.08632) on another machine.
Medians of calls after a first one that compiles; results are fetched, so nothing is left running.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import jax
from _timing import cores_are_devices, machine, median

SOURCE = Path(__file__).with_name("two_layer.cpp")
#: Seconds of the authors' C++ on one core: 1e5 Euler steps to t = 1000, error 4e-3; 1e5 and 156800 steps of SGD.
AUTHORS = {"ode 4 2": 0.64, "ode 8 8": 12.9, "sgd 500": 1.85, "sgd 784": 4.5}


def plain(program: Path | None, *words: object) -> float | None:
    """Seconds of the C++ program, the best of three."""
    if program is None:
        return None
    lines = [subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=True) for _ in range(3)]
    return min(float(line.stdout.split()[-1]) for line in lines)


def curves(program: Path | None, calls: int) -> None:
    import numpy as np

    from dsm import theory

    print(
        "\n| equations of motion to t = 1000 | dsm (s) | error of eps | C++, 1e5 Euler steps (s) | ratio "
        "| authors' C++ (s) | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    ts = np.linspace(0, 1000, 101)

    def problem(K: int, M: int) -> tuple:
        i, j = np.ogrid[: K + M, : K + M]
        C = np.where(i == j, 1.0, 0.01 * ((3 * np.minimum(i, j) + 5 * np.maximum(i, j)) % 7 - 3))
        return C[:K, :K], C[:K, K:], np.eye(M), np.ones(K), np.ones(M)

    for K, M in ((4, 2), (8, 8)):
        settings = {"lr": 0.2, "noise": 0.01, "ts": ts}
        exact = theory.online_sgd(*problem(K, M), **settings, tolerance=1e-13).test_error
        for tolerance in (1e-8, 1e-9, 1e-10):
            found = theory.online_sgd(*problem(K, M), **settings, tolerance=tolerance)
            seconds = median(lambda: theory.online_sgd(*problem(K, M), **settings, tolerance=tolerance), calls)  # noqa: B023
            steps = 100_000 if K == 4 else 10_000
            euler = plain(program, "ode", K, M, steps, 0.01)
            euler = None if euler is None else euler * 100_000 / steps
            print(f"| K = {K}, M = {M}, tolerance {tolerance:g} ({int(found.steps)} steps) | {seconds:.4f} | "
                  f"{np.max(np.abs(found.test_error / exact - 1)):.1e} | {_ratio(euler, seconds)} | "
                  f"{_ratio(AUTHORS[f'ode {K} {M}'], seconds)} |")  # fmt: skip
    rates = {"lr": np.linspace(0.05, 0.5, 40)[:, None], "noise": np.linspace(0, 0.1, 25), "ts": ts}
    for K in (2, 4):
        seconds = median(lambda: theory.online_sgd(*problem(K, 2), **rates), 1)  # noqa: B023
        print(f"| grid of 40 learning rates x 25 noises, K = {K}, M = 2, tolerance 1e-10 | {seconds:.2f} | | | | | |")


def simulation(program: Path | None, calls: int, numbers: list[int]) -> None:
    import dsm
    from dsm._random import root_key
    from dsm.tasks.online_sgd._build import make_driver, plan, start_overlaps

    print(
        "\n| SGD, K = 4, M = 2 | samples | dsm, steps/s of all | C++, steps/s | ratio | authors' C++, steps/s | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    for width, steps, authors in ((500, 1000, 1e5 / AUTHORS["sgd 500"]), (784, 1000, 156800 / AUTHORS["sgd 784"])):
        single = plain(program, "sgd", width, 4, 2, 50_000)
        for samples in numbers:
            config = dsm.compose(
                "task=online_sgd", f"network.width={width}", f"data.samples={samples}", "data.noise=0.01"
            )
            key = root_key(0)
            with jax.enable_x64(True):
                overlaps = start_overlaps(config, key)
                driver = make_driver(config, key, overlaps, *plan(config, key, overlaps))
                progress = driver.begin()

                def call() -> None:
                    nonlocal progress
                    segments = jax.numpy.asarray([steps], jax.numpy.int32)  # noqa: B023
                    progress, _ = driver.advance(progress, segments, jax.numpy.zeros(1, bool))  # noqa: B023
                    jax.block_until_ready(progress)

                rate = samples * steps / median(call, calls)
            rows = (_ratio(None if single is None else 50_000 / single, rate, True), _ratio(authors, rate, True))
            print(f"| N = {width} | {samples} | {rate:.3g} | {' | '.join(rows)} |")


def drawing(calls: int) -> None:
    """What the random inputs alone cost, the same normal variates by the same streams."""
    from dsm._random import root_key, stream

    samples, width, steps = 32, 500, 1000
    keys = jax.vmap(lambda sample: stream(root_key(0), "examples", sample))(jax.numpy.arange(samples))

    @jax.jit
    def draw() -> jax.Array:
        def step(i: jax.Array, total: jax.Array) -> jax.Array:
            return total + jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, i), (width,), "float32"))(
                keys
            )

        return jax.lax.fori_loop(0, steps, step, jax.numpy.zeros((samples, width), "float32"))

    seconds = median(lambda: jax.block_until_ready(draw()), calls)
    each = seconds / samples / steps * 1e6
    print(f"\ndrawing the inputs alone, N = {width}, {samples} samples, one core: {each:.2f} us a step")


def _ratio(other: float | None, own: float, rates: bool = False) -> str:
    if other is None:
        return "not built | "
    return f"{other:.3g} | {own / other if rates else other / own:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 8, 32], help="networks side by side")
    options = parser.parse_args()
    cores_are_devices()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        compiler = shutil.which("g++")
        program = Path(folder) / "two_layer" if compiler else None
        if program is not None:
            subprocess.run([compiler, "-O3", "-march=native", "-o", program, SOURCE], check=True)
        curves(program, options.calls)
        simulation(program, options.calls, options.samples)
        drawing(options.calls)


if __name__ == "__main__":
    main()
