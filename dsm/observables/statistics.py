"""Error bars: jackknife over disorder samples, effective sample size and R-hat of equilibrium records."""

from typing import Any

import numpy as np


def jackknife(values: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mean over `axis` and its jackknife standard error; the error is NaN for a single sample.

    For a plain mean the jackknife equals the standard error of the mean, sqrt(var/n).
    """
    values = np.moveaxis(np.asarray(values, float), axis, 0)
    n = values.shape[0]
    with np.errstate(invalid="ignore", over="ignore"):  # of values that are not finite
        mean = np.asarray(values.mean(axis=0))
        if n == 1:
            return mean, np.full_like(mean, np.nan)
        left_out = (n * mean - values) / (n - 1)
        return mean, np.asarray(np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)))


def effective_sample_size(chains: np.ndarray) -> float:
    """Effective number of independent draws in `chains` [chain, draw] (bulk, rank-normalised, arviz-stats).

    NaN if the record is too short (fewer than 4 draws) or never changes.
    """
    chains = np.atleast_2d(np.asarray(chains, float))
    if chains.shape[1] < 4 or np.ptp(chains) == 0:
        return float("nan")
    return float(_arviz().ess(chains, chain_axis=0, draw_axis=1))


def r_hat(chains: np.ndarray) -> float:
    """Split, rank-normalised R-hat of `chains` [chain, draw] (arviz-stats); 1 when the chains agree.

    NaN if the record is too short (fewer than 4 draws), has one chain, or never changes; inf if every half chain is
    constant (the middle draw of an odd number aside) and they differ.
    """
    chains = np.atleast_2d(np.asarray(chains, float))
    if chains.shape[0] < 2 or chains.shape[1] < 4 or np.ptp(chains) == 0:
        return float("nan")
    half = chains.shape[1] // 2
    if max(np.ptp(chains[:, :half], axis=1).max(), np.ptp(chains[:, -half:], axis=1).max()) == 0:
        return float("inf")
    with np.errstate(divide="ignore", invalid="ignore"):  # of values folded at the median, which may all be equal
        return float(_arviz().rhat(chains, chain_axis=0, draw_axis=1))


def standard_error(chains: np.ndarray) -> float:
    """Monte Carlo standard error of the mean over `chains` [chain, draw], by the effective sample size."""
    chains = np.atleast_2d(np.asarray(chains, float))
    return float(np.std(chains, ddof=1) / np.sqrt(effective_sample_size(chains)))


def _arviz() -> Any:
    """arviz-stats, imported when first needed: it brings xarray, which `import dsm` does without."""
    from arviz_stats.base import array_stats

    return array_stats
