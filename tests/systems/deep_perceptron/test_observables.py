"""Observables: small cases by hand, symmetries through real networks, estimators against what they estimate."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import optimize

from dsm import data, observables
from dsm.networks import make_activation
from dsm.observables import AbstractMachineObservable, AbstractPairObservable, Measures, Variable, two_layer
from dsm.observables import test_error as fraction_wrong  # a name that pytest does not take for a test
from dsm.observables.sign_network import OBSERVABLES, Snapshot, take_snapshot
from dsm.observables.sign_network.matched_overlap import overlap_matrix
from dsm.observables.statistics import effective_sample_size, jackknife, r_hat, standard_error
from dsm.tasks._dataset import averages, convergence
from dsm.training import random_networks
from helpers import small_problem

EPS = float(np.finfo(np.float32).eps)
WIDTH, DEPTH, TEST = 5, 3, 64


@pytest.fixture(scope="module")
def dense():
    """A dense problem with 64 test patterns, so that overlaps and their sums are exact in float32, and a snapshot."""
    problem = small_problem("dense", "spherical", width=WIDTH, depth=DEPTH, alpha=6.4, seed=1)
    patterns = jax.random.rademacher(jax.random.key(0), (TEST, WIDTH), jnp.int8)
    labels = jax.vmap(lambda pattern: problem.teacher(pattern)[-1])(patterns)
    problem = type(problem)(problem.teacher, problem.inputs, problem.labels, patterns, labels)
    return problem, jax.jit(lambda w: take_snapshot(problem.teacher.with_weights(w), problem))


@pytest.fixture(scope="module")
def all_of():
    """Every observable of the machine b, and of the pair a and b, by name of the variable."""
    kinds = [OBSERVABLES.get(name)() for name in OBSERVABLES.names]
    compiled = jax.jit(lambda a, b: [k(a, b) if isinstance(k, AbstractPairObservable) else k(b) for k in kinds])

    def values(a, b):
        merged = {}
        for part in compiled(a, b):
            assert not merged.keys() & part.keys()
            merged |= {name: np.asarray(value) for name, value in part.items()}
        return merged

    return values


def signs(values):
    return jnp.asarray(values, jnp.int8)


# ------------------------------------------------------------------------------------------------- machines and pairs


def test_snapshot_against_numpy(dense):
    problem, snapshot = dense
    weights = np.asarray(problem.teacher.redraw(jax.random.key(4)).weights)
    taken = snapshot(jnp.asarray(weights))
    for spins, patterns in ((taken.train, problem.inputs), (taken.test, problem.test_inputs)):
        below = np.asarray(patterns, float)
        assert spins.dtype == jnp.int8 and spins.shape == (DEPTH, len(below), WIDTH)
        for layer in range(DEPTH):
            below = np.where(below @ weights[layer].T.astype(float) >= 0, 1.0, -1.0)
            np.testing.assert_array_equal(np.asarray(spins[layer]), below)
    length = np.sqrt((weights.astype(float) ** 2).mean(axis=-1, keepdims=True))
    np.testing.assert_allclose(np.asarray(taken.weights), weights / length, rtol=(WIDTH + 8) * EPS)


def assert_declared(observable, machines, sizes, dtype):
    """Of `machines` it returns its variables and no others, with their dimensions. Only shapes are computed."""
    found = eqx.filter_eval_shape(observable, *machines)
    assert found.keys() == observable.variables.keys()
    for name, value in found.items():
        assert value.shape == tuple(sizes[dim] for dim in observable.variables[name].dims), name
        assert value.dtype == (jnp.int32 if name == "wrong_outputs" else dtype), name


@pytest.mark.parametrize("name", OBSERVABLES.names)
def test_every_observable_returns_what_it_declares(name, dense):
    problem, snapshot = dense
    a, b = snapshot(problem.teacher.weights), snapshot(problem.teacher.redraw(jax.random.key(1)).weights)
    observable = OBSERVABLES.get(name)()
    if isinstance(observable, AbstractPairObservable):
        machines = a, b
        assert set(observable.pairs) <= {"teacher", "student", "past", "baseline"}
    else:
        machines = (a,)
        assert isinstance(observable, AbstractMachineObservable)
        assert set(observable.machines) <= {"student", "teacher", "baseline"}
    assert_declared(observable, machines, {"layer": DEPTH}, jnp.float32)
    assert all(np.all(np.isfinite(value)) for value in observable(*machines).values())


@pytest.mark.parametrize("law", data.LAWS.names)
@pytest.mark.parametrize("name", two_layer.OBSERVABLES.names)
def test_every_observable_of_two_layers_returns_what_it_declares(name, law):
    """Students of 3 units, teachers of 2."""
    observable = two_layer.OBSERVABLES.get(name)()
    assert isinstance(observable, AbstractMachineObservable)
    width = data.LAWS.get(law).fixed_width or 20

    def snapshot(key, train):
        options = {"name": law} | ({"latent": 5} if law == "hidden_manifold" else {})
        inputs = data.LAWS.build(options, "law", width=width)
        ones, g = np.ones(3), make_activation("erf")
        machines = random_networks(key, (3, width), (2, inputs.teacher_width), 1.0, ones, ones[:2], g)
        test = 0 if inputs.gaussian_fields else 11
        return two_layer.take_snapshot(machines[0], data.two_layer_problem(key, inputs, *machines, 0.1, train, test))

    of = {train: eqx.filter_eval_shape(snapshot, jax.random.key(0), train) for train in (0, 7)}
    assert observable.applies(of[7].problem) and observable.applies(of[0].problem) == (name != "train_error")
    sizes = {"student": 3, "student_2": 3, "teacher": 2}
    for machine in of.values():
        if observable.applies(machine.problem):
            assert_declared(observable, (machine,), sizes, jnp.float64)


@pytest.mark.parametrize(
    ("machine", "pairs"),
    [("student", ("teacher", "student", "past", "past")), ("baseline", ("baseline",)), ("teacher", ())],
)
def test_records_are_as_described(machine, pairs, dense):
    """Of a machine and all others that it is compared with: names, dimensions, and whose quantity each is."""
    problem, snapshot = dense
    measures = Measures(tuple(OBSERVABLES.get(name)() for name in OBSERVABLES.names))
    one = snapshot(problem.teacher.weights)
    others = jax.tree.map(lambda leaf: jnp.stack([leaf] * max(len(pairs), 1)), one)
    found = eqx.filter_eval_shape(measures.record, machine, one, others, pairs)
    described = measures.variables(machine, tuple(dict.fromkeys(pairs)))
    assert found.keys() == described.keys()
    sizes = {"layer": DEPTH, "reference": pairs.count("past")}
    assert {name: value.shape for name, value in found.items()} == {
        name: tuple(sizes[dim] for dim in variable.dims) for name, variable in described.items()
    }
    if machine == "teacher":
        assert found.keys() == {"teacher_same_layer_correlation", "teacher_effective_dimension"}


def test_overlaps_with_itself_are_one(dense, all_of):
    problem, snapshot = dense
    machine = snapshot(problem.teacher.weights)
    found = all_of(machine, machine)
    np.testing.assert_allclose(found.pop("weight_overlap"), 1, rtol=(WIDTH**2 + 8) * EPS)
    # The teacher's labels are its own outputs.
    assert found.pop("test_error") == found.pop("energy") == found.pop("wrong_outputs") == 0
    # The sum over all pairs has the diagonal, 1, and more.
    assert np.all(found.pop("overlap_matrix_square") >= 1)
    np.testing.assert_allclose(found.pop("gauge_invariant_weight_overlap"), 1, rtol=(WIDTH**2 + 8) * EPS)
    for name in ("same_layer_correlation", "effective_dimension"):  # of one machine
        found.pop(name)
    assert len(found) == 7
    for name, value in found.items():
        assert np.all(value == 1), name


def test_no_wrong_outputs_are_an_error_of_exactly_zero():
    """A student at E = 0 is told by energy == 0, and no fraction is negative."""
    compiled = jax.jit(fraction_wrong)
    for width in (3, 5, 10, 20, 50, 100):
        ones = jnp.ones((8, width), jnp.int8)
        assert compiled(ones, ones) == 0


def test_energy_and_test_error_count_wrong_outputs(dense, all_of):
    problem, snapshot = dense
    teacher, student = snapshot(problem.teacher.weights), snapshot(problem.teacher.redraw(jax.random.key(2)).weights)
    found = all_of(teacher, student)
    for name, output, labels in (
        ("energy", student.train[-1], problem.labels),
        ("test_error", student.test[-1], problem.test_labels),
    ):
        wrong = np.mean(np.asarray(output) != np.asarray(labels))
        assert 0 < wrong < 1
        # One division, one subtraction and a mean of N terms in float32.
        np.testing.assert_allclose(found[name], wrong, atol=(WIDTH + 2) * EPS)
    assert found["wrong_outputs"] == np.sum(np.asarray(student.train[-1]) != np.asarray(problem.labels))
    np.testing.assert_allclose(found["test_error"], (1 - found["spin_overlap_test"][-1]) / 2, atol=EPS)


# ------------------------------------------------------------------------------------------------------ cases by hand


def test_overlaps_by_hand():
    # Two units, four patterns: q_0 = 1/2, q_1 = -1.
    a = signs([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    b = signs([[1, -1], [1, 1], [-1, -1], [1, 1]])
    assert observables.spin_overlap(a, b) == -0.25
    assert fraction_wrong(a, b) == 0.625
    absolute, square = observables.gauge_invariant_overlap(a, b)
    assert absolute == 0.75
    # q_0**2 - (1 - q_0**2)/3 = 1/4 - 1/4 = 0 and q_1**2 = 1.
    assert square == 0.5
    # q = [[1/2, 0], [-1/2, -1]]: assigned 0-0 and 1-1.
    np.testing.assert_array_equal(np.asarray(overlap_matrix(a, b)), [[0.5, 0.0], [-0.5, -1.0]])
    matched, total = observables.matched_overlap(a, b)
    assert matched == 0.75
    assert total == 0.75
    # Units exchanged and one flipped: nothing happens to these two.
    matched, total = observables.matched_overlap(a, signs(np.asarray(b)[:, ::-1] * [1, -1]))
    assert (matched, total) == (0.75, 0.75)
    # Weights, with layers in front.
    j = jnp.asarray([[[1, -1], [1, 1]], [[1, 1], [1, 1]]], jnp.float32)
    k = jnp.asarray([[[1, 1], [1, 1]], [[1, 1], [-1, -1]]], jnp.float32)
    np.testing.assert_array_equal(np.asarray(observables.weight_overlap(j, k)), [0.5, 0.0])


def test_many_patterns_do_not_overflow():
    ones = jnp.ones((2, 1000, 3), jnp.int8)
    np.testing.assert_array_equal(np.asarray(observables.spin_overlap(ones, -ones)), [-1, -1])
    np.testing.assert_array_equal(np.asarray(observables.gauge_invariant_overlap(ones, -ones)), np.ones((2, 2)))
    assert observables.matched_overlap(ones[0], ones[0]) == (1, 3)


def test_one_pattern_has_the_plain_square():
    absolute, square = observables.gauge_invariant_overlap(signs([[1, -1]]), signs([[1, 1]]))
    assert (absolute, square) == (1, 1)


def test_energy_snapshot_by_hand():
    """Labels against the last layer only; train and test kept apart."""
    weights = jnp.ones((2, 2, 2), jnp.float32)
    up = jnp.ones((2, 2, 2), jnp.int8)
    labels, test_labels = up[0].at[0, 0].set(-1), up[0].at[:, 1].set(-1)
    machine = Snapshot(weights, up.at[0].set(-1), up.at[0].set(-1), labels, test_labels)
    assert OBSERVABLES.get("energy")()(machine) == {"energy": 0.25, "wrong_outputs": 1}
    assert OBSERVABLES.get("test_error")()(machine) == {"test_error": 0.5}
    turned = Snapshot(weights, -machine.train, machine.test.at[1, 0, 0].set(-1), labels, test_labels)
    assert OBSERVABLES.get("energy")()(turned) == {"energy": 0.75, "wrong_outputs": 3}
    assert OBSERVABLES.get("test_error")()(turned) == {"test_error": 0.75}


def test_wrong_outputs_are_counted_exactly_where_a_float32_cannot():
    """2**24 + 1 of them: the next integers of a float32 are 2**24 and 2**24 + 2."""
    patterns, width, wrong = 4097, 4096, 2**24 + 1
    labels = np.ones(patterns * width, np.int8)
    labels[:wrong] = -1
    labels = jnp.asarray(labels.reshape(patterns, width))
    few = jnp.ones((1, width), jnp.int8)
    weights, train = jnp.ones((1, width, 1), jnp.float32), jnp.ones((1, patterns, width), jnp.int8)
    machine = Snapshot(weights, train, few[None], labels, few)
    found = jax.jit(OBSERVABLES.get("energy")())(machine)
    assert found["wrong_outputs"].dtype == jnp.int32 and int(found["wrong_outputs"]) == wrong
    assert int(jnp.sum(machine.train[-1] != labels, dtype=jnp.float32)) != wrong
    assert round(float(found["energy"]) * labels.size) != wrong
    np.testing.assert_allclose(found["energy"], wrong / labels.size, rtol=2 * EPS)


def test_gauge_invariant_weight_overlap_by_hand():
    """q_i J J q_k with random wiring: the unit of the layer below is the one that the weight reads."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, 2, 3, 2)).astype(np.float32)  # machine, L, N, c
    train = rng.choice([-1, 1], (2, 2, 5, 3)).astype(np.int8)  # machine, L, M, N
    neighbours = np.array([[[0, 2], [1, 0], [2, 1]], [[1, 2], [0, 1], [2, 0]]], np.int32)
    a, b = (
        Snapshot(*map(jnp.asarray, (w, s, s, s[-1], s[-1], neighbours))) for w, s in zip(weights, train, strict=True)
    )
    units = (train[0].astype(float) * train[1]).mean(1)
    for layer in range(2):
        terms = [
            (units[0, i] if layer == 0 else 1.0)
            * weights[0, layer, i, k] * weights[1, layer, i, k]
            * (1.0 if layer == 0 else units[0, neighbours[1, i, k]])
            for i in range(3) for k in range(2)
        ]  # fmt: skip
        np.testing.assert_allclose(observables.gauge_invariant_weight_overlap(a, b)[layer], np.mean(terms), rtol=1e-5)


