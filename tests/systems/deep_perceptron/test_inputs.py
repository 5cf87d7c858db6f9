"""Input ensembles and teacher-labelled problems."""

import functools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import data, networks
from dsm._errors import ConfigError
from dsm._random import draw_flat, stream
from helpers import energy_of

slow = pytest.mark.slow
ENSEMBLES = {
    "iid": data.iid_signs(8),
    "hidden_manifold": data.hidden_manifold(8, 3),
    "hidden_manifold, D > N": data.hidden_manifold(8, 20),
    "digits": data.digits(),
}


@pytest.fixture(scope="module")
def digits():
    """All digits at the default threshold, from scikit-learn, as rows of signs."""
    from sklearn.datasets import load_digits

    grey = load_digits().data
    assert grey.shape == (1797, 64)
    return np.where(grey > 7.5, 1, -1)


def rows(patterns):
    """The multiset of patterns."""
    return Counter(np.ascontiguousarray(patterns, dtype=np.int8)[i].tobytes() for i in range(len(patterns)))


@pytest.mark.parametrize(
    "name", ["normal", "rademacher", *(pytest.param(n, marks=slow) for n in ("uniform", "exponential"))]
)
def test_numbers_drawn_as_a_vector_are_the_same(name):
    sampler = getattr(jax.random, name)
    for shape in ((), (7,), (3, 5), (2, 3, 4), (0, 3)):
        plain = jax.jit(lambda key: sampler(key, shape, jnp.float32))  # noqa: B023
        flat = jax.jit(lambda key: draw_flat(sampler, key, shape, jnp.float32))  # noqa: B023
        np.testing.assert_array_equal(flat(jax.random.key(1)), plain(jax.random.key(1)))


# ----------------------------------------------------------------------------------------------------- all ensembles

EACH = pytest.mark.parametrize("name", [pytest.param(name, marks=[slow] * ("," in name)) for name in ENSEMBLES])


@EACH
def test_patterns_are_signs_and_reproducible(name):
    inputs = ENSEMBLES[name]
    train, test = inputs.sample(jax.random.key(1), 30, 20)
    assert train.shape == (30, inputs.width) and test.shape == (20, inputs.width)
    assert train.dtype == test.dtype == jnp.int8
    assert set(np.unique(np.asarray(train))) == set(np.unique(np.asarray(test))) == {-1, 1}
    again, _ = inputs.sample(jax.random.key(1), 30, 20)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(train))
    other, _ = inputs.sample(jax.random.key(2), 30, 20)
    assert np.any(np.asarray(other) != np.asarray(train))
    assert rows(train) != rows(test)


@EACH
def test_training_set_does_not_depend_on_the_test_set(name):
    (few, _), (many, _) = (ENSEMBLES[name].sample(jax.random.key(1), 30, number) for number in (5, 200))
    np.testing.assert_array_equal(np.asarray(few), np.asarray(many))


@pytest.mark.quick
def test_registered_names():
    assert data.INPUTS.names == ["digits", "hidden_manifold", "iid"]
    assert data.INPUTS.get("iid") is data.iid_signs


# ---------------------------------------------------------------------------------------------------------- problems


@pytest.mark.quick
@pytest.mark.parametrize(
    ("alpha", "fan_in", "patterns"),
    [(4.0, 20, 80), (1.25, 4, 5), (0.3, 10, 3), (2.1, 7, 15), (0.2, 3, 1), (2.09, 7, 15)],
)
def test_number_of_training_patterns(alpha, fan_in, patterns):
    assert data.training_patterns(alpha, fan_in) == patterns


@functools.partial(jax.jit, static_argnums=range(8))
def problem_of(width, depth, fan_in, wiring, alpha, test_patterns, label_beta=float("inf"), weights="spherical"):
    """A problem with independent signs. One program: each operation by itself would take longer to compile."""
    teacher = networks.SignNetwork(width, depth, fan_in, wiring=wiring, weights=weights, key=jax.random.key(0))
    return data.teacher_problem(
        jax.random.key(1), teacher, data.iid_signs(width), alpha, test_patterns, label_beta=label_beta
    )


def test_sizes_of_a_problem():
    """M = round(alpha c) with c inputs a unit, not N of them; the test set changes nothing in the training set."""
    few, many = (problem_of(9, 1, 4, "random", 1.25, n) for n in (7, 200))
    for problem, number in ((few, 7), (many, 200)):
        assert problem.inputs.shape == problem.labels.shape == (5, 9)
        assert problem.test_inputs.shape == problem.test_labels.shape == (number, 9)
    np.testing.assert_array_equal(np.asarray(few.inputs), np.asarray(many.inputs))
    np.testing.assert_array_equal(np.asarray(few.labels), np.asarray(many.labels))


