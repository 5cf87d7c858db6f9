"""The replica theory of narrow networks: check values, limits, stationarity, bad input."""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from jax.flatten_util import ravel_pytree

from dsm import theory
from dsm._errors import ConfigError
from dsm.networks import ACTIVATIONS, make_activation
from dsm.theory import Result, narrow_branch, narrow_network, narrow_transitions
from dsm.theory.narrow._network import search
from dsm.theory.narrow._settings import checked_estimator
from dsm.theory.output_channels import OUTPUT_CHANNELS

CLOSED = ["erf", "relu", "leaky_relu", "linear", "square", "sign"]


#: Alphas of a call of `narrow_network`, which fewer are filled up to: models of one structure share a program.
ALPHAS = 4


@functools.cache
def solutions(activation: str, alphas: tuple[float, ...], **settings: Any) -> theory.NarrowSolution:
    """A branch at some alphas."""
    filled = [*alphas, *alphas[-1:] * (ALPHAS - len(alphas))]
    found = narrow_network(activation, filled, **settings)
    return jax.tree.map(lambda leaf: leaf[: len(alphas)] if np.ndim(leaf) else leaf, found)


def solved(activation: str, *alphas: float, **settings: Any) -> theory.NarrowSolution:
    """A branch at some alphas, checked for convergence."""
    found = solutions(activation, alphas, **settings)
    assert (found.result == Result.converged).all()
    assert (found.residual < 1e-9).all()
    return found


# Kernels


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_remainder_is_the_covariance_without_its_linear_part(name):
    activation = make_activation(name)
    first, second, covariance = 1.2, 0.9, 0.7
    nodes = np.linspace(-10, 10, 100_001)
    weights = np.exp(-(nodes**2) / 2)
    weights = weights / weights.sum()

    def mean(variance):
        return weights @ np.asarray(activation(jnp.asarray(math.sqrt(variance) * nodes)))

    both = float(activation.value_value(jnp.asarray([[first, covariance], [covariance, second]]))[0, 1])
    slopes = [float(activation.mean_slope(jnp.asarray(variance))) for variance in (first, second)]
    expected = both - mean(first) * mean(second) - slopes[0] * slopes[1] * covariance
    found = float(activation.remainder(*map(jnp.asarray, (first, second, covariance))))
    assert found == pytest.approx(expected, abs=1e-4 if name in CLOSED else 3e-5)  # kinks and 32 nodes


@pytest.mark.parametrize("name", ["erf", pytest.param("tanh", marks=pytest.mark.slow), "gelu"])
def test_series_of_the_kernel_equals_its_closed_form(name):
    activation = make_activation(name)
    series = make_activation(lambda x: activation(x))
    point = tuple(map(jnp.asarray, (1.2, 0.9, 0.7)))
    for order in (0, 1, 2):
        assert jax.grad(activation.remainder, order)(*point) == pytest.approx(
            float(jax.grad(series.remainder, order)(*point)), abs=1e-12
        )
    for quantity in ("mean_slope", "mean_curvature", "remainder_variance", "remainder_slope", "remainder_curvature"):
        one = jnp.asarray(0.8)
        assert getattr(activation, quantity)(one) == pytest.approx(float(getattr(series, quantity)(one)), abs=1e-12)


def test_kernels_have_the_published_values():
    point = tuple(map(jnp.asarray, (1.2, 0.9, 0.7)))
    for name, values in (
        ("erf", (0.0045002048, 0.0200301068, 0.0628692984, -0.0031866079)),
        ("relu", (0.0391853652, 0.1176211462, 0.2072020872, -0.0179789322)),
    ):
        psi = make_activation(name).remainder
        slope = jax.grad(psi, 2)
        found = psi(*point), slope(*point), jax.grad(slope, 2)(*point), jax.grad(psi, 0)(*point)
        np.testing.assert_allclose(found, values, atol=1e-10)
    tanh, one = make_activation("tanh"), jnp.ones(())
    found = tanh.remainder_variance(one), tanh.mean_slope(one) ** 2, tanh.remainder_slope(one)
    np.testing.assert_allclose(found, (0.02741533, 0.36687916, 0.09752374), atol=1e-8)