def test_effective_dimension_of_known_correlations():
    """Independent units: N. Equal units: 1. Pairs of equal units: N/2. Unbiased, however few patterns there are."""
    rng = np.random.default_rng(0)
    machines, patterns = 4000, 12
    free = rng.choice([-1, 1], (machines, patterns, 6))
    paired = np.repeat(free[..., :3], 2, axis=-1)
    measure = jax.jit(jax.vmap(observables.same_layer_correlation))
    square = np.asarray(measure(signs(free))[0])
    assert abs(np.mean(square)) < 5 * np.std(square) / np.sqrt(machines)
    square = np.asarray(measure(signs(paired))[0])
    assert abs(np.mean(square) - 0.2) < 5 * np.std(square) / np.sqrt(machines)  # 3 of 15 pairs are equal
    many = rng.choice([-1, 1], (100_000, 6))
    for spins, dimension in ((many, 6), (many[:, :1].repeat(6, 1), 1), (many[:, :3].repeat(2, 1), 3)):
        np.testing.assert_allclose(observables.same_layer_correlation(signs(spins))[1], dimension, rtol=1e-3)


def test_energy_counts_against_noisy_labels():
    problem = small_problem("dense", "spherical", width=WIDTH, depth=DEPTH, alpha=6.0)
    noisy = type(problem)(problem.teacher, problem.inputs, -problem.labels, problem.test_inputs, problem.test_labels)
    snapshot = take_snapshot(noisy.teacher, noisy)
    assert OBSERVABLES.get("energy")()(snapshot) == {"energy": 1, "wrong_outputs": noisy.labels.size}
    assert OBSERVABLES.get("test_error")()(snapshot) == {"test_error": 0}


