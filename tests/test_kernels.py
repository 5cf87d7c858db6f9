"""Implementations of the sampler's stages: equal to the plain ones bit for bit, lowered for CUDA, chosen by name or card."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dsm
from dsm import samplers
from dsm._errors import ConfigError
from dsm.networks import spacing, to_lattice
from dsm.samplers.sign_perceptron.chains.pallas import PallasChain
from dsm.samplers.sign_perceptron.chains.plain import PlainChain
from helpers import small_problem

MOVES = {"ising": samplers.SpinFlip(), "spherical": samplers.GaussianMove(0.3)}
INTERPRETED = PallasChain(interpret=True)


def unit(weights, N, c, M, inner, beta, sparse=False):
    """Arguments of a chain stage: draws, weights, field, spins below, cost and sources of one unit."""
    keys = jax.random.split(jax.random.key(N * M + inner), 5)
    draws = MOVES[weights].draw(keys[0], jnp.float32(beta), (inner * c,))
    row = jax.random.normal(keys[1], (c,), jnp.float32)
    row = to_lattice(row, c) if weights == "spherical" else jnp.where(row < 0, -1, 1).astype(jnp.float32)
    below = jnp.where(jax.random.bernoulli(keys[2], 0.5, (N, M)), 1, -1).astype(jnp.float32)
    sources = jax.random.permutation(keys[3], jnp.arange(N, dtype=jnp.int32))[:c] if sparse else None
    field = row @ (below[:c] if sources is None else below[sources])
    return draws, row, field, below, jax.random.randint(keys[4], (M,), jnp.int32(-3), jnp.int32(4), jnp.int32), sources


@pytest.mark.parametrize("weights", MOVES)
@pytest.mark.parametrize(
    ("N", "c", "M", "inner", "beta", "sparse"),
    [
        (1, 1, 1, 1, jnp.inf, False),
        (3, 1, 5, 3, 0.7, True),
        (5, 5, 33, 1, 0.0, False),
        (9, 3, 7, 3, 2.0, True),
        (20, 20, 64, 2, jnp.inf, False),
        (37, 37, 100, 1, 1.0, False),
    ],
)
def test_the_kernel_is_the_plain_chain_stage(weights, N, c, M, inner, beta, sparse):
    arguments = unit(weights, N, c, M, inner, beta, sparse)
    runs = [
        jax.jit(lambda *given, chain=chain: chain(MOVES[weights], inner, *given))(*arguments)
        for chain in (PlainChain(), INTERPRETED)
    ]
    for plain, kernel in zip(*runs, strict=True):
        np.testing.assert_array_equal(plain, kernel)
    row, _, changes = runs[0]
    moved = (np.asarray(row) != np.asarray(arguments[1])).sum()
    assert moved <= int(changes) <= inner * c


@pytest.mark.parametrize("weights", MOVES)
@pytest.mark.parametrize(("N", "c", "M"), [(20, 20, 64), (100, 100, 512), (400, 50, 500)])
def test_the_kernel_lowers_for_cuda_with_a_program_for_each_chain(weights, N, c, M):
    """In a hidden layer replicas are programs; in the output layer units are, too."""
    arguments = unit(weights, N, c, M, 1, jnp.inf, sparse=c < N)

    def stage(*given):
        return PallasChain()(MOVES[weights], 1, *given)

    def grid(function, *given):
        text = jax.jit(function).trace(*given).lower(lowering_platforms=("cuda",)).as_text()
        assert text.count("__gpu$xla.gpu.triton") == 1
        return int(np.prod([int(number) for number in re.findall(r"grid_[xyz] = (\d+)", text)]))

    replicas = jax.tree.map(lambda leaf: jnp.stack([leaf] * 8), arguments)
    assert grid(jax.vmap(stage), *replicas) == 8
    units = jax.vmap(stage, (0, 0, 0, None, 0, None if arguments[-1] is None else 0))
    layer = jax.tree.map(lambda leaf: jnp.stack([leaf] * 8), (*replicas[:3], replicas[4], replicas[5]))
    over = jax.vmap(units, (1, 1, 1, 0, 1, None if arguments[-1] is None else 1))
    assert grid(over, *layer[:3], replicas[3], *layer[3:]) == 64


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


@pytest.mark.parametrize("N", [1, 3, 20, 100, 1000])
@pytest.mark.parametrize(
    "weights",
    [
        lambda N: np.random.default_rng(0).normal(size=(N, N)),
        largest,
        lambda N: np.abs(largest(N)),
        lambda N: np.random.default_rng(0).integers(-3, 4, (N, N)) * spacing(N),
        lambda N: np.where(np.random.default_rng(0).random((N, N)) < 0.8, 0, largest(N)),
    ],
    ids=["normal", "largest", "of one sign", "smallest", "sparse"],
)
def test_products_in_bfloat16_are_exact(N, weights):
    rounded = (np.round(weights(N) / spacing(N)) * spacing(N)).astype(np.float32)
    spins = np.random.default_rng(2).choice([-1, 1], (N, 17)).astype(np.float32)
    spins[:, 0], spins[:, 1] = 1, np.where(rounded[0] < 0, -1, 1)
    for name in ("plain", "bf16"):
        assert_exact(name, rounded, spins)


@pytest.mark.parametrize("N", [1, 3, 100])
def test_products_of_signs_are_exact(N):
    rng = np.random.default_rng(0)
    weights, spins = (rng.choice([-1, 1], shape).astype(np.float32) for shape in ((N, N), (N, 9)))
    for name in samplers.PRODUCTS.names:
        assert_exact(name, weights, spins)
        assert_exact(name, np.where(rng.random((N, N)) < 0.7, 0, weights).astype(np.float32), spins)


def assert_exact(name, weights, spins):
    products = samplers.PRODUCTS.get(name)()
    layers = jnp.stack([jnp.zeros_like(weights), weights])
    form = jax.jit(products.factors)(layers)
    found = jax.jit(products.fields)(jax.tree.map(lambda leaf: leaf[1], form), spins)
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


@pytest.mark.parametrize("weights", MOVES)
@pytest.mark.parametrize("wiring", ["dense", "random"])
def test_a_sweep_of_narrow_products_and_interpreted_kernels_is_the_plain_one(weights, wiring):
    problem = small_problem(wiring, weights, width=6, depth=3)
    move = MOVES[weights]
    products = samplers.choose_products("int8" if weights == "ising" else "bf16", move)
    fast = samplers.UnitBlock(move, 2, INTERPRETED, products)
    keys = jax.random.split(jax.random.key(3), 2)
    state = jax.vmap(lambda key: samplers.random_start(key, problem))(keys)
    plain, other = (
        jax.jit(jax.vmap(lambda key, state, beta, s=sampler: s.step(key, state, problem, beta), (0, 0, None)))
        for sampler in (samplers.UnitBlock(move, 2), fast)
    )
    for beta in (0.0, 1.0, jnp.inf):
        arguments = keys, state, jnp.float32(beta)
        state, info = plain(*arguments)
        jax.tree.map(np.testing.assert_array_equal, (state, info), other(*arguments))


def test_an_unknown_or_unfit_stage_is_named():
    bad = {
        "sampler.kernel=cuda": "sampler.kernel = cuda: must be one of auto, pallas, plain",
        "sampler.products=fp8": "sampler.products = fp8: must be one of auto, bf16, int8, plain",
        "sampler.products=int8": "sampler.products = int8: must be one of auto, bf16, plain with continuous weights",
    }
    for word, message in bad.items():
        with pytest.raises(ConfigError, match=re.escape(message)):
            dsm.compose("experiment=quickstart", word)
    message = "sampler.kernel = pallas: must be one of auto, plain with the move HeatBath"
    with pytest.raises(ConfigError, match=message):
        dsm.compose("experiment=quickstart", "sampler=heat_bath", "sampler.kernel=pallas")


def test_in_python_unfit_stages_are_refused_by_the_check():
    problem = small_problem("dense", "spherical", width=4, depth=1)
    move = samplers.GaussianMove(0.3)
    for options, message in (
        ({"products": samplers.PRODUCTS.get("int8")()}, "products = Int8Products: take signs"),
        ({"chain": INTERPRETED, "move": samplers.HeatBath()}, "chain = PallasChain: does not have the move HeatBath"),
    ):
        with pytest.raises(ConfigError, match=message):
            samplers.UnitBlock(**({"move": move} | options)).check(problem)


def test_a_kernel_that_this_machine_cannot_run_is_refused_before_anything_is_written(tmp_path):
    if jax.default_backend() == "gpu":
        pytest.skip("there is a GPU")
    with pytest.raises(
        ConfigError, match="sampler.kernel = pallas: must be auto or plain here: it needs an NVIDIA GPU"
    ):
        dsm.run("experiment=quickstart", "sampler.kernel=pallas", f"run.root={tmp_path}")
    assert not list(tmp_path.iterdir())


class Card:
    """A device as `jax.devices` has it."""

    platform, device_kind = "gpu", "NVIDIA card"

    def __init__(self, capability):
        self.compute_capability = capability


@pytest.mark.parametrize(
    ("capability", "says"),
    [("7.5", "compute capability 8.0 or newer, and this NVIDIA card has 7.5"), ("9.0", "what its compiler refuses")],
)
def test_without_a_kernel_that_works_a_gpu_has_the_plain_stage_and_the_log_says_why(
    monkeypatch, caplog, capability, says
):
    """Here the compiler for the card is missing, so that the trial fails."""
    monkeypatch.setattr(jax, "devices", lambda *_: [Card(capability)])
    with caplog.at_level("WARNING", "dsm"):
        assert samplers.choose_chain("auto", samplers.SpinFlip()) == PlainChain()
    assert f"kernel pallas is not used: it needs {says}" in caplog.text


def test_on_a_gpu_auto_takes_what_is_made_for_it(monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda *_: [Card("9.0")])
    monkeypatch.setattr(PallasChain, "_agrees", lambda self, move: True)
    assert samplers.choose_chain("auto", samplers.SpinFlip()) == PallasChain()
    assert samplers.choose_chain("auto", samplers.HeatBath()) == PlainChain()
    names = [samplers.PRODUCTS.name(samplers.choose_products("auto", move)) for move in MOVES.values()]
    assert names == ["int8", "bf16"]


def test_the_trial_of_a_kernel_compares_it_with_the_plain_stage():
    assert all(INTERPRETED._agrees(move) for move in MOVES.values())


def test_a_stage_is_no_part_of_what_a_run_is(tmp_path):
    """Neither of its directory nor of what is compared when it resumes."""
    words = ("experiment=quickstart", f"run.root={tmp_path}")
    plain, other = (dsm.compose(*words, *more) for more in ((), ("sampler.kernel=plain", "sampler.products=bf16")))
    assert plain.identity() == other.identity()
    assert plain.sampler.kernel == "auto" and other.sampler.kernel == "plain"
