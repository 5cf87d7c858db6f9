"""Products of the field stage on narrow matrix units: exact, lowered for CUDA in their types, chosen by name or device."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from dsm import samplers
from dsm._errors import ConfigError
from dsm.networks import spacing, to_lattice
from helpers import draw_weights, naive_start, small_problem, steps_of

MOVES = {"ising": samplers.SpinFlip(), "spherical": samplers.GaussianMove(0.3)}


def test_rounding_to_the_lattice_is_to_the_nearest_and_even():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=10**5) * 10.0 ** rng.integers(-3, 5, 10**5)
    numbers = np.concatenate([numbers, np.arange(-99, 99) / 4, [4194303.5, -4194304.5]]).astype(np.float32)
    rounded = to_lattice(jnp.asarray(numbers * np.float32(spacing(20))), 20)
    np.testing.assert_array_equal(rounded, np.round(numbers) * spacing(20))


def largest(N):
    """Weights of nearly the largest sum of moduli that the lattice allows, with all bits in use."""
    rng = np.random.default_rng(1)
    return rng.choice([-1, 1], (N, N)) * (2 + 16 / N) * (0.99 - 1e-3 * rng.random((N, N)))


#: Kinds of weights N x N: ordinary ones, and those that use the lattice to its ends.
WEIGHTS = {
    "normal": lambda N: np.random.default_rng(0).normal(size=(N, N)),
    "largest": largest,
    "of one sign": lambda N: np.abs(largest(N)),
    "smallest": lambda N: np.random.default_rng(0).integers(-3, 4, (N, N)) * spacing(N),
    "sparse": lambda N: np.where(np.random.default_rng(0).random((N, N)) < 0.8, 0, largest(N)),
}


def sizes(plain, optimised, *others):
    """One size as tests compile, one as users do, and others that are slow."""
    rest = [pytest.param(N, "optimised", marks=pytest.mark.slow) for N in (plain, *others)]
    return pytest.mark.parametrize(
        ("N", "compiled"), [(plain, "plain"), (optimised, "optimised"), *rest], indirect=["compiled"]
    )


@sizes(3, 100, 1, 20, 1000)
def test_products_in_bfloat16_are_exact(N, compiled):
    for weights in WEIGHTS.values():
        rounded = (np.round(weights(N) / spacing(N)) * spacing(N)).astype(np.float32)
        spins = np.random.default_rng(2).choice([-1, 1], (N, 17)).astype(np.float32)
        spins[:, 0], spins[:, 1] = 1, np.where(rounded[0] < 0, -1, 1)
        for name in ("plain", "bf16"):
            assert_exact(name, rounded, spins)


@sizes(3, 100, 1)
def test_products_of_signs_are_exact(N, compiled):
    rng = np.random.default_rng(0)
    weights, spins = (rng.choice([-1, 1], shape).astype(np.float32) for shape in ((N, N), (N, 17)))
    for name in samplers.PRODUCTS.names:
        assert_exact(name, weights, spins)
        assert_exact(name, np.where(rng.random((N, N)) < 0.7, 0, weights).astype(np.float32), spins)


@functools.cache
def fields_of(name):
    """Products of the second of several layers, compiled."""
    products = samplers.PRODUCTS.get(name)()

    def fields(layers, spins):
        return products.fields(jax.tree.map(lambda leaf: leaf[1], products.factors(layers)), spins)

    return jax.jit(fields)


def assert_exact(name, weights, spins):
    found = fields_of(name)(np.stack([np.zeros_like(weights), weights]), spins)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(found, np.float64), weights.astype(np.float64) @ spins)


@pytest.mark.parametrize(
    ("name", "kinds"), [("int8", "xi8>, tensor<100x512xi8>) -> tensor<100x512xi32>"), ("bf16", "x512xf32>")]
)
def test_products_lower_for_cuda_in_narrow_types(name, kinds):
    products = samplers.PRODUCTS.get(name)()

    def field(matrices, spins):
        return products.fields(products.factors(matrices)[1], spins)

    given = jnp.zeros((2, 100, 100), jnp.float32), jnp.zeros((100, 512), jnp.float32)
    text = jax.jit(field).trace(*given).lower(lowering_platforms=("cuda",)).as_text()
    (line,) = [line for line in text.splitlines() if "dot_general" in line]
    assert kinds in line and "f32>, tensor" not in line


@pytest.mark.parametrize(
    ("weights", "wiring", "compiled"),
    [
        ("ising", "random", "plain"),
        pytest.param("spherical", "dense", "optimised", marks=pytest.mark.slow),
        pytest.param("ising", "dense", "optimised", marks=pytest.mark.slow),
        pytest.param("ising", "random", "optimised", marks=pytest.mark.slow),
        pytest.param("spherical", "random", "optimised", marks=pytest.mark.slow),
    ],
    indirect=["compiled"],
)
def test_sweep_with_narrow_products_is_bitwise_the_plain_one(weights, wiring, compiled):
    problem = small_problem(wiring, weights, width=6, depth=3)
    move = MOVES[weights]
    products = samplers.PRODUCTS.get("int8" if weights == "ising" else "bf16")()
    fast = samplers.UnitBlock(move, 2, products=products)
    keys = jax.random.split(jax.random.key(3), 2)
    state = naive_start(problem, draw_weights(np.random.default_rng(3), weights, (2, *problem.teacher.weights.shape)))
    plain, other = (steps_of(sampler) for sampler in (samplers.UnitBlock(move, 2), fast))
    for beta in (0.0, 1.0, jnp.inf):
        arguments = keys, state, problem, jnp.float32(beta)
        state, info = plain(*arguments)
        jax.tree.map(np.testing.assert_array_equal, (state, info), other(*arguments))


def test_unknown_or_unfit_products_are_named():
    for word in ("fp8", "int8"):  # unknown, and not for continuous weights
        with pytest.raises(ConfigError, match=f"sampler.products = {word}: must be one of auto, bf16, "):
            dsm.compose("experiment=quickstart", f"sampler.products={word}")
    sampler = samplers.UnitBlock(MOVES["spherical"], products=samplers.PRODUCTS.get("int8")())
    with pytest.raises(ConfigError, match="products = Int8Products"):
        sampler.check(small_problem("dense", "spherical", width=4, depth=1))


class Card(NamedTuple):
    """What is asked of a device."""

    platform: str


@pytest.mark.parametrize(("platform", "names"), [("cpu", ["plain", "plain"]), ("gpu", ["int8", "bf16"])])
def test_auto_takes_the_narrowest_products_on_a_gpu(platform, names):
    for move, name in zip(MOVES.values(), names, strict=True):
        products, text = samplers.choose_products("auto", move, Card(platform))
        assert samplers.PRODUCTS.name(products) == name and text == f"{name} (sampler.products = auto)"


def test_products_are_no_part_of_what_a_run_is():
    plain, other = (dsm.compose("experiment=quickstart", *more) for more in ((), ("sampler.products=bf16",)))
    assert plain.identity() == other.identity() and other.sampler.products == "bf16"