# --------------------------------------------------------------------------------------------------------- estimators


@pytest.mark.parametrize("overlap", [0.0, 0.3, -0.8])
def test_square_overlap_is_unbiased(overlap):
    """Many machines of one unit, ten patterns each: the plain square is biased by (1 - q**2)/M, ours is not."""
    machines, patterns = 20_000, 10
    rng = np.random.default_rng(1)
    a = rng.choice([-1, 1], (machines, patterns, 1))
    b = np.where(rng.random(a.shape) < (1 + overlap) / 2, a, -a)
    absolute, square = (np.asarray(x, float) for x in observables.gauge_invariant_overlap(signs(a), signs(b)))
    assert abs(square.mean() - overlap**2) < 5 * square.std(ddof=1) / np.sqrt(machines)
    plain = absolute**2
    error = plain.std(ddof=1) / np.sqrt(machines)
    assert plain.mean() - overlap**2 > 10 * error
    assert abs(plain.mean() - overlap**2 - (1 - overlap**2) / patterns) < 5 * error


@pytest.mark.parametrize(("width", "patterns"), [(1, 8), (2, 4), (3, 32), (7, 2), (7, 64)])
def test_matched_overlap_is_the_optimal_assignment(width, patterns):
    """64 pairs of machines, ties included (few patterns), some of them a scrambled and disturbed copy of the other."""
    rng = np.random.default_rng(width * patterns)
    a = rng.choice([-1, 1], (64, patterns, width))
    b = rng.choice([-1, 1], (64, patterns, width))
    for n in range(32):
        copy = a[n][:, rng.permutation(width)] * rng.choice([-1, 1], width)
        b[n] = np.where(rng.random(copy.shape) < 0.1 * (n % 4), -copy, copy)
    matched, total = jax.jit(jax.vmap(observables.matched_overlap))(signs(a), signs(b))
    matrices = np.abs(np.einsum("nmi,nmj->nij", a, b) / patterns)
    best = [matrix[optimize.linear_sum_assignment(-matrix)].mean() for matrix in matrices]
    # Numbers of patterns are powers of two: sums are exact and only the mean over units is rounded.
    np.testing.assert_allclose(np.asarray(matched), best, rtol=EPS)
    np.testing.assert_allclose(np.asarray(total), (matrices**2).sum(axis=(1, 2)) / width, rtol=EPS)
    assert np.all(np.asarray(matched)[:32:4] == 1)