@pytest.mark.parametrize(
    "name",
    [
        "erf",
        "relu",
        pytest.param("leaky_relu", marks=pytest.mark.slow),
        pytest.param("square", marks=pytest.mark.slow),
        pytest.param("tanh", marks=pytest.mark.slow),
    ],
)
def test_slope_of_coinciding_fields_is_the_limit(name):
    activation, at, step = make_activation(name), jnp.asarray(0.8), 1e-6
    below = jax.grad(activation.remainder, 2)(at, at, at - step)
    assert activation.remainder_slope(at) == pytest.approx(float(below), abs=2e-3)
    difference = activation.remainder_variance(at) - activation.remainder(at, at, at - step)
    assert difference / step == pytest.approx(float(activation.remainder_slope(at)), rel=2e-3, abs=1e-9)


@pytest.mark.parametrize("name", OUTPUT_CHANNELS.names)
def test_channel_is_the_integral_and_the_minimum_of_its_loss(name):
    channel, variance, beta = OUTPUT_CHANNELS.get(name)(), 0.6, 3.0
    loss, losses, log_partition = map(jax.jit, (channel.value, jax.vmap(channel.value), channel.log_partition))
    nodes = np.linspace(-9, 9, 4001)
    for field in (-2.0, 0.3, 1.7):
        margins = field + math.sqrt(variance) * nodes
        exponents = -losses(margins * math.sqrt(beta)) if name == "probit" else -beta * losses(margins)
        weights = np.exp(np.asarray(exponents) - nodes * nodes / 2) / math.sqrt(2 * math.pi)
        found = log_partition(*map(jnp.asarray, (field, variance, beta)))
        assert float(found) == pytest.approx(math.log(np.trapezoid(weights, nodes)), abs=2e-6)
    if channel.minimised:
        envelope = jax.jit(channel.envelope)
        for field in (-2.0, 0.3, 1.7):
            best = scipy.optimize.minimize_scalar(
                lambda u, field=field: (u - field) ** 2 / (2 * variance) + beta * float(loss(u)),
                bounds=(-5, 9), method="bounded", options={"xatol": 1e-9},
            )  # fmt: skip
            assert float(envelope(*map(jnp.asarray, (field, variance, beta)))) == pytest.approx(best.fun, abs=1e-7)


# Check values


def test_optimal_regression_of_erf():
    found = solved("erf", 2.2, 3, 4, 10, noise=0.01)
    zero = solved("erf", 2.2, 3, 4, 10, noise=0.01, branch="unspecialised")
    np.testing.assert_allclose(found.student_overlap, [0.7053116, 0.8752656, 0.9235799, 0.9766206], atol=1e-7)
    np.testing.assert_allclose(found.test_error, [0.010088413, 0.005263121, 0.003422835, 0.001118297], atol=1e-9)
    difference = found.free_entropy - zero.free_entropy
    np.testing.assert_allclose(difference, [-0.0166255, 0.1384091, 0.4217468, 2.6664664], atol=1e-7)
    np.testing.assert_array_equal(found.train_error, 0.01)
    np.testing.assert_allclose(found.sample_error, 2 * found.test_error)


def test_optimal_regression_of_relu():
    found = solved("relu", 0.7, 1.5, 2, 5, noise=0.01)
    np.testing.assert_allclose(found.student_overlap, [0.1042102, 0.8942022, 0.9509390, 0.9890139], atol=1e-7)
    np.testing.assert_allclose(found.test_error, [0.089980079, 0.021257985, 0.010630604, 0.002573636], atol=1e-9)


