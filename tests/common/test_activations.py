"""Gaussian averages of activations: closed forms against quadrature and Monte Carlo, singular covariances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm._errors import ConfigError
from dsm.networks import ACTIVATIONS, AbstractActivation, make_activation
from dsm.networks.activations import relu
from dsm.networks.activations._arcsin import arcsin
from dsm.networks.activations.leaky_relu import LeakyReLU
from dsm.theory import Overlaps, unit_correlations
from dsm.theory._online_sgd_ode import averages

PAIRS = ("value_value", "slope_slope", "slope_field_value")
STUDENTS = 2


def covariance_of(kind: str, seed: int = 0) -> np.ndarray:
    """Of five fields: generic, or with fields that coincide, are opposite, and vanish."""
    rows = np.random.default_rng(seed).normal(size=(5, 7)) / 7**0.5
    if kind == "singular":
        rows[2], rows[3], rows[4] = rows[0], -rows[1], 0
    return rows @ rows.T


def by_quadrature(activation: AbstractActivation) -> AbstractActivation:
    """The same function without its closed forms."""
    return make_activation(lambda x: activation(x))


@pytest.mark.parametrize("kind", ["generic", "singular"])
@pytest.mark.parametrize("name", ["erf", "linear"])
def test_closed_forms_equal_quadrature(name, kind):
    activation, plain = make_activation(name), by_quadrature(make_activation(name))
    covariance, outputs = jnp.asarray(covariance_of(kind)), jnp.asarray([1.0, 0.5, -1.0, -0.7, 2.0])
    for average in PAIRS:
        found = getattr(activation, average)(covariance)
        np.testing.assert_allclose(found, getattr(plain, average)(covariance), atol=2e-6)
    found = activation.slope_slope_error(covariance, outputs, STUDENTS)
    np.testing.assert_allclose(found, plain.slope_slope_error(covariance, outputs, STUDENTS), atol=5e-6)


@pytest.mark.parametrize("leak", [0.0, 0.3, 1.0])
def test_leaky_rectifier_lies_between_rectifier_and_identity(leak):
    """Its closed averages at both ends, and between them against sums over g = leak x + (1 - leak) relu(x)."""
    covariance = jnp.asarray(covariance_of("generic"))
    found = LeakyReLU(leak)
    if leak in (0.0, 1.0):
        other = make_activation("linear" if leak else "relu")
        for average in PAIRS:
            np.testing.assert_allclose(getattr(found, average)(covariance), getattr(other, average)(covariance))
        return
    fields = np.random.default_rng(0).multivariate_normal(np.zeros(5), covariance, 400_000)
    g, slope = found(jnp.asarray(fields)), found.slope(jnp.asarray(fields))
    for average, (a, b) in zip(PAIRS, ((g, g), (slope, slope), (slope * fields, g)), strict=True):
        products = np.asarray(a)[:, :, None] * np.asarray(b)[:, None, :]
        error = products.std(0) / len(fields) ** 0.5
        assert (np.abs(getattr(found, average)(covariance) - products.mean(0)) < 5 * error + 1e-12).all(), average


@pytest.mark.parametrize("name", ["erf", "relu"])
def test_correlations_of_units_equal_monte_carlo(name):
    """Student units 0, 1 and teacher units 0, 1, 2; a student unit that is a teacher unit has correlation 1."""
    activation = make_activation(name)
    covariance = covariance_of("generic", seed=3)
    covariance[:, 0], covariance[0, :] = covariance[:, 2].copy(), covariance[2, :].copy()
    covariance[0, 0] = covariance[2, 2]
    parts = covariance[:2, :2], covariance[:2, 2:], covariance[2:, 2:], np.ones(2), np.ones(3)
    found = np.asarray(unit_correlations(activation, Overlaps(*map(jnp.asarray, parts))))
    rng = np.random.default_rng(4)
    fields = rng.multivariate_normal(np.zeros(5), covariance, 400_000, method="eigh")
    sampled = np.corrcoef(np.asarray(activation(jnp.asarray(fields))).T)[2:, :2]
    assert found.shape == (3, 2) and abs(found[0, 0] - 1) < 1e-6
    np.testing.assert_allclose(found, sampled, atol=5 / 400_000**0.5)


@pytest.mark.parametrize("kind", ["generic", "singular"])
@pytest.mark.parametrize("name", ["erf", "linear", "relu", "tanh"])
def test_averages_of_the_dynamics_equal_monte_carlo(name, kind):
    """What enters the equations of motion, against averages over fields, within their measured errors."""
    activation = make_activation(jnp.tanh if name == "tanh" else name)
    covariance = covariance_of(kind, seed=1)
    rng = np.random.default_rng(2)
    values, vectors = np.linalg.eigh(covariance)
    v, vt, noise = np.array([1.0, 0.6]), np.array([1.0, -0.5, 0.8]), 0.4
    overlaps = Overlaps(*map(jnp.asarray, (covariance[:2, :2], covariance[:2, 2:], covariance[2:, 2:], v, vt)))
    found = averages(activation, overlaps, jnp.asarray(noise))
    batches = []
    for _ in range(40):
        fields = rng.normal(size=(100_000, 5)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
        g = np.asarray(activation(jnp.asarray(fields)))
        slope = np.asarray(activation.slope(jnp.asarray(fields)))[:, :STUDENTS]
        delta = g @ np.concatenate([v, -vt])
        noisy = delta - noise * rng.normal(size=delta.shape)
        batches.append(
            [
                (slope * delta[:, None]).T @ fields / len(delta),
                slope.T @ (slope * noisy[:, None] ** 2) / len(delta),
                g[:, :STUDENTS].T @ delta / len(delta),
            ]
        )
    for exact, estimates in zip((found.pull, found.square, found.values), zip(*batches, strict=True), strict=True):
        mean, error = np.mean(estimates, axis=0), np.std(estimates, axis=0, ddof=1) / len(estimates) ** 0.5
        assert np.all(np.abs(exact - mean) < 5 * error + 1e-12)


@pytest.mark.parametrize("kind", ["generic", "singular"])
def test_relu_integral_has_converged(kind, monkeypatch):
    covariance, outputs = jnp.asarray(covariance_of(kind)), jnp.asarray([1.0, 0.5, -1.0, -0.7, 2.0])
    activation = make_activation("relu")
    found = activation.slope_slope_error(covariance, outputs, STUDENTS)
    monkeypatch.setattr(relu, "NODES", 100)
    relu._legendre.cache_clear()
    fine = activation.slope_slope_error(covariance, outputs, STUDENTS)
    relu._legendre.cache_clear()
    np.testing.assert_allclose(found, fine, atol=1e-9)
    np.testing.assert_array_equal(found, found.T)


def test_relu_average_of_a_planted_student_vanishes():
    """Two units that coincide with the teacher's: no error, so nothing to average."""
    block = np.array([[1.0, 0.3], [0.3, 1.0]])
    covariance = jnp.asarray(np.block([[block, block], [block, block]]))
    for name in ACTIVATIONS.names:
        activation = make_activation(name)
        found = activation.slope_slope_error(covariance, jnp.asarray([1.0, 1.0, -1.0, -1.0]), 2)
        np.testing.assert_allclose(found, 0, atol=1e-12)