# --------------------------------------------------------------------------------------------------------- symmetries


def turn_over(weights, rng):
    """The sign of about half of the hidden units, weights into and out of each."""
    weights = np.array(weights)
    for layer in range(DEPTH - 1):
        turned = rng.choice([-1.0, 1.0], WIDTH).astype(np.float32)
        turned[:2] = -1, 1
        weights[layer] *= turned[:, None]
        weights[layer + 1] *= turned[None, :]
    return weights


def permute(weights, rng):
    """The hidden units of every layer in another order."""
    weights = np.array(weights)
    for layer in range(DEPTH - 1):
        order = np.roll(np.arange(WIDTH), rng.integers(1, WIDTH))  # no unit stays
        weights[layer] = weights[layer][order]
        weights[layer + 1] = weights[layer + 1][:, order]
    return weights


def test_gauge_and_permutations(dense, all_of):
    problem, snapshot = dense
    teacher = snapshot(problem.teacher.weights)
    rng = np.random.default_rng(5)
    # Most weights of this student are the teacher's, so that its overlaps are large.
    noise = problem.teacher.redraw(jax.random.key(3)).weights
    student = jnp.where(jnp.asarray(rng.random(noise.shape) < 0.8), problem.teacher.weights, noise)
    before = all_of(teacher, snapshot(student))
    of_output = ("test_error", "energy", "wrong_outputs")
    of_gauge = tuple(f"gauge_invariant_overlap{kind}_{on}" for kind in ("", "_squared") for on in ("train", "test"))
    of_both = ("matched_overlap", "overlap_matrix_square")
    raw = ("weight_overlap", "spin_overlap_train", "spin_overlap_test")
    of_one = ("same_layer_correlation", "effective_dimension")
    of_weights = "gauge_invariant_weight_overlap"
    assert before.keys() == {*of_output, *of_gauge, *of_both, *raw, *of_one, of_weights}
    for gauge, permuted in ((True, False), (False, True), (True, True)):
        weights = turn_over(student, rng) if gauge else np.asarray(student)
        weights = permute(weights, rng) if permuted else weights
        assert np.any(weights != np.asarray(student))
        machine = snapshot(jnp.asarray(weights))
        after = all_of(teacher, machine)
        for name in (*of_output, *of_both, *(() if permuted else of_gauge)):
            np.testing.assert_array_equal(after[name], before[name], err_msg=name)
        for name in of_one:  # sums in another order
            np.testing.assert_allclose(after[name], before[name], rtol=1e-5, atol=1e-7, err_msg=name)
        assert np.allclose(after[of_weights], before[of_weights], rtol=1e-5) != permuted
        for name in (*raw, *(of_gauge if permuted else ())):
            assert np.any(after[name][: DEPTH - 1] != before[name][: DEPTH - 1]), (
                name
            )  # overlaps are discrete and may tie
        # Outputs are seen by everything.
        for name in (*of_gauge, "spin_overlap_train", "spin_overlap_test"):
            assert after[name][-1] == before[name][-1]
        # The same between the student and its own image, where the invariant ones stay 1.
        image = all_of(snapshot(student), machine)
        assert np.all(image["matched_overlap"] == 1) and image["spin_overlap_test"][-1] == 1
        assert np.all(image["weight_overlap"][: DEPTH - 1] < 0.99)
        if not permuted:
            assert all(np.all(image[name] == 1) for name in of_gauge)
            np.testing.assert_allclose(image[of_weights], 1, rtol=1e-6)


