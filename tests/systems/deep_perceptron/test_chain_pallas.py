"""The chain stage for GPUs: the plain one bit for bit, programs for CUDA, and who gets it."""

import logging
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from jax.extend.core import jaxprs_in_params

import dsm
from commands import CACHE, TINY, assert_same_results, results
from dsm import samplers, store, tasks
from dsm._errors import ConfigError
from helpers import assert_same_bits, energy_of, make_problem, small_problem, stage_of, unit_work

MOVES = {"ising": samplers.SpinFlip(), "spherical": samplers.GaussianMove(0.4)}
INTERPRETED = samplers.PallasChain(interpret=True)
slow = pytest.mark.slow
#: N, c, M, `inner`, wiring and weights: one of everything, M about the 32 threads of a warp, odd numbers of moves.
ODD = [
    (5, 5, 7, 1, "dense", "ising", "plain"),
    (5, 3, 40, 3, "random", "spherical", "optimised"),
    pytest.param(1, 1, 1, 1, "dense", "spherical", "optimised", marks=slow),
    pytest.param(2, 1, 33, 2, "random", "ising", "optimised", marks=slow),
    pytest.param(5, 5, 7, 1, "dense", "ising", "optimised", marks=slow),
]
#: beta = inf, a finite one, and 0.
BETAS = (jnp.inf, 0.7, 0.0)


@pytest.mark.parametrize(
    ("width", "fan_in", "patterns", "inner", "wiring", "weights", "compiled"), ODD, indirect=["compiled"]
)
def test_kernel_makes_bitwise_the_moves_of_the_plain_stage(width, fan_in, patterns, inner, wiring, weights, compiled):
    move = MOVES[weights]
    work = jax.jit(lambda: unit_work(move, width, fan_in, patterns, inner, wiring, BETAS, chains=3))()
    both = jax.jit(
        lambda *work: [stage_of(chain, move, inner)(*work) for chain in (INTERPRETED, samplers.PlainChain())]
    )
    found, expected = both(*work)
    assert_same_bits(found, expected)
    weights, field, changes = map(np.asarray, found)
    below, sources = np.asarray(work[3]), work[5]
    read = below if sources is None else np.take_along_axis(below, np.asarray(sources)[..., None], axis=2)
    np.testing.assert_array_equal(field, np.einsum("brk,brkm->brm", weights, read))
    assert np.all(changes[2] == inner * fan_in)  # beta = 0 accepts everything


@slow
@pytest.mark.parametrize("depth", [1, 3])
def test_sweep_with_the_kernel_is_bitwise_the_plain_one(depth, optimised):
    """With another kind of weights and wiring each; the naive chain beside the kernel is in test_chain.py."""
    weights, wiring = ("ising", "random") if depth == 1 else ("spherical", "dense")
    problem = small_problem(wiring, weights, width=3, depth=depth)
    stages = [samplers.UnitBlock(MOVES[weights], 2, chain) for chain in (INTERPRETED, samplers.PlainChain())]
    stages[0].check(problem)

    @jax.jit
    def two_sweeps(keys):
        def walk(sampler, key):
            state = samplers.random_start(key, problem)
            for sweep in range(2):
                state, info = sampler.step(jax.random.fold_in(key, sweep), state, problem, 0.7)
            return state, info

        return [jax.vmap(lambda key, s=sampler: walk(s, key))(keys) for sampler in stages]

    found, expected = two_sweeps(jax.random.split(jax.random.key(1), 2))
    assert_same_bits(found, expected)
    assert energy_of(problem, found[0].weights[1]) == found[0].energy[1]


def kernels(jaxpr) -> list:
    """The calls of kernels in a program, and in those inside it."""
    inner = [sub for eqn in jaxpr.eqns for sub in jaxprs_in_params(eqn.params)]
    own = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "pallas_call"]
    return own + [call for sub in inner for call in kernels(sub)]


@pytest.mark.parametrize(
    ("width", "fan_in", "depth", "patterns", "weights"),
    [
        (20, 20, 3, 64, "spherical"),
        pytest.param(100, 100, 5, 512, "ising", marks=slow),
        (400, 50, 5, 500, "spherical"),
    ],
)
def test_sweep_is_a_program_for_cuda(width, fan_in, depth, patterns, weights):
    """A sweep of many chains has two kernels, one program a unit and chain each. Nothing is compiled."""
    chains, wiring = 64, "dense" if fan_in == width else "random"
    problem = make_problem(0, width, depth, fan_in, weights, wiring, patterns / fan_in)
    sampler = samplers.UnitBlock(MOVES[weights], chain=samplers.PallasChain())
    sampler.check(problem)

    def sweep(key, problem, beta):
        return sampler.step(key, samplers.random_start(key, problem), problem, beta)

    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), chains))
    beta = jax.ShapeDtypeStruct((), jnp.float32)
    traced = jax.jit(jax.vmap(sweep, (0, None, None))).trace(keys, problem, beta)
    hidden, output = sorted(kernels(traced.jaxpr.jaxpr), key=lambda call: len(call.params["grid_mapping"].grid))
    assert hidden.params["grid_mapping"].grid == (chains,)
    assert output.params["grid_mapping"].grid == (chains, width)
    spins = [var.aval.shape for call in (hidden, output) for var in call.invars if var.aval.dtype == jnp.int8]
    assert spins == 2 * [(chains, width, patterns)]  # not once a unit
    text = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("__gpu$xla.gpu.triton") == 2, sorted({w for w in text.split() if w.startswith("@")})


