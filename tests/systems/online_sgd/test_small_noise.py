"""The law of small noise: its limit, published-size values, the full equations of motion, divergence, bad input."""

import numpy as np
import pytest

from dsm import theory
from dsm._errors import ConfigError

#: eps* / (lr sigma^2) for M = 2 and S = 0, 1, ..., from an independent linearisation.
TABLE = {
    0.1: [0.192043, 0.369526, 0.559572, 0.763564, 0.983096, 1.220014, 1.476468],
    0.2: [0.201094, 0.400612, 0.631951, 0.903388, 1.226338, 1.617004, 2.099176],
    0.5: [0.234251, 0.536051, 1.033126, 2.005780, 4.762569],
}


@pytest.mark.quick
def test_error_at_learning_rate_zero_is_the_papers_law():
    surplus, teachers = np.arange(6)[:, None], np.array([1, 2, 5])
    found = theory.small_noise_error(surplus, teachers, 0.0)
    np.testing.assert_allclose(found.error, (surplus + teachers / 3**0.5) / (2 * np.pi), rtol=1e-12)


def test_error_equals_an_independent_linearisation():
    lr = np.array(list(TABLE))[:, None]
    for found, row in zip(theory.small_noise_error(np.arange(7), 2, lr).error, TABLE.values(), strict=True):
        np.testing.assert_allclose(found[: len(row)], row, atol=6e-7)


@pytest.mark.slow
def test_error_is_that_of_the_full_equations_of_motion():
    """With S = 5 and lr = 0.5, too, though the error is two hundred times that of S = 0."""
    noise = 1e-4
    Q, R, ones = np.full((7, 7), 1e-9), np.zeros((7, 2)), np.ones(7)
    Q[:2], Q[:, :2], R[:2] = 0, 0, np.eye(2)
    Q[:2, :2] = np.eye(2)
    lr = np.array([0.1, 0.5])
    full = theory.steady_state(Q, R, np.eye(2), ones, ones[:2], lr=lr, noise=noise)
    assert (full.result == theory.Result.converged).all()
    np.testing.assert_allclose(full.test_error / lr / noise**2, theory.small_noise_error(5, 2, lr).error, rtol=1e-4)


def test_error_is_infinite_from_the_pole_on():
    """At the learning rate where it begins the error has a pole, beyond it is infinite and never NaN."""
    found = theory.small_noise_error([[4], [6]], 2, np.linspace(0.0, 3.0, 301))
    assert not np.isnan(found.error).any()
    diverged = found.result == theory.Result.diverged
    assert (np.isinf(found.error) == diverged).all() and (diverged == (found.growth >= 0)).all()
    first = found.lr[0][diverged.argmax(1)]
    np.testing.assert_allclose(first, [0.61, 0.44], atol=1e-9)
    assert diverged[0, 61:].all() and diverged[1, 44:].all()


def test_solution_of_one_number_is_printed():
    found = theory.small_noise_error(1, 2, 0.1)
    assert "converged" in repr(found)
    assert found.error.shape == () and np.asarray(found) == found.error


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((-1, 2, 0.1), "surplus = -1"),
        ((1, 0, 0.1), "teachers = 0"),
        ((1.5, 2, 0.1), "surplus = 1.5"),
        ((1, 2, -0.1), "lr = -0.1"),
        ((1, 2, float("nan")), "lr = nan"),
        (([0, 1], 2, [0.1, 0.2, 0.3]), r"leading axes = surplus: \(2,\)"),
    ],
)
def test_small_noise_error_names_an_illegal_argument(arguments, named):
    with pytest.raises(ConfigError, match=named):
        theory.small_noise_error(*arguments)
