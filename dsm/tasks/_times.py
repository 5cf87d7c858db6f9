"""When to record."""

import numpy as np


def record_sweeps(spacing: str, every: int, per_decade: int, last: int, references: list[int]) -> list[int]:
    """Sweeps at which observables are recorded: 0, the reference sweeps, the last one, and those that `spacing` says:
    "linear", the multiples of `every`; "log", `every` 10**(k / `per_decade`), rounded."""
    if spacing == "linear":
        regular = set(range(0, last + 1, every))
    else:
        decades = np.log10(max(last / every, 1))
        steps = np.arange(int(np.floor(decades * per_decade)) + 1)
        regular = {int(sweep) for sweep in np.round(every * 10 ** (steps / per_decade))}
    return sorted(sweep for sweep in regular | {0, last} | set(references) if sweep <= last)
