"""Networks against float64 numpy: forward pass, wiring, exact fields, error messages."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import networks
from dsm._errors import ConfigError
from dsm.networks import spacing

EPS = float(np.finfo(np.float32).eps)
slow = pytest.mark.slow
KINDS = [
    ("dense", "ising", 6),
    ("random", "spherical", 3),
    pytest.param("dense", "spherical", 6, marks=slow),
    pytest.param("random", "ising", 2, marks=slow),
]


def network_of(wiring="dense", weights="spherical", fan_in=None, width=6, depth=3, seed=0):
    return _network(jax.random.key(seed), width, depth, fan_in, weights, wiring)


@functools.partial(jax.jit, static_argnums=range(1, 6))
def _network(key, width, depth, fan_in, weights, wiring):
    """One program: each operation by itself would take longer to compile."""
    return networks.SignNetwork(width, depth, fan_in, weights=weights, wiring=wiring, key=key)


def patterns_of(number, width, seed=0):
    return np.random.default_rng(seed).choice([-1, 1], (number, width)).astype(np.int8)


def forward(network):
    """Spins [M, L + 1, N] and fields [M, L, N] of many patterns, compiled."""
    return functools.partial(_forward, network)


@jax.jit
def _forward(network, patterns):
    return jax.vmap(lambda pattern: (network(pattern), network.fields(pattern)))(patterns)


def reference(weights, neighbours, patterns):
    """Spins of layers 0..L and sums of J S (float64), unit by unit."""
    weights = np.asarray(weights, np.float64)
    depth, width, fan_in = weights.shape
    spins = [patterns.astype(np.float64)]
    sums = []
    for layer in range(depth):
        total = np.zeros((len(patterns), width))
        for unit in range(width):
            for k in range(fan_in):
                source = k if neighbours is None else int(neighbours[layer, unit, k])
                total[:, unit] += weights[layer, unit, k] * spins[-1][:, source]
        sums.append(total)
        spins.append(np.where(total >= 0, 1.0, -1.0))
    return np.stack(spins, axis=1), np.stack(sums, axis=1)


@pytest.mark.parametrize(("wiring", "weights", "fan_in"), KINDS)
def test_forward_pass_against_numpy(wiring, weights, fan_in):
    network = network_of(wiring, weights, fan_in, depth=4)
    patterns = patterns_of(60, 6)
    spins, fields = forward(network)(jnp.asarray(patterns))
    neighbours = None if network.wiring.neighbours is None else np.asarray(network.wiring.neighbours)
    expected, sums = reference(network.weights, neighbours, patterns)
    assert spins.dtype == jnp.int8 and spins.shape == (60, 5, 6)
    assert fields.dtype == jnp.float32 and fields.shape == (60, 4, 6)
    np.testing.assert_array_equal(np.asarray(spins), expected)
    # The sums are exact; the scale and its product with them are rounded once each.
    np.testing.assert_array_equal(np.asarray(fields), np.float32(fan_in**-0.5) * sums.astype(np.float32))
    np.testing.assert_allclose(np.asarray(fields, np.float64), sums / np.sqrt(fan_in), rtol=1.01 * EPS)
    # Signs as floats are the same pattern.
    np.testing.assert_array_equal(np.asarray(network(jnp.asarray(patterns[0], jnp.float32))), expected[0])


@pytest.mark.parametrize(("wiring", "fan_in"), [pytest.param("dense", 6, marks=slow), ("random", 2)])
def test_a_field_of_zero_counts_as_up(wiring, fan_in):
    network = network_of(wiring, "ising", fan_in)
    spins, fields = forward(network)(jnp.asarray(patterns_of(40, 6)))
    zero = np.asarray(fields) == 0
    assert zero[:, 0].any() and zero[:, -1].any()
    assert np.all(np.asarray(spins)[:, 1:][zero] == 1)
    assert np.all(np.abs(np.asarray(spins)) == 1)


@pytest.mark.quick
def test_sign_function():
    values = jnp.asarray([0.0, -0.0, 1e-30, -1e-30, jnp.inf, -jnp.inf], jnp.float32)
    signs = networks.sign_pm(values)
    assert signs.dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(signs), [1, 1, 1, -1, 1, -1])
    np.testing.assert_array_equal(np.asarray(networks.is_up(values)), np.asarray(signs) == 1)
    np.testing.assert_array_equal(np.asarray(networks.is_up(jnp.asarray([0, -1, 1], jnp.int8))), [True, False, True])


def test_random_wiring_is_uniform_over_distinct_inputs():
    width, depth, fan_in = 12, 60, 3
    wiring = networks.random_wiring(jax.random.key(3), width, depth, fan_in)
    neighbours = np.asarray(wiring.neighbours)
    assert neighbours.shape == (depth, width, fan_in) and neighbours.dtype == np.int32
    assert neighbours.min() == 0 and neighbours.max() == width - 1
    assert np.all(np.diff(np.sort(neighbours, axis=-1), axis=-1) > 0)
    assert not wiring.is_dense
    rows = neighbours.reshape(-1, fan_in)
    reads = (rows[:, :, None] == np.arange(width)).any(axis=1).astype(float)

    def near(counts, probability, trials):
        return np.abs(counts - trials * probability) < 5 * np.sqrt(trials * probability * (1 - probability))

    n = len(rows)
    # Each input, each input at each place k, and each pair of inputs of one unit, are equally likely.
    assert np.all(near(reads.sum(axis=0), fan_in / width, n))
    for k in range(fan_in):
        assert np.all(near(np.bincount(rows[:, k], minlength=width), 1 / width, n))
    pairs = (reads.T @ reads)[np.triu_indices(width, 1)]
    assert np.all(near(pairs, fan_in * (fan_in - 1) / (width * (width - 1)), n))
    # Neighbouring units draw independently: the numbers of inputs they share are hypergeometric.
    shared = (reads[0::2] * reads[1::2]).sum(axis=1)
    variance = fan_in**2 / width * (1 - fan_in / width) ** 2 * width / (width - 1)
    assert abs(shared.mean() - fan_in**2 / width) < 5 * np.sqrt(variance / len(shared))


def test_random_wiring_may_read_everything():
    neighbours = np.asarray(networks.random_wiring(jax.random.key(0), 5, 2, 5).neighbours)
    np.testing.assert_array_equal(np.sort(neighbours, axis=-1), np.broadcast_to(np.arange(5), (2, 5, 5)))
    assert np.any(neighbours != np.arange(5))


@pytest.mark.parametrize(("wiring", "weights", "fan_in"), KINDS)
def test_matrices_round_trip(wiring, weights, fan_in):
    network = network_of(wiring, weights, fan_in)
    matrices = np.asarray(network.wiring.matrices(network.weights))
    assert matrices.shape == (3, 6, 6) and matrices.dtype == np.float32
    if wiring == "dense":
        assert network.wiring.is_dense
        np.testing.assert_array_equal(matrices, np.asarray(network.weights))
        return
    neighbours = np.asarray(network.wiring.neighbours)
    np.testing.assert_array_equal(np.take_along_axis(matrices, neighbours, axis=-1), np.asarray(network.weights))
    connected = np.zeros(matrices.shape, bool)
    np.put_along_axis(connected, neighbours, True, axis=-1)
    assert np.all(matrices[~connected] == 0)


@pytest.mark.parametrize(("wiring", "weights", "fan_in"), KINDS)
def test_teacher_and_students_share_the_wiring(wiring, weights, fan_in):
    teacher = network_of(wiring, weights, fan_in)
    student = teacher.redraw(jax.random.key(5))
    other = networks.SignNetwork(6, 3, fan_in, weights=weights, wiring=teacher.wiring, key=jax.random.key(6))
    for machine in (student, other, teacher.with_weights(student.weights)):
        assert machine.wiring.neighbours is teacher.wiring.neighbours
        assert (machine.wiring.width, machine.wiring.depth, machine.wiring.fan_in) == (6, 3, fan_in)
        assert type(machine.prior) is type(teacher.prior)
        assert machine.weights.shape == teacher.weights.shape and machine.weights.dtype == jnp.float32
        assert np.any(np.asarray(machine.weights) != np.asarray(teacher.weights))
    np.testing.assert_array_equal(
        np.asarray(teacher.with_weights(student.weights).weights), np.asarray(student.weights)
    )
    # Weights of independent machines are uncorrelated (both of unit variance).
    size = teacher.weights.size
    correlation = np.mean(np.asarray(student.normalised_weights) * np.asarray(teacher.normalised_weights))
    assert abs(correlation) < 5 / np.sqrt(size)


@pytest.mark.parametrize("fan_in", [20, *(pytest.param(c, marks=slow) for c in (1, 100, 1000))])
def test_spherical_weights_are_gaussian_on_a_lattice_and_fields_exact(fan_in):
    """Sums of J S in float32, in any order, are the float64 sum bitwise; so is the network's own."""
    rng = np.random.default_rng(fan_in)
    rows = np.asarray(networks.PRIORS.get("spherical")().sample(jax.random.key(fan_in), (20, fan_in)))
    assert rows.dtype == np.float32
    lattice = rows.astype(np.float64) / spacing(fan_in)
    assert np.all(lattice == np.round(lattice))
    assert np.abs(lattice).sum(axis=-1).max() < 2**24
    assert abs(rows.mean()) < 5 / np.sqrt(rows.size)
    assert abs((rows.astype(float) ** 2).mean() - 1) < 5 * np.sqrt(2 / rows.size)

    patterns = rng.choice([-1.0, 1.0], (20, fan_in))
    patterns[0] = np.where(rows[0] >= 0, 1, -1)  # the largest sum there is
    terms = rows[:, None] * patterns[None].astype(np.float32)
    assert terms.dtype == np.float32
    exact = terms.astype(np.float64).sum(axis=-1)
    for _ in range(5):
        order = rng.permutation(fan_in)
        sums = np.cumsum(terms[..., order], axis=-1, dtype=np.float32)[..., -1]
        np.testing.assert_array_equal(sums.astype(np.float64), exact)
    product = jax.jit(lambda a, b: jnp.matmul(a, b, precision="highest"))
    ours = product(jnp.asarray(rows), jnp.asarray(patterns.T, jnp.float32))
    np.testing.assert_array_equal(np.asarray(ours, np.float64), exact)


