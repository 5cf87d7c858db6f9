"""Speed of two-layer specialisation beside a plain PyTorch loop of the same updates, in one run.

pip install "dsm[benchmark]" (PyTorch); then python tests/benchmarks/specialisation_speed.py

One iteration is one mini-batch of one network: forward, backward and update, without evaluation. dsm moves the students of 6
decays and of all samples together over all devices; PyTorch moves one student on one thread in float64, as the authors' code
(arXiv:1909.13458) does, and in float32. Medians of calls after a first one that compiles; results are fetched.
Without PyTorch the columns of dsm are measured alone.
"""

import argparse

import jax
from _timing import cores_are_devices, machine, median

#: The published sweep: teacher units and students' multiples of them.
SWEEP = [(teachers, multi) for teachers in (5, 10, 20) for multi in (1, 2, 5, 10)]
INPUTS, OUTPUTS, PATTERNS, BATCH, LR = 100, 50, 10_000, 16, 0.01
#: Iterations of the whole sweep a (teachers, multi): 6 decays x 32 samples x 100 epochs x 1000.
PUBLISHED = 6 * 32 * 100 * 1000


def of_dsm(teachers: int, multi: int, samples: int, steps: int, calls: int) -> float:
    """Seconds an iteration and network."""
    import jax.numpy as jnp

    import dsm
    from dsm._random import root_key
    from dsm.tasks.specialisation._build import make_driver, plan

    config = dsm.compose(
        "experiment=specialisation_sweep",
        *(
            f"network.teachers={teachers}",
            f"network.multi={multi}",
            f"data.samples={samples}",
            "data.test_patterns=100",
        ),
        "observe.quantities=[test_loss]",
    )
    key = root_key(0)
    system, axes, layout = plan(config, key)
    driver = make_driver(config, key, system, axes, layout)
    progress = driver.begin()

    def call() -> None:
        nonlocal progress  # and `advance` takes its arguments away
        segments = jnp.asarray([steps], jnp.int32), jnp.asarray([False])
        progress, _ = jax.block_until_ready(driver.advance(progress, *segments))

    return median(call, calls) / steps / (samples * len(config.network.decays))


def of_torch(teachers: int, multi: int, steps: int, calls: int, double: bool) -> float | None:
    """Seconds an iteration of one network on one thread, or None without PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    kind = torch.float64 if double else torch.float32
    units = teachers * multi
    draw = torch.Generator().manual_seed(0)
    inputs = 1.5 * torch.randn(PATTERNS, INPUTS, generator=draw, dtype=kind)
    targets = torch.randn(PATTERNS, OUTPUTS, generator=draw, dtype=kind)
    w = 0.005 * torch.randn(INPUTS, units, generator=draw, dtype=kind)
    v = 0.005 * torch.randn(units, OUTPUTS, generator=draw, dtype=kind)
    b, c = torch.zeros(units, dtype=kind), torch.zeros(OUTPUTS, dtype=kind)

    def call() -> None:
        for _ in range(steps):
            chosen = torch.randint(PATTERNS, (BATCH,), generator=draw)
            x, y = inputs[chosen], targets[chosen]
            hidden = torch.relu(x @ w + b)
            delta = (hidden @ v + c - y) / BATCH
            back = (delta @ v.T) * (hidden > 0)
            v.sub_(hidden.T @ delta, alpha=LR)
            c.sub_(delta.sum(0), alpha=LR)
            w.sub_(x.T @ back, alpha=LR)
            b.sub_(back.sum(0), alpha=LR)

    with torch.no_grad():
        return median(call, calls) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[8], help="samples side by side, times 6 decays")
    parser.add_argument("--steps", type=int, default=500, help="iterations a call")
    parser.add_argument("--calls", type=int, default=3, help="calls of which the median is taken")
    options = parser.parse_args()
    cores_are_devices()
    print(f"{machine('torch')}\nsamples side by side, with 6 decays each: {', '.join(map(str, options.samples))}")
    print(
        "\n| M | multi | dsm (us) | PyTorch float64, one thread (us) | float32 (us) | ratio to float64 | to float32 |"
    )
    print("|---|---|---|---|---|---|---|")
    total, totals_torch = 0.0, [0.0, 0.0]
    for teachers, multi in SWEEP:
        each = [of_dsm(teachers, multi, samples, options.steps, options.calls) for samples in options.samples]
        own, own_us = min(each), ", ".join(f"{1e6 * one:.1f}" for one in each)
        plain = [of_torch(teachers, multi, options.steps, options.calls, double) for double in (True, False)]
        total += own * PUBLISHED
        cells = " | ".join("" if other is None else f"{1e6 * other:.0f}" for other in plain)
        ratios = " | ".join("" if other is None else f"{other / own:.1f}" for other in plain)
        for place, other in enumerate(plain):
            totals_torch[place] += (other or 0.0) * PUBLISHED
        print(f"| {teachers} | {multi} | {own_us} | {cells} | {ratios} |", flush=True)
    print(f"\nthe published sweep's {PUBLISHED * len(SWEEP):.2e} iterations: dsm {total / 3600:.2f} h", end="")
    print(
        ""
        if not totals_torch[0]
        else f", PyTorch {totals_torch[0] / 3600:.1f} h (float64), {totals_torch[1] / 3600:.1f} h"
    )


if __name__ == "__main__":
    main()