def test_arcsin_is_right_to_rounding():
    x = np.concatenate([np.linspace(-1, 1, 20_001), [0.5, -0.5, 1e-9, -1e-300, 0.0]])
    np.testing.assert_allclose(arcsin(jnp.asarray(x)), np.arcsin(x), rtol=7e-16, atol=0)
    inside = jnp.asarray(np.concatenate([np.linspace(-0.999, 0.999, 101), [0.0, 0.5, -0.5]]))
    np.testing.assert_allclose(jax.vmap(jax.grad(arcsin))(inside), 1 / np.sqrt(1 - inside**2), rtol=1e-12)


def test_relu_unit_without_weights_counts_half():
    """A student field that vanishes has slope 1/2 on average, whatever the others do."""
    covariance = jnp.asarray([[0.0, 0, 0], [0, 1.0, 0.4], [0, 0.4, 2.0]])
    activation = make_activation("relu")
    outputs = jnp.asarray([1.0, 1.0, -1.0])
    found = activation.slope_slope_error(covariance, outputs, 2)
    square = activation.value_value(covariance)
    np.testing.assert_allclose(found[0, 0], outputs @ square @ outputs / 4, rtol=1e-9)
    assert np.all(np.isfinite(found))


def test_slopes_are_derivatives():
    x = jnp.asarray([-1.3, -0.2, 0.4, 2.0])
    for name in ACTIVATIONS.names:
        activation = make_activation(name)
        np.testing.assert_allclose(activation.slope(x), jax.vmap(jax.grad(activation))(x), rtol=1e-12)


@pytest.mark.parametrize("bad", ["softmaxx", 3])
def test_unknown_activation_is_refused(bad):
    names = "erf, gelu, leaky_relu, linear, relu, sign, square, tanh"
    with pytest.raises(ConfigError, match=f"activation = {bad}: must be .*{names}"):
        make_activation(bad)