class Card(NamedTuple):
    """What is asked of a device."""

    platform: str
    device_kind: str
    compute_capability: str = "unknown"


CPU, H100 = Card("cpu", "cpu"), Card("gpu", "NVIDIA H100 80GB HBM3", "9.0")


@pytest.fixture
def tried(monkeypatch):
    """Cards that are not there pass the trial of the kernel."""
    monkeypatch.setattr(samplers.PallasChain, "_fails", lambda self, move: None)


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        ({}, "pallas", ""),
        ({"device": Card("gpu", "NVIDIA something")}, "pallas", ""),
        ({"device": CPU}, "plain", "cpu"),
        ({"device": Card("gpu", "AMD Instinct MI300X", "gfx942")}, "plain", "AMD"),
        ({"device": Card("gpu", "Tesla V100-SXM2-16GB", "7.0")}, "plain", "8.0"),
        ({"move": samplers.HeatBath()}, "plain", "HeatBath"),
        ({"patterns": 8193}, "plain", "8193"),
        ({"chains": 2**18, "patterns": 512}, "plain", "262144"),
    ],
)
def test_auto_takes_the_stage_that_can_do_the_work(tried, change, name, reason):
    """The plain stage is taken for a reason that is written down; `pallas` instead of `auto` fails for the same one."""
    work = samplers.Workload(MOVES["ising"], 20, 64, 64, H100)._replace(**change)
    chain, text = samplers.choose_chain("auto", work)
    assert text.startswith(f"{name} (sampler.kernel = auto") and reason in text
    assert type(chain) is samplers.CHAINS.get(name)
    assert samplers.choose_chain("plain", work) == (samplers.PlainChain(), "plain (sampler.kernel = plain)")
    if name == "pallas":
        assert samplers.choose_chain("pallas", work) == (chain, "pallas (sampler.kernel = pallas)")
    else:
        with pytest.raises(ConfigError, match=f"sampler.kernel = pallas: .*{reason}"):
            samplers.choose_chain("pallas", work)


def test_stage_that_cannot_serve_is_refused_in_python():
    sampler = samplers.UnitBlock(samplers.HeatBath(), chain=samplers.PallasChain())
    with pytest.raises(ConfigError, match="chain = PallasChain: .*HeatBath"):
        sampler.check(small_problem())
    with pytest.raises(ConfigError, match="warps = 3: must be"):
        samplers.PallasChain(warps=3)


def test_kernel_is_no_part_of_what_a_run_is(tmp_path):
    """Another kernel goes on with a run in its directory, and any with a run that is older than the setting."""
    configs = [dsm.compose(*TINY, f"run.root={tmp_path}", *more) for more in ([], ["sampler.kernel=plain"])]
    paths = [tasks.path_of(config) for config in configs]
    assert paths[0] == paths[1]
    for config in configs:
        with store.open_run(paths[0], config) as directory:
            assert directory.config()["sampler"]["kernel"] == "auto"
    old = directory.config()
    del old["sampler"]["kernel"]
    directory.write("config.yaml", yaml.safe_dump(old))
    for config in configs:
        with store.open_run(paths[0], config):
            pass


@pytest.mark.slow
def test_run_with_a_registered_kernel(tmp_path, monkeypatch, caplog):
    """A stage is chosen by the name of its registration; results are those of the plain one, on several devices."""
    monkeypatch.setattr(samplers.CHAINS, "_parts", dict(samplers.CHAINS._parts))

    @samplers.CHAINS.register("interpreted")
    class Interpreted(samplers.PallasChain):
        interpret: bool = eqx.field(static=True, default=True)

    small = (
        "network.depth=2",
        "network.weights=ising",
        "sampler=ising",
        "sampler.sweeps=8",
        "observe.quantities=[energy]",
        "observe.references=[]",
        CACHE,
    )
    for kernel in ("interpreted", "auto"):
        with caplog.at_level(logging.INFO, "dsm"):
            tasks.run(dsm.compose(*TINY, *small, f"sampler.kernel={kernel}", f"run.dir={tmp_path / kernel}"))
        assert f"sampler.kernel = {kernel}" in caplog.text
    assert_same_results(tmp_path / "interpreted", tmp_path / "auto")
    assert results(tmp_path / "auto").acceptance.max() > 0


def test_kernel_for_gpus_is_refused_on_a_cpu():
    if jax.default_backend() == "gpu":
        pytest.skip("there is a GPU")
    config = dsm.compose(*TINY, "sampler.kernel=pallas")
    with pytest.raises(ConfigError, match="sampler.kernel = pallas: .*cpu"):
        tasks.run(config)


def test_kernel_that_fails_its_trial_on_the_device_is_not_taken(monkeypatch):
    """Compiled for the CPU of this machine, which there is no compiler for; and with other numbers than the plain stage."""
    work = samplers.Workload(MOVES["ising"], 20, 64, 64, H100)
    with jax.default_device(jax.devices("cpu")[0]):
        chain, said = samplers.choose_chain("auto", work)
    assert (
        chain == samplers.PlainChain()
        and "plain (sampler.kernel = auto; pallas cannot be compiled here (Only interpret mode" in said
    )
    interpreted = samplers.PallasChain(interpret=True)
    assert all(interpreted._fails(move) is None for move in MOVES.values())
    nothing = lambda self, move, inner, draws, row, field, *_: (row, field, jnp.int32(0))  # noqa: E731
    monkeypatch.setattr(samplers.PlainChain, "__call__", nothing)
    assert interpreted._fails(MOVES["ising"]) == "gives other numbers than the plain stage on this device"