@pytest.mark.parametrize(("wiring", "weights"), [("dense", "ising"), ("random", "spherical")])
def test_labels_are_the_outputs_of_the_teacher(wiring, weights):
    problem = problem_of(6, 3, 6 if wiring == "dense" else 3, wiring, 5.0, 50, float("inf"), weights)
    teacher = np.asarray(problem.teacher.weights)
    assert problem.labels.dtype == problem.test_labels.dtype == jnp.int8
    assert energy_of(problem, teacher) == 0
    on_test = data.Problem(
        problem.teacher, problem.test_inputs, problem.test_labels, problem.test_inputs, problem.test_labels
    )
    assert energy_of(on_test, teacher) == 0
    # And not those of its negative: all fields but the zeros of ising weights with even c change sign at depth 3.
    assert energy_of(problem, -teacher) > 0


def test_label_noise():
    """Training labels are flipped with probability 1/(1 + exp(label_beta)), test labels never; patterns are the same."""
    clean, noisy, cold = (problem_of(40, 2, 40, "dense", 20.0, 30, beta) for beta in (float("inf"), 1.5, 1e4))
    np.testing.assert_array_equal(np.asarray(clean.inputs), np.asarray(noisy.inputs))
    np.testing.assert_array_equal(np.asarray(clean.test_labels), np.asarray(noisy.test_labels))
    turned, rate = np.mean(np.asarray(clean.labels) != np.asarray(noisy.labels)), 1 / (1 + np.exp(1.5))
    assert abs(turned - rate) < 5 * np.sqrt(rate / noisy.labels.size)
    np.testing.assert_array_equal(np.asarray(clean.labels), np.asarray(cold.labels))
    with pytest.raises(ConfigError, match="^label_beta = -1.0: must be"):
        problem_of(40, 2, 40, "dense", 1.0, 30, -1.0)


class NamedStreamInputs(data.AbstractInputs):
    """Inputs that draw from a stream of their key that has the name of another one."""

    width: int

    def sample(self, key, train, test):
        spins = jax.random.rademacher(stream(key, "label noise"), (train + test, self.width), jnp.int8)
        return spins[:train], spins[train:]


def test_inputs_and_label_noise_have_streams_of_their_own():
    """Whatever inputs do with their key, label noise is independent of them, and each is that of its stream."""
    teacher, inputs, key = networks.SignNetwork(40, 1, key=jax.random.key(0)), NamedStreamInputs(40), jax.random.key(1)
    clean, noisy = (data.teacher_problem(key, teacher, inputs, 5.0, 7, label_beta=b) for b in (float("inf"), 0.0))
    flips = np.asarray(clean.labels * noisy.labels, int)  # of probability 1/2
    assert abs(np.mean(flips * np.asarray(noisy.inputs, int))) < 5 / np.sqrt(flips.size)
    train, test = inputs.sample(stream(key, "inputs"), 200, 7)
    np.testing.assert_array_equal(noisy.inputs, train)
    np.testing.assert_array_equal(noisy.test_inputs, test)
    drawn = jax.random.bernoulli(stream(key, "label noise"), 0.5, flips.shape)
    np.testing.assert_array_equal(flips == -1, drawn)


@pytest.mark.parametrize("alpha", [0.0, -1.5, float("inf"), float("nan"), 0.1])
def test_alpha_without_patterns_is_refused(alpha):
    teacher = networks.SignNetwork(4, 2, key=jax.random.key(0))
    with pytest.raises(ConfigError, match=f"^alpha = {alpha}: must be"):
        data.teacher_problem(jax.random.key(1), teacher, data.iid_signs(4), alpha)


def test_widths_of_teacher_and_inputs_must_agree():
    teacher = networks.SignNetwork(4, 2, key=jax.random.key(0))
    for inputs in (data.iid_signs(5), data.hidden_manifold(5, 2)):
        with pytest.raises(ConfigError, match="^inputs.width = 5: must be the teacher's width = 4"):
            data.teacher_problem(jax.random.key(1), teacher, inputs, 2.0)


def test_no_test_patterns_are_refused():
    teacher = networks.SignNetwork(4, 2, key=jax.random.key(0))
    with pytest.raises(ConfigError, match="^test_patterns = 0: must be"):
        data.teacher_problem(jax.random.key(1), teacher, data.iid_signs(4), 2.0, 0)


# --------------------------------------------------------------------------------------------------------- iid signs


def test_iid_signs_are_independent():
    number, width = 20_000, 8
    train, test = (np.asarray(x, float) for x in data.iid_signs(width).sample(jax.random.key(3), number, number))
    off_diagonal = ~np.eye(width, dtype=bool)
    for patterns in (train, test):
        assert np.abs(patterns.mean(axis=0)).max() < 5 / np.sqrt(number)
        assert np.abs(patterns.T @ patterns / number)[off_diagonal].max() < 5 / np.sqrt(number)
        # One pattern and the next.
        assert np.abs((patterns[1:] * patterns[:-1]).mean(axis=0)).max() < 5 / np.sqrt(number - 1)
    assert np.abs(train.T @ test / number).max() < 5 / np.sqrt(number)