def test_to_lattice_rounds_to_the_nearest_point():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    for fan_in in (1, 7, 20, 1000):
        rounded = np.asarray(networks.to_lattice(jnp.asarray(values), fan_in))
        np.testing.assert_array_equal(rounded, np.round(values.astype(float) / spacing(fan_in)) * spacing(fan_in))
    assert [spacing(c) for c in (20, 100, 1000)] == [2.0**-18, 2.0**-16, 2.0**-13]


def test_fields_do_not_depend_on_the_order_of_inputs():
    """Dense wiring: the inputs in another order, with the weights that read them, one pattern or many at once."""
    network = network_of(width=20, depth=1)
    patterns = patterns_of(30, 20)
    order = np.random.default_rng(1).permutation(20)
    other = network.with_weights(network.weights[:, :, order])
    fields = np.asarray(forward(network)(jnp.asarray(patterns))[1])
    np.testing.assert_array_equal(fields, np.asarray(forward(other)(jnp.asarray(patterns[:, order]))[1]))
    one_by_one = np.stack([np.asarray(network.fields(jnp.asarray(pattern))) for pattern in patterns])
    np.testing.assert_array_equal(fields, one_by_one)


@pytest.mark.parametrize("fan_in", [pytest.param(1, marks=slow), 3, pytest.param(100, marks=slow)])
def test_normalised_rows(fan_in):
    network = network_of("random", "spherical", fan_in, width=100, depth=2)
    rows = np.asarray(network.normalised_weights)
    # A float32 sum of c positive terms, and the mean, root and product after it: relative error below (c + 8) eps.
    np.testing.assert_allclose((rows.astype(np.float64) ** 2).sum(axis=-1), fan_in, rtol=(fan_in + 8) * EPS)
    assert np.all(np.sign(rows) == np.sign(np.asarray(network.weights)))
    ising = network_of("random", "ising", fan_in, width=100, depth=2)
    np.testing.assert_array_equal(np.asarray(ising.normalised_weights), np.asarray(ising.weights))
    assert set(np.unique(np.asarray(ising.weights))) == {-1, 1}
    assert abs(np.asarray(ising.weights).mean()) < 5 / np.sqrt(ising.weights.size)


