"""Speed of Langevin dynamics of narrow networks beside the two matrix products of a step alone, in one run.

python tests/benchmarks/narrow_speed.py

A step is one gradient on all patterns and one draw of noise. The products are fields X W^T and gradient D^T X of the same
shapes in float32. Medians of calls after a first one that compiles; results are fetched. The theory is timed besides: 200
alphas, both branches, after compilation.
"""

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _timing import cores_are_devices, machine, median

WIDTH, UNITS, ALPHA = 128, 10, 1.2


def langevin(samples: int, steps: int, calls: int) -> float:
    """Seconds a step, of all samples together, in the driver."""
    import dsm
    from dsm._random import root_key
    from dsm.tasks.narrow._build import make_driver, plan

    config = dsm.compose(
        *("task=narrow", f"network.width={WIDTH}", f"network.units={UNITS}", f"data.alpha={ALPHA}"),
        *(f"data.samples={samples}", "training.replicas=1", "data.test_patterns=2", "observe.quantities=[energy]"),
    )
    key = root_key(0)
    system, axes, layout = plan(config, key)
    driver = make_driver(config, key, system, axes, layout)
    progress = driver.begin()

    def call() -> None:
        nonlocal progress  # and `advance` takes its arguments away
        segments = jnp.asarray([steps], jnp.int32), jnp.asarray([False])
        progress, _ = jax.block_until_ready(driver.advance(progress, *segments))

    return median(call, calls) / steps


def products(steps: int, calls: int) -> float:
    """Seconds for the two products of a step of one network, on as many cores as XLA takes."""
    patterns = int(ALPHA * WIDTH * UNITS) + 1
    inputs = jax.random.normal(jax.random.key(0), (patterns, WIDTH), jnp.float32)
    weights = jax.random.normal(jax.random.key(1), (UNITS, WIDTH), jnp.float32)
    columns = inputs.T.copy()

    @jax.jit
    def many(weights: jax.Array) -> jax.Array:
        def step(_: int, weights: jax.Array) -> jax.Array:
            fields = weights @ columns
            return weights + 1e-9 * (fields @ inputs)

        return jax.lax.fori_loop(0, steps, step, weights)

    return median(lambda: jax.block_until_ready(many(weights)), calls) / steps


def theory(calls: int) -> None:
    """Times of `dsm.theory.narrow_network`."""
    from dsm.theory import narrow_network

    alphas = np.linspace(0.1, 20, 200)
    gibbs = {"estimator": "gibbs", "beta": 10, "weight_decay": 0.1}
    cases: list[tuple[str, str, dict[str, Any]]] = [
        ("optimal, K to infinity", "erf", {"noise": 0.01}),
        ("beta = 10, K to infinity", "relu", gibbs),
        ("beta = 10, entropy, K = 10", "relu", gibbs | {"units": 10, "dressing": "entropy"}),
        ("beta = 10, full, K = 10", "relu", gibbs | {"units": 10, "dressing": "full"}),
        ("minimum, full, K = 10", "erf", {"estimator": "erm", "weight_decay": 0.01, "units": 10, "dressing": "full"}),
        ("optimal, signs", "erf", {"task": "classification"}),
    ]
    print("\n| theory, 200 alphas, both branches | activation | seconds |\n|---|---|---|")
    for name, activation, settings in cases:

        def both(activation: str = activation, settings: dict[str, Any] = settings) -> None:
            for branch in ("specialised", "unspecialised"):
                narrow_network(activation, alphas, branch=branch, **settings)

        print(f"| {name} | {activation} | {median(both, calls):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="steps a call")
    parser.add_argument("--calls", type=int, default=5, help="calls of which the median is taken")
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 2, 8, 32], help="networks side by side")
    parser.add_argument("--no-theory", action="store_true")
    options = parser.parse_args()
    cores_are_devices()
    print(f"{machine()}\nN = {WIDTH}, K = {UNITS}, alpha = {ALPHA}\n")
    alone = products(options.steps, options.calls)
    print(f"two products alone: {alone * 1e6:.1f} us a step, one network\n")
    print("| samples side by side | us a step and network | steps/s of all | two products alone / step |")
    print("|---|---|---|---|")
    for samples in options.samples:
        each = langevin(samples, options.steps, options.calls) / samples
        print(f"| {samples} | {each * 1e6:.1f} | {1 / each:.0f} | {alone / each:.2f} |", flush=True)
    if not options.no_theory:
        theory(3)


if __name__ == "__main__":
    main()
