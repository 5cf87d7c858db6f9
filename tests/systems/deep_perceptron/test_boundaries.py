"""The finding of experiments/boundaries once more, by a program of its own in NumPy: order grows from the output alone."""

import numpy as np
import pytest

SAMPLES, N, C, L, M = 64, 12, 6, 4, 12
STEP, SWEEPS = 0.3, 60


def spins_of(weights, sources, inputs):
    """Spins of all layers: [L][samples, N, M]."""
    found, below = [], inputs
    for layer in range(L):
        seen = np.take_along_axis(below[:, :, None, :], sources[:, layer].reshape(SAMPLES, -1, 1, 1), 1)
        fields = (weights[:, layer, :, :, None] * seen.reshape(SAMPLES, N, C, M)).sum(2)
        below = np.where(fields > 0, 1, -1)
        found.append(below)
    return found


def moved_outputs(weights, sources, spins, inputs, layer, unit, row):
    """Spins of the layers from `layer` on with another row of weights for one unit of every sample."""
    below = inputs if layer == 0 else spins[layer - 1]
    seen = np.take_along_axis(below, sources[:, layer, unit, :, None], 1)
    changed = spins[layer].copy()
    changed[:, unit] = np.where((row[:, :, None] * seen).sum(1) > 0, 1, -1)
    after = [changed]
    for above in range(layer + 1, L):
        seen = np.take_along_axis(after[-1], sources[:, above].reshape(SAMPLES, -1, 1), 1).reshape(SAMPLES, N, C, M)
        after.append(np.where((weights[:, above, :, :, None] * seen).sum(2) > 0, 1, -1))
    return after


def squared_overlap(a, b):
    """Unbiased mean over units of q_i**2 on the patterns, [samples]."""
    q = (a * b).mean(-1)
    return ((M * q**2 - 1) / (M - 1)).mean(-1)


@pytest.mark.slow
def test_order_grows_from_the_output_and_not_from_the_input():
    rng = np.random.default_rng(0)
    inputs = rng.choice([-1, 1], (SAMPLES, N, M))
    sources = np.argsort(rng.random((SAMPLES, L, N, N)), -1)[..., :C]
    teacher, student, other = rng.normal(size=(3, SAMPLES, L, N, C))
    target = spins_of(teacher, sources, inputs)
    # Chance overlaps on the same inputs and wiring, from two machines that know nothing of each other.
    baseline = [squared_overlap(*pair) for pair in zip(target, spins_of(other, sources, inputs), strict=True)]
    spins = spins_of(student, sources, inputs)
    cost = (spins[-1] != target[-1]).sum((1, 2))
    for _ in range(SWEEPS):
        for layer in range(L):
            for unit in range(N):
                for weight in range(C):
                    row = student[:, layer, unit].copy()
                    row[:, weight] = (row[:, weight] + STEP * rng.normal(size=SAMPLES)) / (1 + STEP**2) ** 0.5
                    after = moved_outputs(student, sources, spins, inputs, layer, unit, row)
                    new = (after[-1] != target[-1]).sum((1, 2))
                    accepted = new <= cost
                    student[accepted, layer, unit] = row[accepted]
                    for above, values in enumerate(after, layer):
                        spins[above][accepted] = values[accepted]
                    cost = np.where(accepted, new, cost)
    assert cost.mean() < 0.05 * N * M
    hidden = np.array([squared_overlap(*pair) for pair in zip(spins, target, strict=True)])[:-1] - baseline[:-1]
    value, error = hidden.mean(1), hidden.std(1, ddof=1) / SAMPLES**0.5
    centre = hidden[1:-1].mean(0)
    rise, fall = hidden[-1] - centre, hidden[0] - centre
    assert value[-1] > 5 * error[-1]
    assert rise.mean() > 4 * rise.std(ddof=1) / SAMPLES**0.5
    assert value[0] < 3 * error[0]
    assert fall.mean() < 2 * fall.std(ddof=1) / SAMPLES**0.5