# --------------------------------------------------------------------------------------------------- hidden manifold


def covariance(patterns):
    patterns = np.asarray(patterns, float)
    return patterns.T @ patterns / len(patterns)


def test_hidden_manifold_is_the_sign_of_features_times_latent_variables(monkeypatch):
    """The normal variates are listened to: F [D, N] or [N, D], shared, and xi [patterns, D] of either set."""
    drawn = []
    normal = jax.random.normal

    def listen(*arguments, **options):
        drawn.append(normal(*arguments, **options))
        return drawn[-1]

    monkeypatch.setattr(jax.random, "normal", listen)
    width, latent, number = 8, 3, 20_000
    train, test = data.hidden_manifold(width, latent).sample(jax.random.key(4), number, number + 1)
    by_size = {array.size: np.asarray(array, np.float64) for array in drawn}
    assert len(drawn) == 3
    features = by_size[latent * width]
    features = features if features.shape == (latent, width) else features.reshape(width, latent).T
    for patterns in (train, test):
        latents = by_size[len(patterns) * latent].reshape(-1, latent)
        fields = latents @ features / np.sqrt(latent)
        # float32 cannot tell fields this close to zero.
        clear = np.abs(fields) > 1e-5
        assert clear.mean() > 0.999
        np.testing.assert_array_equal(np.asarray(patterns)[clear], np.where(fields >= 0, 1, -1)[clear])
        assert abs(latents.mean()) < 5 / np.sqrt(latent * number)

    # <x_i x_j> = (2/pi) arcsin of the normalised F F^T / D.
    gram = features.T @ features / latent
    cosine = gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram)))
    expected = 2 / np.pi * np.arcsin(np.clip(cosine, -1, 1))
    error = np.sqrt((1 - expected**2) / number)
    pairs = np.triu_indices(width, 1)
    for patterns in (train, test):
        assert np.all(np.abs(covariance(patterns) - expected)[pairs] < 5 * error[pairs])
    assert np.abs(expected[pairs]).max() > 0.3  # nothing that iid signs would show


def test_hidden_manifold_features_are_shared_by_train_and_test_only():
    number, width, latent = 20_000, 8, 3
    inputs = data.hidden_manifold(width, latent)
    pairs = np.triu_indices(width, 1)
    train, test = (covariance(x)[pairs] for x in inputs.sample(jax.random.key(5), number, number))
    error = np.sqrt((2 - train**2 - test**2) / number)
    assert np.all(np.abs(train - test) < 5 * error)
    other, _ = inputs.sample(jax.random.key(6), number, 1)
    assert np.any(np.abs(train - covariance(other)[pairs]) > 10 * error)


@pytest.mark.parametrize("latent", [pytest.param(1, marks=slow), 3])
def test_hidden_manifold_features_are_gaussian(latent):
    """From the patterns alone: sin(pi/2 <x_i x_j>) is the cosine of the angle between two rows of F.

    For independent Gaussian rows its square has mean 1/D, and its mean is zero.
    """
    number, width, samples = 4000, 8, 200
    keys = jax.random.split(jax.random.key(7), samples)
    draw = jax.jit(jax.vmap(lambda key: data.hidden_manifold(width, latent).sample(key, number, 1)[0]))
    patterns = np.asarray(draw(keys), np.float32)
    correlation = np.einsum("smi,smj->sij", patterns, patterns) / number
    i, j = np.triu_indices(width, 1)
    cosine = np.sin(np.pi / 2 * correlation[:, i, j].astype(float))
    # The variance of the cosine's estimate, by error propagation: (pi/2)**2 (1 - cos**2) (1 - C**2) / M.
    noise = (np.pi / 2) ** 2 * (1 - cosine**2) * (1 - correlation[:, i, j] ** 2) / (number - 1)
    for values, exact in ((cosine, 0.0), (cosine**2 - noise, 1 / latent)):
        by_sample = values.mean(axis=1)
        if np.ptp(by_sample) == 0:
            assert np.all(by_sample == exact)
        else:
            assert abs(by_sample.mean() - exact) < 5 * by_sample.std(ddof=1) / np.sqrt(samples)


def test_hidden_manifold_of_one_dimension_has_one_pattern_and_its_negative():
    train, test = (np.asarray(x, int) for x in data.hidden_manifold(20, 1).sample(jax.random.key(8), 50, 50))
    for patterns in (train, test):
        assert np.all(np.abs(patterns @ train[0]) == 20)
        assert set(patterns @ train[0]) == {-20, 20}