def test_a_row_of_zeros_stays_finite():
    network = network_of(depth=1)
    rows = np.asarray(network.with_weights(network.weights.at[0, 2].set(0)).normalised_weights)
    assert np.all(np.isfinite(rows)) and np.all(rows[0, 2] == 0)


@pytest.mark.parametrize(("wiring", "fan_in"), [pytest.param("dense", 6, marks=slow), ("random", 3)])
def test_vmap_over_replicas(wiring, fan_in):
    teacher = network_of(wiring, "spherical", fan_in)
    patterns = jnp.asarray(patterns_of(10, 6))
    keys = jax.random.split(jax.random.key(1), 5)
    replicas = jax.vmap(teacher.redraw)(keys)
    assert replicas.weights.shape == (5, *teacher.weights.shape)
    evaluate = jax.vmap(jax.vmap(lambda w, p: teacher.with_weights(w)(p), in_axes=(None, 0)), in_axes=(0, None))
    spins = np.asarray(jax.jit(evaluate)(replicas.weights, patterns))
    assert spins.shape == (5, 10, 4, 6) and spins.dtype == np.int8
    for index, key in enumerate(keys):
        np.testing.assert_array_equal(spins[index], np.asarray(forward(teacher.redraw(key))(patterns)[0]))


@pytest.mark.parametrize(("wiring", "weights", "fan_in"), KINDS)
def test_same_key_same_network(wiring, weights, fan_in):
    one, same, other = (network_of(wiring, weights, fan_in, seed=seed) for seed in (4, 4, 5))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(same), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert np.any(np.asarray(one.weights) != np.asarray(other.weights))
    if wiring == "random":
        assert np.any(np.asarray(one.wiring.neighbours) != np.asarray(other.wiring.neighbours))
    # Compiled or not, one or many at once, the numbers are the same.
    build = jax.jit(jax.vmap(lambda key: networks.SignNetwork(6, 3, fan_in, weights=weights, wiring=wiring, key=key)))
    batch = build(jnp.stack([jax.random.key(4), jax.random.key(5)]))
    np.testing.assert_array_equal(np.asarray(batch.weights[0]), np.asarray(one.weights))
    np.testing.assert_array_equal(np.asarray(batch.weights[1]), np.asarray(other.weights))


@pytest.mark.quick
@pytest.mark.parametrize(
    ("arguments", "options", "named"),
    [
        ((4, 2, 5), {"wiring": "random"}, "fan_in = 5"),
        ((4, 2, 0), {"wiring": "random"}, "fan_in = 0"),
        ((4, 2, 3), {"wiring": "dense"}, "fan_in = 3"),
        ((4, 2, 5), {"wiring": "dense"}, "fan_in = 5"),
        ((0, 2), {"wiring": "dense"}, "width = 0"),
        ((0, 2), {"wiring": "random"}, "width = 0"),
        ((-3, 2), {"wiring": "dense"}, "width = -3"),
        ((4, 0), {"wiring": "dense"}, "depth = 0"),
        ((4, 0, 2), {"wiring": "random"}, "depth = 0"),
        ((4, True, 2), {"wiring": "random"}, "depth = True"),
        ((4, 2), {"weights": "potts"}, "weights = potts"),
        ((4, 2), {"wiring": "ring"}, "wiring = ring"),
    ],
)
def test_illegal_network_is_refused(arguments, options, named):
    with pytest.raises(ConfigError, match=f"^{named}: must be"):
        networks.SignNetwork(*arguments, **options, key=jax.random.key(0))
