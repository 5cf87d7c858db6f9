"""How long a phase diagram of the deep student machine takes: 200 alphas, depths 1 to 10, both closures.

python tests/benchmarks/theory_speed.py

Both branches are followed along alpha, upwards from disorder and downwards from order. The first pass compiles, the median
of the passes after it is the result. Numbers are host numbers: results are numpy arrays, so nothing is left running.
"""

import argparse
import statistics
import time

import numpy as np
from _timing import machine

from dsm import theory


def phase_diagram(depths: range, alphas: np.ndarray, closure: str) -> list[theory.Solution]:
    """Both branches at all depths."""
    return [
        theory.continuation(depth, alphas[::step], closure=closure, branch=branch)
        for depth in depths
        for step, branch in ((1, "disordered"), (-1, "ordered"))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alphas", type=int, default=200)
    parser.add_argument("--depth", type=int, default=10, help="depths 1 to this")
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    alphas = np.linspace(0.1, 25, options.alphas)
    print(f"{machine()}\n{options.alphas} alphas to 25")
    print("| closure | depths | first pass, compiling (s) | then, median (s) | steps of the solver | not converged |")
    print("|---|---|---|---|---|---|")
    for closure in theory.CLOSURES.names:
        seconds = []
        for _ in range(options.passes + 1):
            began = time.perf_counter()
            found = phase_diagram(range(1, options.depth + 1), alphas, closure)
            seconds.append(time.perf_counter() - began)
        steps = sum(int(solution.steps.sum()) for solution in found)
        failed = sum(int((solution.result != theory.Result.converged).sum()) for solution in found)
        later = statistics.median(seconds[1:])
        print(f"| {closure} | 1 to {options.depth} | {seconds[0]:.1f} | {later:.1f} | {steps} | {failed} |")


if __name__ == "__main__":
    main()