@pytest.mark.slow
def test_optimal_regression_of_relu_on_the_rotated_branch():
    zero = solved("relu", 0.7, 1.5, 2, 5, noise=0.01, branch="unspecialised")
    turned = solved("relu", 0.7, 1.5, 2, 5, noise=0.01, branch="rotated")
    np.testing.assert_allclose(turned.student_overlap, [0.102291, 0.780795, 0.874275, 0.966731], atol=1e-6)
    np.testing.assert_allclose(turned.test_error, [0.09001241, 0.04233143, 0.03001945, 0.01647439], atol=1e-8)
    difference = turned.free_entropy - zero.free_entropy
    np.testing.assert_allclose(difference, [0.0000927, 0.1235153, 0.3245273, 2.1253153], atol=1e-7)


def test_optimal_classification_of_erf():
    found = solved("erf", 8.5, 10, 15, 200, task="classification")
    np.testing.assert_allclose(found.student_overlap, [0, 0.8175616, 0.9349389, 0.9996740], atol=1e-7)
    np.testing.assert_allclose(found.test_error, [0.0680947, 0.0468516, 0.0300163, 0.0022087], atol=1e-7)
    np.testing.assert_allclose(found.sample_error[1:], [0.0661381, 0.0424179, 0.0031236], atol=1e-7)
    noisy = solved("erf", 15, task="classification", noise=0.01)
    np.testing.assert_allclose(noisy.student_overlap, 0.7998523, atol=1e-7)


@pytest.mark.slow
def test_optimal_classification_of_relu():
    found = solved("relu", 2, 4, 200, task="classification")
    np.testing.assert_allclose(found.student_overlap, [0.2376418, 0.7738842, 0.9999337], atol=1e-7)
    np.testing.assert_allclose(found.test_error, [0.1678699, 0.1115959, 0.0022138], atol=1e-7)


