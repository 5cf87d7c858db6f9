"""Where to put the temperatures of exchange Monte Carlo."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from dsm._errors import require

#: Rates nearer to 0 or 1 are not told apart: a run of some thousand attempts cannot.
LEAST_RATE = 1e-3


def tune_ladder(
    betas: Sequence[float] | Float[np.ndarray, " B"],
    rates: Sequence[float] | Float[np.ndarray, " B-1"],
    number: int | None = None,
) -> Float[np.ndarray, " new"]:
    """A ladder between the same ends on which neighbours swap at equal rates, as predicted from measured `rates`.

    Rates r are turned into lengths, r = erfc(length), which add up along the ladder; the new betas divide the whole
    into equal parts. For large systems the rate of a pair is erfc of half the integral of sqrt(<E^2> - <E>^2) over beta
    (Kofke, J. Chem. Phys. 117, 6911 (2002)), so lengths do add up; for close neighbours the length is the rejection rate
    up to a factor, and this is the schedule of Syed et al., J. R. Stat. Soc. B 84, 321 (2022). Within a gap the length is
    taken to grow evenly with beta/(1 + beta), which has room for 0 and inf (energies are integers, so 1 is where beta
    begins to matter). A ladder with equal rates is kept as it is; from one with very unequal rates, measure and tune
    again.

    Arguments:
        betas: the ladder of the run, rising.
        rates: swap rates of its neighbours.
        number: how many betas the new ladder has; as many as the old one if None.
    """
    old, measured = np.asarray(betas, float), np.asarray(rates, float)
    rising = old.size > 1 and old[0] >= 0 and bool(np.all(old[:-1] < old[1:]))
    require(rising, "betas", old.tolist(), "two or more strictly increasing numbers >= 0")
    legal = f"{old.size - 1} numbers from 0 to 1"
    require(measured.shape == (old.size - 1,), "rates", measured.tolist(), legal)
    require(bool(np.all((measured >= 0) & (measured <= 1))), "rates", measured.tolist(), legal)
    number = old.size if number is None else number
    require(number >= 2, "number", number, "at least 2")
    lengths = [-NormalDist().inv_cdf(rate / 2) for rate in np.clip(measured, LEAST_RATE, 1 - LEAST_RATE)]
    passed = np.concatenate([[0.0], np.cumsum(lengths)])
    inner = np.interp(np.linspace(0, passed[-1], number)[1:-1], passed, _compact(old))
    return np.concatenate([old[:1], inner / (1 - inner), old[-1:]])


def _compact(betas: Float[np.ndarray, " B"]) -> Float[np.ndarray, " B"]:
    """beta/(1 + beta), 1 at inf."""
    return 1 - 1 / (1 + betas)
