"""The unit-block sweep is the naive chain: one weight at a time, the whole network evaluated at each."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import helpers
from dsm import samplers
from dsm.samplers.sign_perceptron.moves import Unit
from helpers import (
    CHAIN_OPTIONS,
    MOVES,
    PROPOSALS,
    WIRINGS,
    assert_same_bits,
    draw_weights,
    energy_of,
    naive_start,
    naive_sweep,
    small_problem,
    starts_of,
    steps_of,
)


class Unrolled(samplers.AbstractChain):
    """A chain stage that is written out, one move after the other, and notes for how many units it was asked."""

    calls: list = eqx.field(static=True, default_factory=list)

    def __call__(self, move, inner, draws, row, field, below, cost, sources):
        self.calls.append(row.shape)
        changes = jnp.int32(0)
        for turn in range(inner * row.size):
            k = turn % row.size
            spins = below[k] if sources is None else jnp.take(below, sources[k], axis=0)
            numbers = jax.tree.map(lambda array: array[turn], draws)  # noqa: B023
            new = move.update(numbers, row[k], Unit(field, spins, cost), row.size)
            changes += jnp.where(new == row[k], 0, 1).astype(jnp.int32)
            row, field = row.at[k].set(new), field + (new - row[k]) * spins
        return row, field, changes


#: Chain stages by name.
CHAINS = {"unrolled": Unrolled()} | {
    name: samplers.CHAINS.build({"name": name, **CHAIN_OPTIONS.get(name, {})}, "chain")
    for name in samplers.CHAINS.names
}
#: Move, wiring, depth, `inner` and chain stage; the cases of `make test`, in which all pairs meet, and all.
CHOSEN = [
    ("gaussian", "dense", 1, 1, "plain"),
    ("spin_flip", "random", 4, 1, "plain"),
    ("gaussian", "random", 2, 2, "unrolled"),
    ("spin_flip", "dense", 4, 1, "unrolled"),
    ("gaussian", "dense", 4, 1, "pallas"),
    ("spin_flip", "dense", 2, 2, "plain", "optimised"),
    ("spin_flip", "random", 1, 1, "pallas", "optimised"),
]
EVERY = [
    (name, wiring, *sizes, chain)
    for name, wiring in itertools.product(PROPOSALS, WIRINGS)
    for chain, stage in CHAINS.items()
    for sizes in ([(1, 1), (2, 1), (2, 2), (4, 1)] if chain == "plain" else [(2, 1 if wiring == "dense" else 2)])
    if stage.refuses(samplers.Workload(MOVES[name][1], 4, 12)) is None
]


@pytest.mark.parametrize(
    ("name", "wiring", "depth", "inner", "chain", "compiled"),
    [pytest.param(*CHOSEN[0], "plain", marks=pytest.mark.quick)]
    + [case if "optimised" in case else (*case, "plain") for case in CHOSEN[1:]]
    + [
        pytest.param(*case, "optimised", marks=pytest.mark.slow) for case in EVERY if (*case, "optimised") not in CHOSEN
    ],
    indirect=["compiled"],
)
def test_unit_block_is_bitwise_the_naive_chain(name, wiring, depth, inner, chain, compiled):
    """Weights, energies and acceptances are the same, whatever implements the chain stage: in hidden layers and the last."""
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=4, depth=depth)
    sampler = samplers.UnitBlock(move, inner, chain=CHAINS[chain])
    step = jax.jit(lambda *arguments: sampler.step(*arguments))
    start = draw_weights(np.random.default_rng(3), weights, problem.teacher.weights.shape)
    for beta in (jnp.inf, 0.7):
        state, naive = jax.tree.map(lambda leaf: leaf[0], naive_start(problem, start[None])), start
        for sweep in range(3):
            key = jax.random.key(10 + sweep)
            naive, energy, acceptance = naive_sweep(key, naive, problem, move, beta, inner)
            state, info = step(key, state, problem, jnp.float32(beta))
            np.testing.assert_array_equal(np.asarray(state.weights), naive)
            assert int(state.energy) == energy
            np.testing.assert_allclose(info.acceptance, acceptance, rtol=1e-6)
    assert chain != "unrolled" or {(problem.teacher.wiring.fan_in,)} == set(CHAINS[chain].calls[-2:])


#: Other stages than the plain one, beside all moves that they take.
STAGED = [
    (name, chain)
    for chain, stage in CHAINS.items()
    for name in MOVES
    if chain not in ("plain", "unrolled") and stage.refuses(samplers.Workload(MOVES[name][1], 4, 12)) is None
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "chain"), STAGED)
@pytest.mark.parametrize("wiring", WIRINGS)
def test_chain_stage_is_replaceable_for_all_moves(name, wiring, chain, optimised):
    """Several chains have bitwise the same trajectories as with the plain stage."""
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=4, depth=2)
    start = draw_weights(np.random.default_rng(3), weights, (2, *problem.teacher.weights.shape))
    expected = found = naive_start(problem, start)
    for sweep in range(3):
        keys = jax.random.split(jax.random.key(10 + sweep), 2)
        (expected, found), info = zip(
            *(
                steps_of(samplers.UnitBlock(move, 2, chain=CHAINS[stage]))(keys, state, problem, jnp.float32(0.7))
                for stage, state in (("plain", expected), (chain, found))
            ),
            strict=True,
        )
        assert_same_bits((found, info[1]), (expected, info[0]))


@pytest.mark.parametrize(
    ("wiring", "weights"), [("random", "spherical"), pytest.param("dense", "ising", marks=pytest.mark.slow)]
)
def test_starts_have_the_energy_of_their_weights(wiring, weights):
    problem = small_problem(wiring, weights)
    random, planted = (
        starts_of(name)(jax.random.split(jax.random.key(0), 3), problem) for name in ("random", "planted")
    )
    for start in (random, planted):
        assert [energy_of(problem, one) for one in np.asarray(start.weights)] == start.energy.tolist()
    assert np.all(random.energy > 0) and np.all(planted.energy == 0)
    assert len({one.tobytes() for one in np.asarray(random.weights)}) == 3


@functools.cache
def walked(name, wiring, width, sweeps):
    """Twelve chains: three from random starts at each of beta = 0, 0.5 and inf, and three planted at inf.

    Returns the problem, the last weights, and after each sweep (and before the first) the energies and acceptances.
    """
    weights, move = MOVES[name]
    problem = small_problem(wiring, weights, width=width, depth=3, alpha=6.0)
    random = draw_weights(np.random.default_rng(0), weights, (9, *problem.teacher.weights.shape))
    start = naive_start(problem, np.concatenate([random, *3 * [problem.teacher.weights[None]]]))
    betas = jnp.repeat(jnp.array([0.0, 0.5, jnp.inf, jnp.inf], jnp.float32), 3)
    step = jax.vmap(samplers.UnitBlock(move).step, (0, 0, None, 0))

    @jax.jit
    def walk(start, problem):
        def sweep(states, keys):
            states, info = step(keys, states, problem, betas)
            return states, (states.energy, info.acceptance)

        return jax.lax.scan(sweep, start, jax.random.split(jax.random.key(0), (sweeps, 12)))

    last, (energies, acceptance) = walk(start, problem)
    return problem, np.asarray(last.weights), np.concatenate([start.energy[None], energies]), np.asarray(acceptance)


#: Every move with one wiring; slow, wider and longer with both.
WALKED = pytest.mark.parametrize(
    ("name", "wiring", "width", "sweeps"),
    [(name, WIRINGS[(place + 1) % 2], 6, 60) for place, name in enumerate(MOVES)]
    + [pytest.param(*case, 10, 200, marks=pytest.mark.slow) for case in itertools.product(MOVES, WIRINGS)],
)


@WALKED
def test_cached_energy_is_that_of_the_weights(name, wiring, width, sweeps):
    problem, weights, energies, _ = walked(name, wiring, width, sweeps)
    for chain in range(12):
        assert energy_of(problem, weights[chain]) == energies[-1, chain]


@WALKED
def test_planted_student_stays_at_zero_energy(name, wiring, width, sweeps):
    problem, weights, energies, acceptance = walked(name, wiring, width, sweeps)
    assert np.all(energies[:, 9:] == 0)
    assert energy_of(problem, weights[9]) == 0
    assert np.all(acceptance[:, 9:].max(axis=(0, 2)) > 0) or MOVES[name][0] == "ising"


@WALKED
def test_greedy_energy_never_rises(name, wiring, width, sweeps):
    energies = walked(name, wiring, width, sweeps)[2][:, 6:9]
    assert np.all(np.diff(energies, axis=0) <= 0)
    kept = MOVES[name][1].keeps_energy
    assert np.all(energies[-1] == energies[0] if kept else energies[-1] < energies[0])


@pytest.mark.quick
def test_every_registered_move_is_tested():
    missing = set(samplers.MOVES.names) - set(MOVES)
    assert not missing, f"add options of {', '.join(missing)} to OPTIONS in tests/helpers.py"


def test_new_move_is_tested_or_reported(monkeypatch):
    """A registered move gets into the tests, or the test above fails."""
    monkeypatch.setattr(samplers.MOVES, "_parts", dict(samplers.MOVES._parts))

    @samplers.MOVES.register("same")
    class Same(samplers.SpinFlip):
        pass

    assert helpers.build_moves()["same"][0] == "ising"

    @samplers.MOVES.register("sized")
    class Sized(samplers.SpinFlip):
        size: int = eqx.field(static=True)

    assert "sized" not in helpers.build_moves()
    monkeypatch.setitem(helpers.OPTIONS, "sized", {"size": 2})
    assert "sized" in helpers.build_moves()
