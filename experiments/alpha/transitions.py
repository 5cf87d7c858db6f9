"""Transitions of the deep student machine in both closures: the tables of the README.

python experiments/alpha/transitions.py
"""

import math

import numpy as np

from dsm import theory

ALPHAS = np.linspace(0.1, 25, 250)


def main() -> None:
    """Print critical alphas, spinodals and first-order transitions."""
    print("| L | beta | critical alpha, layered | yoshino |")
    print("|---|---|---|---|")
    for depth in (2, 3):
        for beta in (1.0, 1.5, math.inf):
            values = (theory.critical_alpha(depth, closure=closure, beta=beta) for closure in theory.CLOSURES.names)
            print(f"| {depth} | {beta:g} | {' | '.join(f'{value:.4f}' for value in values)} |")
    print()
    print(f"| weights | closure | L | ordered from | disordered to | equal free entropy (alpha up to {ALPHAS[-1]:g}) |")
    print("|---|---|---|---|---|---|")
    cases = [("ising", "layered", 1), *(("spherical", c, d) for c in ("yoshino", "layered") for d in (2, 3, 4, 5))]
    for weights, closure, depth in cases:
        for found in theory.coexistences(depth, ALPHAS, weights, closure) or [None]:
            cells = ("no coexistence", "", "") if found is None else (f"{value:.3f}" for value in found)
            print(f"| {weights} | {closure} | {depth} | {' | '.join(cells)} |")
    print()
    for closure in theory.CLOSURES.names:
        found = theory.deep_student_machine(3, 5.0, closure=closure, beta=1e-6)
        print(f"{closure}, L = 3, alpha = 5, labels without information: Q = {found.weight_overlap.round(4)}")


if __name__ == "__main__":
    main()