@pytest.mark.parametrize(
    ("activation", "alpha", "beta", "decay", "noise", "values"),
    [
        ("erf", 3, 100, 0.01, 0.01, (1, 0.87526561, 0.87526561, 0.010526242, 0.0052631209, 0.01, 0.451629)),
        ("erf", 4, 200, 0.02, 0.01, (0.86691974, 0.83159288, 0.87620698, 0.0049565826, 0.003475509, 0.0091629267, 0.629509)),
        pytest.param(
            *("relu", 3, 10, 0.1, 0.1, (1, 0.72524710, 0.72524710, 0.093534429, 0.046767215, 0.1, 0.467975)),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("relu", 3, 20, 0.05, 0.1, (1.2352923, 1.0671747, 0.86205869, 0.089954197, 0.057295890, 0.077310180, 0.158698)),
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_gibbs_at_a_temperature(activation, alpha, beta, decay, noise, values):
    found = solved(activation, alpha, estimator="gibbs", beta=beta, weight_decay=decay, noise=noise)
    names = (
        "self_overlap",
        "student_overlap",
        "teacher_overlap",
        "sample_error",
        "mean_error",
        "train_error",
        "replicon",
    )
    np.testing.assert_allclose([getattr(found, name)[0] for name in names], values, atol=1e-6)
    if beta * decay == 1 and beta * noise == 1:  # matched: the Bayesian's posterior
        optimal = solved(activation, alpha, noise=noise)
        np.testing.assert_allclose(found.teacher_overlap, optimal.teacher_overlap, atol=1e-9)
        np.testing.assert_allclose(found.mean_error, optimal.test_error, atol=1e-9)


@pytest.mark.parametrize(
    ("activation", "alpha", "decay", "noise", "values"),
    [
        ("erf", 3, 0.03, 0.01, (0.69778133, 0.78080575, 0.0054054542, 0.0083620460, -0.023009789, 0.5016)),
        ("erf", 4, 0.02, 0.01, (0.86153552, 0.89201772, 0.0034230514, 0.0079221419, -0.024459639, 0.6017)),
        pytest.param(
            *("relu", 4, 0.1, 0.1, (0.79986943, 0.77537528, 0.047391452, 0.074249158, -0.18849179, -math.inf)),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("relu", 8, 0.1, 0.1, (0.88328837, 0.90100016, 0.017371945, 0.087220390, -0.39304598, -math.inf)),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_least_squares(activation, alpha, decay, noise, values):
    found = solved(activation, alpha, estimator="erm", weight_decay=decay, noise=noise)
    names = ("self_overlap", "teacher_overlap", "test_error", "train_error", "free_entropy")
    np.testing.assert_allclose([getattr(found, name)[0] for name in names], values[:-1], atol=1e-8)
    assert found.replicon[0] == values[-1] or found.replicon[0] == pytest.approx(values[-1], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "activation", "alpha", "decay", "values"),
    [
        ("square", "relu", 8, 0.1, (1.948107, 1.258562, 0.1102692, 0.1547093, -1.335080)),
        ("logistic", "relu", 8, 0.1, (8.792731, 2.774692, 0.1102356, 0.2082143, -2.105351)),
    ],
)
def test_minimum_of_a_loss_of_classification(loss, activation, alpha, decay, values):
    found = solved(activation, alpha, task="classification", estimator="erm", loss=loss, weight_decay=decay)
    names = ("self_overlap", "teacher_overlap", "test_error", "train_error", "free_entropy")
    np.testing.assert_allclose([getattr(found, name)[0] for name in names], values, atol=1e-6)


@pytest.mark.slow
def test_probit_at_a_temperature_and_matched():
    settings = {"task": "classification", "estimator": "gibbs", "loss": "probit", "noise": 0.1}
    found = solved("relu", 6, beta=1 / 0.05, weight_decay=0.5 * 0.05, **settings)
    values = [found.self_overlap[0], found.student_overlap[0], found.teacher_overlap[0]]
    np.testing.assert_allclose(values, [1.4921378, 1.1319986, 0.8246287], atol=1e-7)
    matched = solved("relu", 6, beta=10.0, weight_decay=0.1, **settings)
    optimal = solved("relu", 6, task="classification", noise=0.1)
    np.testing.assert_allclose(matched.teacher_overlap, optimal.teacher_overlap, atol=1e-9)
    np.testing.assert_allclose(matched.self_overlap, 1, atol=1e-9)


#: Of the paper's figures.
PAPER = {"estimator": "gibbs", "beta": 10, "weight_decay": 0.1}


def test_entropy_of_the_sum_mode_gives_the_papers_values():
    found = solved("erf", 20, units=10, dressing="entropy", **PAPER)
    student, teacher = found.student_overlap[0], found.teacher_overlap[0]
    units = [student, teacher, found.self_overlap[0] - student]
    np.testing.assert_allclose(units, [0.717301, 0.846290, 0.102765], atol=1e-6)
    summed = [found.sum_student_overlap[0] - student, found.sum_teacher_overlap[0] - teacher]
    np.testing.assert_allclose(summed, [0.190049, 0.106248], atol=2e-6)
    np.testing.assert_allclose([found.train_error[0] / 2, found.free_entropy[0]], [0.00279188, -0.912670], atol=1e-6)
    many = solved("erf", 12, 20, **PAPER)
    np.testing.assert_allclose(many.student_overlap, [0.396770, 0.6842], atol=5e-5)


@pytest.mark.slow
def test_full_dressing_and_relu_have_the_papers_values():
    full = solved("erf", 20, units=10, dressing="full", **PAPER)
    np.testing.assert_allclose(full.student_overlap, 0.7013, atol=1e-4)
    found = solved("relu", 2, **PAPER)
    values = [found.self_overlap[0], found.student_overlap[0], found.teacher_overlap[0], found.test_error[0]]
    np.testing.assert_allclose(values, [0.727642, 0.353374, 0.556604, 0.096766], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dressing", ["entropy", "full"])
def test_many_units_make_dressing_vanish(dressing):
    settings = {"estimator": "gibbs", "beta": 20, "weight_decay": 0.05, "noise": 0.1}
    few = solved("relu", 3, units=100_000, dressing=dressing, **settings)
    none = solved("relu", 3, **settings)
    for name in ("self_overlap", "student_overlap", "teacher_overlap", "test_error"):
        np.testing.assert_allclose(getattr(few, name), getattr(none, name), rtol=1e-4)


# Limits

#: Of linear units: patterns for each weight of the sum mode, 10 units at alpha = 0.4, and the noise.
LINEAR, RATIO, LINEAR_NOISE = {"units": 10, "noise": 0.2}, 4.0, 0.2


def test_minimum_of_linear_units_is_ridge_regression():
    decay = 0.3
    found = solved("linear", 0.4, estimator="erm", weight_decay=decay, dressing="entropy", **LINEAR)
    chi = scipy.optimize.brentq(lambda chi: decay + RATIO / (1 + chi) - 1 / chi, 1e-6, 1e3)
    shrink = RATIO * chi**2 / (1 + chi) ** 2
    error = ((decay * chi) ** 2 + shrink * LINEAR_NOISE) / (1 - shrink)
    np.testing.assert_allclose(found.test_error, error, rtol=1e-9)
    np.testing.assert_allclose(found.sum_teacher_overlap, 1 - decay * chi, rtol=1e-9)


@pytest.mark.parametrize("dressing", ["entropy", pytest.param("full", marks=pytest.mark.slow)])
def test_optimum_of_linear_units_is_ridge_regression(dressing):
    optimal = solved("linear", 0.4, dressing=dressing, **LINEAR).sum_teacher_overlap
    np.testing.assert_allclose(optimal / (1 - optimal), RATIO / (LINEAR_NOISE + 1 - optimal), rtol=1e-9)


def test_low_temperature_is_the_minimum():
    settings = {"weight_decay": 0.02, "noise": 0.01}
    least = solved("erf", 4, estimator="erm", **settings).teacher_overlap[0]
    warm = [solved("erf", 4, estimator="gibbs", beta=beta, **settings).teacher_overlap[0] for beta in (1e4, 1e5)]
    differences = np.array(warm) - least
    assert abs(differences[1]) < 1e-4
    assert differences[0] / differences[1] == pytest.approx(10, rel=0.02)


def test_many_patterns_leave_the_noise_of_each_weight():
    for activation in ("erf", "relu"):
        found = solutions(activation, (1e4,), noise=0.01)
        np.testing.assert_allclose(found.test_error * 1e4 / 0.01, 1, rtol=2e-3)
    signs = solutions("erf", (2000,), task="classification")
    np.testing.assert_allclose(signs.test_error * 2000, 0.44170, rtol=2e-3)


def test_without_noise_the_teacher_is_found():
    found = solutions("relu", (0.5, 0.9, 1.5))
    np.testing.assert_array_equal(found.test_error[2], 0)
    assert np.isinf(found.free_entropy[2])
    assert found.teacher_overlap[0] < 1e-6 < 0.5 < found.teacher_overlap[1] < 1
    np.testing.assert_allclose(solutions("relu", (0.8, 0.9, 0.99)).teacher_overlap, [0.41, 0.61, 0.81], atol=0.01)


# Transitions


@pytest.mark.parametrize(
    ("noise", "above", "spinodal", "equality"), [(0.001, 4, 1.198608, 1.278249), (0.01, 4, 2.148334, 2.326834),
                                                 (0.1, 20, 10.791047, 11.767796)],
)  # fmt: skip
def test_transitions_of_erf(noise, above, spinodal, equality):
    found = narrow_transitions("erf", above, noise=noise)
    assert found.spinodal == pytest.approx(spinodal, abs=2e-6)
    assert found.equality == pytest.approx(equality, abs=2e-6)
    assert math.isnan(found.critical)


@pytest.mark.slow
def test_relu_specialises_continuously():
    found = narrow_transitions("relu", 2, noise=0.01)
    assert found.critical == pytest.approx(2 * math.pi * (0.01 + 0.25 - 0.5 / math.pi), rel=1e-5)
    assert math.isnan(found.spinodal)


def test_branch_goes_on_through_its_fold():
    curve = narrow_branch("erf", 3, [0.87, 0.7053116, 0.526370], noise=0.01)
    np.testing.assert_allclose(curve.alpha[1:], 2.2, atol=1e-6)  # one alpha, the stable and the unstable solution
    assert (curve.result == Result.converged).all()
    both = solved("erf", 2.2, 3, 4, 10, noise=0.01)
    assert both.teacher_overlap[0] == pytest.approx(0.7053116, abs=1e-6)


# Stationarity


@pytest.mark.parametrize(
    ("activation", "alpha", "settings"),
    [
        ("erf", 12.5, {"estimator": "gibbs", "beta": 10, "weight_decay": 0.1, "units": 10, "dressing": "entropy"}),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("relu", 3.0, {"estimator": "gibbs", "beta": 10, "weight_decay": 0.1, "units": 10, "dressing": "full"}),
                ("erf", 2.0, {"estimator": "erm", "weight_decay": 0.01}),
                ("erf", 3.0, {"noise": 0.01, "units": 10, "dressing": "full"}),
                ("relu", 6.0, {"task": "classification", "estimator": "erm", "loss": "hinge", "weight_decay": 0.1}),
            )
        ),
    ],
)
def test_solutions_are_stationary_points_of_the_free_entropy(activation, alpha, settings):
    """By finite differences, which know nothing of the map that was iterated."""
    model = checked_estimator(activation, np.array([alpha]), branch="specialised", **settings)
    order, residual, _ = eqx.filter_jit(search)(model, jnp.asarray(alpha), model.start("specialised"), 20_000)
    assert residual < 1e-9
    flat, unravel = ravel_pytree(order)
    value = jax.jit(lambda x: model.free_entropy(unravel(x), jnp.asarray(alpha)))
    assert model.teacher_overlap(order) > 0.1
    used = flat.size - (1 if hasattr(order, "b") and model.outputs.dressing != "none" else 0)

    def slopes(x):
        steps = 1e-4 * jnp.eye(flat.size)[:used]
        return np.array([(value(x + step) - value(x - step)) / 2e-4 for step in steps])

    elsewhere = np.abs(slopes(flat + 0.02)).max()
    assert np.abs(slopes(flat)).max() < 1e-5 * (1 + abs(value(flat)))
    assert np.abs(slopes(flat)).max() < 1e-3 * elsewhere


# Bad input


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"alpha": 0}, "alpha = 0"),
        ({"units": 0}, "units = 0"),
        ({"units": 1, "dressing": "entropy"}, "units = 1"),
        ({"units": 3, "dressing": "full"}, "units = 3"),
        ({"activation": "ref"}, "activation = ref"),
        ({"loss": "huber"}, "loss = huber: must be one of hinge, logistic, perceptron, probit, square"),
        ({"estimator": "map"}, "estimator = map: must be one of bayes, gibbs, erm"),
        ({"estimator": "gibbs", "beta": 0, "weight_decay": 1}, "beta = 0"),
        ({"estimator": "gibbs", "beta": 1}, "weight_decay = None"),
        ({"estimator": "erm", "weight_decay": 0.0, "alpha": 0.9}, "weight_decay = 0.0"),
        ({"estimator": "erm", "weight_decay": 0.1, "loss": "hinge"}, "loss = hinge"),
        (
            {"estimator": "erm", "weight_decay": 0.1, "loss": "perceptron", "task": "classification"},
            "loss = perceptron",
        ),
        ({"estimator": "erm", "weight_decay": 0.1, "activation": "sign"}, "estimator = erm"),
        ({"branch": "rotated"}, "branch = rotated"),
        ({"branch": "glassy"}, "branch = glassy"),
        ({"noise": -1}, "noise = -1"),
        ({"beta": 3}, "beta = 3"),
        ({"dressing": "partial"}, "dressing = partial"),
    ],
)
def test_narrow_network_names_an_illegal_argument(settings, named):
    settings = {"activation": "erf", "alpha": 2} | settings
    with pytest.raises(ConfigError, match=named):
        narrow_network(settings.pop("activation"), settings.pop("alpha"), **settings)


def test_narrow_transitions_names_a_start_without_the_branch():
    with pytest.raises(ValueError, match="above = 1"):
        narrow_transitions("erf", 1, noise=0.01)
