"""Benchmarks of one sweep, skipped by default: `pytest tests/benchmarks --benchmark-only`.

They record proposals per second and acceptance; `sampler_speed.py` beside this file compares with C++.
"""

import jax
import jax.numpy as jnp
import pytest

from dsm import data, networks, samplers

MOVES = {
    "gaussian": ("spherical", samplers.GaussianMove(0.3)),
    "heat_bath": ("spherical", samplers.HeatBath()),
    "version_space": ("spherical", samplers.VersionSpace()),
    "spin_flip": ("ising", samplers.SpinFlip()),
}


@pytest.mark.parametrize(("width", "depth", "patterns"), [(20, 3, 64), (100, 5, 512)])
@pytest.mark.parametrize("wiring", ["dense", "random"])
@pytest.mark.parametrize("name", list(MOVES))
def test_sweep(benchmark, name, wiring, width, depth, patterns):
    if name == "heat_bath" and width == 100:
        pytest.skip("a sweep takes minutes on a CPU")
    weights, move = MOVES[name]
    fan_in, replicas = (width if wiring == "dense" else width // 5), 4
    teacher = networks.SignNetwork(width, depth, fan_in, weights=weights, wiring=wiring, key=jax.random.key(0))
    problem = data.teacher_problem(jax.random.key(1), teacher, data.iid_signs(width), patterns / fan_in, 1)
    keys = jax.random.split(jax.random.key(2), replicas)
    # Heat bath and version space are the same move at E = 0.
    start = samplers.planted_start if name in ("heat_bath", "version_space") else samplers.random_start
    state = jax.vmap(lambda key: start(key, problem))(keys)
    sampler = samplers.UnitBlock(move)
    step = jax.jit(jax.vmap(lambda key, state: sampler.step(key, state, problem, jnp.float32(jnp.inf))))
    _, info = jax.block_until_ready(step(keys, state))
    benchmark.pedantic(lambda: jax.block_until_ready(step(keys, state)), rounds=5, iterations=1)
    proposals = replicas * teacher.weights.size
    benchmark.extra_info |= {
        "N": width,
        "c": fan_in,
        "L": depth,
        "M": patterns,
        "device": jax.devices()[0].device_kind,
        "proposals_per_s": proposals / benchmark.stats["median"],
        "acceptance": [round(float(a), 4) for a in info.acceptance.mean(axis=0)],
    }