def test_matched_overlap_is_for_dense_wiring():
    for name in OBSERVABLES.names:
        observable = OBSERVABLES.get(name)()
        assert observable.applies(small_problem("dense", width=4, depth=2))
        assert observable.applies(small_problem("random", width=4, depth=2)) == (name != "matched_overlap")


# --------------------------------------------------------------------------------------------------------- statistics


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


def test_r_hat():
    chains = np.random.default_rng(3).normal(size=(4, 2000))
    assert abs(r_hat(chains) - 1) < 0.01
    assert r_hat(chains + np.arange(4)[:, None]) > 1.2
    assert r_hat(chains + np.linspace(0, 3, 2000)) > 1.2  # a common drift: halves of chains are compared
    assert r_hat(chains * np.array([1, 1, 1, 10])[:, None]) > 1.1  # another spread


def test_quantities_of_two_students_are_said_to_be_of_pairs():
    measures = Measures(tuple(OBSERVABLES.get(name)() for name in OBSERVABLES.names))
    found = measures.variables("student", ("teacher", "student", "past"))
    of_pairs = {name for name, variable in found.items() if variable.draws == "pair"}
    assert of_pairs == {name for name in found if name.startswith("student_")} and len(of_pairs) == 10
    assert all(variable.draws == "chain" for name, variable in found.items() if name not in of_pairs)


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
