"""Observables: small cases by hand, symmetries through real networks, estimators against what they estimate."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from dsm import observables
from dsm.observables import AbstractMachineObservable, AbstractPairObservable, Measures
from dsm.observables import test_error as fraction_wrong  # a name that pytest does not take for a test
from dsm.observables.sign_network import OBSERVABLES, Snapshot, take_snapshot
from dsm.observables.sign_network.matched_overlap import overlap_matrix
from helpers import assert_declared, draw_weights, make_problem, small_problem

EPS = float(np.finfo(np.float32).eps)
WIDTH, DEPTH, TEST = 5, 3, 64
#: Variables that may be as low as -1, those without bias, which may be below 0, and those that are at most N or so.
SIGNED = {"weight_overlap", "spin_overlap_train", "spin_overlap_test", "gauge_invariant_weight_overlap"}
UNBIASED = {"gauge_invariant_overlap_squared_train", "gauge_invariant_overlap_squared_test", "same_layer_correlation"}
WIDE = {"overlap_matrix_square", "effective_dimension"}


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
    measure = jax.jit(observables.same_layer_correlation)
    for spins, dimension in ((many, 6), (many[:, :1].repeat(6, 1), 1), (many[:, :3].repeat(2, 1), 3)):
        np.testing.assert_allclose(measure(signs(spins))[1], dimension, rtol=1e-3)


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


@pytest.mark.parametrize(
    ("width", "patterns"),
    [(3, 32), (7, 2), *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in ((1, 8), (2, 4), (7, 64)))],
)
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


def spins_of(a, b):
    """Overlaps [L, N, N] of all units of two machines, exact."""
    return np.einsum("lmi,lmj->lij", np.asarray(a, float), np.asarray(b, float)) / a.shape[1]


@pytest.mark.parametrize(
    ("wiring", "weights"),
    [
        ("dense", "spherical"),
        ("random", "ising"),
        pytest.param("dense", "ising", marks=pytest.mark.slow),
        pytest.param("random", "spherical", marks=pytest.mark.slow),
    ],
)
def test_overlaps_under_gauges_and_permutations(wiring, weights, all_of):
    """Turn the signs of hidden units and, with dense wiring, put them in another order, weights into and out of each.

    Spins follow, outputs stay, invariant overlaps stay, plain ones become what the units' overlaps say. c is odd, so that
    ising fields are never zero. Everything but the last bits of means is exact.
    """
    fan_in = WIDTH if wiring == "dense" else 3
    problem = make_problem(5, WIDTH, DEPTH, fan_in, weights, wiring, alpha=64 / fan_in, test_patterns=TEST)
    snapshot = jax.jit(lambda w: take_snapshot(problem.teacher.with_weights(w), problem))
    units, layers = st.permutations(range(WIDTH)) if wiring == "dense" else st.just(range(WIDTH)), DEPTH - 1
    signs = st.lists(st.sampled_from([-1, 1]), min_size=WIDTH, max_size=WIDTH)

    @settings(derandomize=True, deadline=None, max_examples=40, database=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        alike=st.floats(0, 1),
        orders=st.lists(units, min_size=layers, max_size=layers),
        turns=st.lists(signs, min_size=layers, max_size=layers),
    )
    def holds(seed, alike, orders, turns):
        rng = np.random.default_rng(seed)
        one, noise = (draw_weights(rng, weights, (DEPTH, WIDTH, fan_in)) for _ in range(2))
        other = np.where(rng.random(one.shape) < alike, one, noise)
        moved = other.copy()
        for layer, (order, turn) in enumerate(zip(orders, turns, strict=True)):
            moved[layer] = moved[layer][list(order)] * np.reshape(turn, (-1, 1))
            if wiring == "dense":
                moved[layer + 1] = moved[layer + 1][:, list(order)] * turn
            else:
                moved[layer + 1] *= np.asarray(turn)[np.asarray(problem.teacher.wiring.neighbours[layer + 1])]
        a, b, image = (snapshot(jnp.asarray(w, jnp.float32)) for w in (one, other, moved))
        order = np.array([*map(list, orders), range(WIDTH)])
        turn = np.array([*turns, [1] * WIDTH])
        for spins, moved_spins in ((b.train, image.train), (b.test, image.test)):
            expected = np.take_along_axis(np.asarray(spins), order[:, None], -1) * turn[:, None]
            np.testing.assert_array_equal(moved_spins, expected)

        before, after, alone = all_of(a, b), all_of(a, image), all_of(b, image)
        plain_order = bool(np.all(order == np.arange(WIDTH)))
        invariant = ["test_error", "energy", "wrong_outputs", "matched_overlap", "overlap_matrix_square"]
        of_gauge = [f"gauge_invariant_overlap{kind}_{on}" for kind in ("", "_squared") for on in ("train", "test")]
        for name in invariant + of_gauge * plain_order:
            np.testing.assert_array_equal(after[name], before[name], err_msg=name)
        for name in ("same_layer_correlation", "effective_dimension"):  # sums in another order
            np.testing.assert_allclose(after[name], before[name], rtol=1e-5, atol=1e-7, err_msg=name)
        assert np.all(alone["matched_overlap"] == 1)
        if plain_order:
            of_weights = "gauge_invariant_weight_overlap"
            np.testing.assert_allclose(after[of_weights], before[of_weights], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(alone[of_weights], 1, rtol=1e-6)
            assert all(np.all(alone[name] == 1) for name in of_gauge)

        for on, mine, others in (("train", a.train, image.train), ("test", a.test, image.test)):
            q = np.einsum("lii->li", spins_of(mine, others))
            square = q**2 - (1 - q**2) / (mine.shape[1] - 1)
            for name, value in (
                (f"spin_overlap_{on}", q),
                (f"gauge_invariant_overlap_{on}", np.abs(q)),
                (f"gauge_invariant_overlap_squared_{on}", square),
            ):
                np.testing.assert_allclose(after[name], value.mean(-1), rtol=4 * EPS, atol=4 * EPS, err_msg=name)
        product = np.asarray(a.weights, float) * np.asarray(image.weights)
        np.testing.assert_allclose(after["weight_overlap"], product.mean((1, 2)), atol=(WIDTH**2 + 8) * EPS)

        for found in (before, after, alone):
            for name, value in found.items():
                least = -1.0 if name in SIGNED else -1 / (TEST - 1) if name in UNBIASED else 0.0
                most = WIDTH * 1.1 if name in WIDE else problem.labels.size if name == "wrong_outputs" else 1.0
                assert np.all((least - 8 * EPS <= value) & (value <= most + (WIDTH**2 + 8) * EPS)), name
            assert np.all(found["matched_overlap"] >= found["gauge_invariant_overlap_test"] - EPS)

    holds()


def test_matched_overlap_is_for_dense_wiring():
    for name in OBSERVABLES.names:
        observable = OBSERVABLES.get(name)()
        assert observable.applies(small_problem("dense", width=4, depth=2))
        assert observable.applies(small_problem("random", width=4, depth=2)) == (name != "matched_overlap")


def test_quantities_of_two_students_are_marked_as_of_pairs():
    measures = Measures(tuple(OBSERVABLES.get(name)() for name in OBSERVABLES.names))
    found = measures.variables("student", ("teacher", "student", "past"))
    of_pairs = {name for name, variable in found.items() if variable.draws == "pair"}
    assert of_pairs == {name for name in found if name.startswith("student_")} and len(of_pairs) == 10
    assert all(variable.draws == "chain" for name, variable in found.items() if name not in of_pairs)
