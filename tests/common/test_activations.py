"""Gaussian averages of activations: closed forms against quadrature and Monte Carlo, singular covariances."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm._errors import ConfigError
from dsm.networks import ACTIVATIONS, make_activation
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


@functools.cache
def averages_of(name: str, closed: bool = True):
    """All averages over fields, compiled; without the closed forms by quadrature."""
    named = make_activation(name)
    activation = named if closed else make_activation(lambda x: named(x))

    @jax.jit
    def average(covariance, outputs):
        pairs = [getattr(activation, average)(covariance) for average in PAIRS]
        return pairs, activation.slope_slope_error(covariance, outputs, STUDENTS)

    return average


OUTPUTS = jnp.asarray([1.0, 0.5, -1.0, -0.7, 2.0])


@pytest.mark.parametrize("kind", ["generic", "singular"])
@pytest.mark.parametrize("name", ["erf", "linear"])
def test_closed_forms_equal_quadrature(name, kind):
    covariance = jnp.asarray(covariance_of(kind))
    (pairs, four), (plain_pairs, plain_four) = (
        averages_of(name, closed)(covariance, OUTPUTS) for closed in (True, False)
    )
    for found, expected in zip(pairs, plain_pairs, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(four, plain_four, atol=5e-6)


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


@functools.cache
def dynamics_of(name: str):
    """The activation, and its averages in the equations of motion, compiled."""
    activation = make_activation(jnp.tanh if name == "tanh" else name)
    return activation, jax.jit(lambda overlaps, noise: averages(activation, overlaps, noise))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("erf", "generic", marks=pytest.mark.slow),
        ("linear", "singular"),
        ("relu", "generic"),
        ("relu", "singular"),
        pytest.param("tanh", "generic", marks=pytest.mark.slow),
        pytest.param("erf", "singular", marks=pytest.mark.slow),
        pytest.param("linear", "generic", marks=pytest.mark.slow),
        pytest.param("tanh", "singular", marks=pytest.mark.slow),
    ],
)
def test_averages_of_the_dynamics_equal_monte_carlo(name, kind):
    """What enters the equations of motion, against averages over fields, within their measured errors."""
    activation, average = dynamics_of(name)
    covariance = covariance_of(kind, seed=1)
    rng = np.random.default_rng(2)
    values, vectors = np.linalg.eigh(covariance)
    v, vt, noise = np.array([1.0, 0.6]), np.array([1.0, -0.5, 0.8]), 0.4
    overlaps = Overlaps(*map(jnp.asarray, (covariance[:2, :2], covariance[:2, 2:], covariance[2:, 2:], v, vt)))
    found = average(overlaps, jnp.asarray(noise))
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


@pytest.mark.slow
def test_relu_integral_has_converged(monkeypatch):
    def four_fields(nodes: int):
        monkeypatch.setattr(relu, "NODES", nodes)
        relu._legendre.cache_clear()
        average = jax.jit(lambda covariance: make_activation("relu").slope_slope_error(covariance, OUTPUTS, STUDENTS))
        return [average(jnp.asarray(covariance_of(kind))) for kind in ("generic", "singular")]

    coarse, fine = four_fields(relu.NODES), four_fields(100)
    relu._legendre.cache_clear()
    np.testing.assert_allclose(coarse, fine, atol=1e-9)
    for found in coarse:
        np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_average_of_a_planted_student_vanishes(name):
    """Two units that coincide with the teacher's: no error, so nothing to average."""
    block = np.array([[1.0, 0.3], [0.3, 1.0]])
    covariance = jnp.asarray(np.block([[block, block], [block, block]]))
    outputs = jnp.asarray([1.0, 1.0, -1.0, -1.0])
    found = jax.jit(lambda covariance: make_activation(name).slope_slope_error(covariance, outputs, 2))(covariance)
    np.testing.assert_allclose(found, 0, atol=1e-12)


@pytest.mark.quick
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
    found = jax.jit(lambda covariance: activation.slope_slope_error(covariance, outputs, 2))(covariance)
    square = activation.value_value(covariance)
    np.testing.assert_allclose(found[0, 0], outputs @ square @ outputs / 4, rtol=1e-9)
    assert np.all(np.isfinite(found))


@pytest.mark.quick
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
