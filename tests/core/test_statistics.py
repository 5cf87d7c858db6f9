"""Statistics of chains and of samples, against what they estimate."""

import numpy as np
import pytest
import xarray as xr

from dsm.observables import Variable
from dsm.observables.statistics import effective_sample_size, jackknife, r_hat, standard_error
from dsm.tasks._dataset import averages, convergence


@pytest.mark.quick
def test_jackknife_of_a_mean():
    values = np.random.default_rng(0).normal(size=(7, 3, 2))
    for axis in (0, 1):
        mean, error = jackknife(values, axis=axis)
        np.testing.assert_allclose(mean, values.mean(axis=axis))
        np.testing.assert_allclose(error, values.std(axis=axis, ddof=1) / np.sqrt(values.shape[axis]))
    mean, error = jackknife(values[:1])
    np.testing.assert_array_equal(mean, values[0])
    assert error.shape == (3, 2) and np.all(np.isnan(error))


def autoregressive(rho, shape, seed):
    """AR(1) with unit variance, stationary from its first draw."""
    rng = np.random.default_rng(seed)
    chains = np.empty(shape)
    chains[..., 0] = rng.normal(size=shape[:-1])
    for t in range(1, shape[-1]):
        chains[..., t] = rho * chains[..., t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=shape[:-1])
    return chains


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_sample_size_of_an_autoregression(rho):
    """The mean over 40 records against n (1 - rho)/(1 + rho)."""
    records = autoregressive(rho, (40, 4, 4000), seed=1)
    size = np.array([effective_sample_size(record) for record in records])
    exact = records[0].size * (1 - rho) / (1 + rho)
    assert abs(size.mean() - exact) < 5 * size.std(ddof=1) / np.sqrt(len(size))


def test_standard_error_is_the_scatter_of_means():
    records = autoregressive(0.8, (400, 2, 500), seed=2)
    means = records.mean(axis=(1, 2))
    claimed = np.array([standard_error(record) for record in records])
    # The sample variance of n Gaussian means has relative standard error sqrt(2/(n - 1)).
    assert abs(means.var(ddof=1) / np.mean(claimed**2) - 1) < 5 * np.sqrt(2 / (len(means) - 1))


def test_one_replica_that_diverged_is_not_left_out_of_means():
    attributes = {"long_name": "energy", "units": "1"}
    values = np.array([[[1.0, 2.0], [np.nan, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    found = averages(xr.Dataset({"energy": (("sample", "replica", "step"), values, attributes)}))
    np.testing.assert_array_equal(found["energy_mean"], [np.nan, 5.0])
    assert np.isnan(found["energy_error"][0]) and float(found["energy_error"][1]) == pytest.approx(2)


def test_pairs_of_replicas_of_which_there_are_none_have_no_convergence():
    attributes = {"long_name": "q", "units": "1", "draws": "pair"}
    alone = xr.Dataset({"q": (("replica", "sweep"), np.ones((1, 8)), attributes)}, {"sweep": np.arange(8)})
    assert not convergence(alone, "sweep", 0)


@pytest.mark.quick
def test_r_hat():
    chains = np.random.default_rng(3).normal(size=(4, 2000))
    assert abs(r_hat(chains) - 1) < 0.01
    assert r_hat(chains + np.arange(4)[:, None]) > 1.2
    assert r_hat(chains + np.linspace(0, 3, 2000)) > 1.2  # a common drift: halves of chains are compared
    assert r_hat(chains * np.array([1, 1, 1, 10])[:, None]) > 1.1  # another spread


@pytest.mark.parametrize(("replicas", "chains"), [(2, 1), (3, 1), (4, 2)])
def test_convergence_of_pairs_counts_no_student_twice(replicas, chains):
    """A quantity of neighbouring replicas, the sum of what each of them has, is an AR(1) as well.

    An even number of replicas makes it plain: the mean over all pairs is that over every second one, so that the others
    add nothing.
    """
    rho, draws, records = 0.5, 2000, 40
    own = autoregressive(rho, (records, replicas, draws), seed=4)
    pair = own + np.roll(own, -1, axis=1)
    if replicas % 2 == 0:
        np.testing.assert_allclose(pair.mean(axis=1), pair[:, ::2].mean(axis=1), atol=1e-12)
    dims = ("sample", "replica", "sweep")
    variables = {"own": Variable((), "of a student"), "student_sum": Variable((), "of two", draws="pair")}
    dataset = xr.Dataset(
        {
            name: (dims, values, variables[name].attributes(name))
            for name, values in (("own", own), ("student_sum", pair))
        },
        {"sweep": np.arange(draws)},
    )
    found = xr.Dataset(convergence(dataset, "sweep", 0))
    one = draws * (1 - rho) / (1 + rho)
    for name, number in (("own", replicas), ("student_sum", chains)):
        size = found[f"{name}_ess"].values
        error = size.std(ddof=1) / np.sqrt(records)
        assert abs(size.mean() - number * one) < 5 * error, name
        assert 5 * error < one / 4  # with one chain more the mean would be far off
    np.testing.assert_array_equal(
        found.student_sum_ess, [effective_sample_size(record[: 2 * chains : 2]) for record in pair]
    )
    assert np.all(np.isnan(found.student_sum_rhat) == (chains == 1)) and not np.any(np.isnan(found.own_rhat))


@pytest.mark.parametrize("statistic", [effective_sample_size, r_hat, standard_error])
def test_statistics_of_records_without_information(statistic):
    assert np.isnan(statistic(np.ones((4, 100))))
    assert np.isnan(statistic(np.random.default_rng(0).normal(size=(4, 3))))


def test_r_hat_of_frozen_chains_that_differ():
    assert r_hat(np.repeat([[1.0], [2.0], [3.0]], 100, axis=1)) == np.inf


def test_r_hat_needs_two_chains():
    assert np.isnan(r_hat(np.random.default_rng(0).normal(size=100)))
    assert effective_sample_size(np.random.default_rng(0).normal(size=100)) > 10