def test_both_hidden_manifolds_have_one_normalisation():
    """Fields of variance 1 for each row of features; the signs are those of the law with the sign for its function."""
    key, law = jax.random.key(12), data.LAWS.get("hidden_manifold")(width=6, latent=4)
    features = law.disorder(key)
    np.testing.assert_allclose(np.sum(np.asarray(features) ** 2, axis=1), 4, rtol=1e-6)
    inputs, latent = law.draw(jax.random.key(13), features, 50)
    feature_key, train_key, _ = jax.random.split(jax.random.key(14), 3)
    train, _ = data.hidden_manifold(6, 4).sample(jax.random.key(14), 50, 1)
    same, _ = law.draw(train_key, law.disorder(feature_key), 50)
    np.testing.assert_array_equal(train, same)
    assert set(np.unique(inputs)) == {-1, 1} and latent.shape == (50, 4)


@slow
def test_hidden_manifold_of_many_dimensions_is_legal():
    train, _ = data.hidden_manifold(5, 5000).sample(jax.random.key(9), 2000, 1)
    # Cosines of order 1/sqrt(D) only: close to independent signs.
    assert np.abs(covariance(train)[np.triu_indices(5, 1)]).max() < 5 * (2 / np.pi / np.sqrt(5000) + 1 / np.sqrt(2000))


@pytest.mark.parametrize("latent", [0, -2, True])
def test_hidden_manifold_needs_a_dimension(latent):
    with pytest.raises(ConfigError, match=f"^latent = {latent}: must be"):
        data.hidden_manifold(8, latent)


# ------------------------------------------------------------------------------------------------------------ digits


def test_digits_split_all_images(digits):
    """Train and test together are all images, each once: so no image is in both."""
    train, test = data.digits().sample(jax.random.key(1), 1000, 797)
    assert train.shape == (1000, 64) and test.shape == (797, 64)
    assert rows(train) + rows(test) == rows(digits)
    # In another order than scikit-learn's, and another one for another key.
    assert np.any(np.asarray(train) != digits[:1000])
    other, rest = data.digits().sample(jax.random.key(2), 1000, 797)
    assert rows(other) + rows(rest) == rows(digits)
    assert rows(other) != rows(train)


def test_digits_never_use_an_image_twice(digits):
    everything = rows(digits)
    for seed, (train, test) in enumerate([(1, 1796), (900, 500), (300, 1400), (1796, 1)]):
        patterns = data.digits().sample(jax.random.key(seed), train, test)
        assert [len(p) for p in patterns] == [train, test]
        assert rows(patterns[0]) + rows(patterns[1]) <= everything


def test_digits_split_is_uniform(digits):
    """The fraction of lit pixels of the training images is that of all images, up to drawing without replacement."""
    keys = jax.random.split(jax.random.key(3), 30)
    means = np.asarray([np.mean(np.asarray(data.digits().sample(key, 100, 100)[0])) for key in keys])
    by_image = digits.mean(axis=1)
    error = by_image.std(ddof=1) / np.sqrt(100) * np.sqrt(1 - 100 / 1797) / np.sqrt(len(keys))
    assert abs(means.mean() - by_image.mean()) < 5 * error


def test_digits_threshold():
    from sklearn.datasets import load_digits

    grey = load_digits().data
    for threshold in (0.0, 7.5, 12.0, 15.9):
        train, test = data.digits(threshold=threshold).sample(jax.random.key(1), 1000, 797)
        # Grey values equal to the threshold are off.
        assert rows(train) + rows(test) == rows(np.where(grey > threshold, 1, -1))


@pytest.mark.parametrize("threshold", [-0.5, 16.0, 20.0, float("nan")])
def test_digits_threshold_out_of_range(threshold):
    with pytest.raises(ConfigError, match=f"^threshold = {threshold}: must be"):
        data.digits(threshold=threshold)


def test_digits_have_64_pixels():
    assert data.digits().width == 64
    with pytest.raises(ConfigError, match="^width = 63: must be 64"):
        data.digits(63)
    teacher = networks.SignNetwork(63, 1, key=jax.random.key(0))
    with pytest.raises(ConfigError, match="^inputs.width = 64: must be"):
        data.teacher_problem(jax.random.key(1), teacher, data.digits(), 2.0)


def test_too_many_digits_are_refused():
    for train, test in ((1000, 798), (1797, 1), (1, 1797)):
        with pytest.raises(ConfigError, match=rf"^patterns = {train} train \+ {test} test: must be at most 1797"):
            data.digits().sample(jax.random.key(0), train, test)
    teacher = networks.SignNetwork(64, 1, key=jax.random.key(0))
    with pytest.raises(ConfigError, match=r"^patterns = 1280 train \+ 1000 test: must be at most 1797"):
        data.teacher_problem(jax.random.key(1), teacher, data.digits(), 20.0)
