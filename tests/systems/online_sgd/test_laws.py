"""Laws of inputs: moments of nonlinearities, features of the hidden manifold, digits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import data
from dsm.data.laws.hidden_manifold import NONLINEARITIES
from online_learning import advance, driver_of


@pytest.mark.quick
def test_nonlinearities_have_the_moments_that_they_state():
    u = np.linspace(-9, 9, 200_001)
    weight = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * (u[1] - u[0])
    for nonlinearity in NONLINEARITIES.values():
        f = np.asarray(nonlinearity.function(jnp.asarray(u)))
        np.testing.assert_allclose(np.sum(weight * f), 0, atol=1e-4)
        np.testing.assert_allclose(np.sum(weight * u * f), nonlinearity.gain, atol=1e-5)
        np.testing.assert_allclose(np.sum(weight * f**2), nonlinearity.square, atol=1e-4)


def test_manifold_features_have_rows_of_unit_mean_square():
    source = data.LAWS.get("hidden_manifold")(width=30, latent=7)
    features = source.disorder(jax.random.key(0))
    np.testing.assert_allclose(jnp.sum(features**2, axis=1), 7, rtol=1e-5)
    inputs, seen = source.draw(jax.random.key(1), features, 5)
    assert inputs.shape == (5, 30) and seen.shape == (5, 7) and set(np.unique(inputs)) == {-1.0, 1.0}
    own = data.LAWS.get("hidden_manifold")(width=30, latent=7, teacher="inputs")
    inputs, seen = own.draw(jax.random.key(1), features, 5)
    np.testing.assert_array_equal(inputs, seen)


def test_digits_are_centred_and_scaled():
    inputs, seen = data.LAWS.get("digits")().draw(jax.random.key(0), None, 20000)
    assert inputs is seen and inputs.shape == (20000, 64) and inputs.dtype == jnp.float32
    x = np.asarray(inputs, float)
    assert np.all(np.abs(x.mean(0)) <= 5 * x.std(0) / 20000**0.5)
    squares = (x**2).mean(1)
    assert abs(squares.mean() - 1) < 5 * squares.std() / 20000**0.5


def test_students_learn_on_digits():
    driver, progress = driver_of("data=digits_law", "network.width=64", "training.batch=4", "data.test_patterns=500")
    _, records = advance(driver, progress, 1, 319)
    first, last = np.asarray(records["test_error"])
    assert np.all(last < 0.5 * first)
