"""Exchange Monte Carlo: the exact law at every beta, the swap by itself, and what does not change when it is off."""

import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from dsm import samplers
from dsm._errors import ConfigError
from dsm._random import stream
from dsm._variables import Variable
from dsm.driver import Axis, Driver, make_layout
from dsm.observables import AbstractMachineObservable, Measures
from dsm.observables.sign_network import OBSERVABLES
from dsm.samplers import AbstractThermalSystem, AtBeta, Exchange, Ladder, Sampling, trade, tune_ladder
from helpers import all_sign_vectors, assert_mean, energies, small_problem, starts_of

ISING = samplers.UnitBlock(samplers.SpinFlip())
#: Compiled, with everything that a test changes as an argument.
step, swap, swap_if_due = jax.jit(ISING.step), eqx.filter_jit(Exchange.swap), eqx.filter_jit(Exchange.swap_if_due)


class Weights(AbstractMachineObservable):
    """The weights themselves: an observable with dimensions of its own."""

    variables: ClassVar[dict[str, Variable]] = {"weights": Variable(("layer", "unit", "input"), "weights")}

    def __call__(self, machine):
        return {"weights": machine.weights}


def ladders_of(system, problem, ladders: int, seed: int) -> Driver:
    """Many ladders on one problem."""
    problems = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], problem)
    axes = (Axis("sample", 1, 0), Axis("replica", ladders))
    none = jnp.zeros((0,), jnp.int32)
    return Driver(system, problems, axes, none, jax.random.key(seed), make_layout(axes, 1))


def records_of(driver: Driver, records: int, thin: int):
    """Records every `thin` sweeps, {name: [ladder, draw, ...]}, and the last progress."""
    progress, found = driver.advance(driver.begin(), jnp.full((records,), thin, jnp.int32), jnp.ones((records,), bool))
    return {name: np.moveaxis(np.asarray(values)[:, 0], 0, 1) for name, values in found.items()}, progress


def test_exchange_against_enumeration_at_every_beta():
    """All 2**12 weight vectors of an asymmetric case, at beta = 0, at ordinary ones, and where E = 0 nearly alone counts."""
    problem = small_problem("dense", "ising", width=2, depth=3, alpha=3.0, seed=4)
    exchange = Exchange(Sampling(ISING, measures=Measures((Weights(),))), (0.0, 0.3, 0.7, 1.5, 6.0))
    found, progress = records_of(ladders_of(exchange, problem, ladders=64, seed=1), records=200, thin=9)
    sampled, weights = found["cached_energy"][:, 30:], found["weights"][:, 30:]
    ladders = jax.tree.map(lambda leaf: np.asarray(leaf)[0], progress.state.ladder)
    assert np.array_equal(np.sort(ladders.slot, axis=-1), np.broadcast_to(np.arange(5), ladders.slot.shape))

    vectors = all_sign_vectors(12).reshape(-1, *problem.teacher.weights.shape)
    energy, teacher = energies(problem, vectors), np.asarray(problem.teacher.weights)
    overlap = (vectors * teacher).mean(axis=(2, 3))
    for place, beta in enumerate(np.asarray(exchange.betas)):
        law = np.exp(-beta * (energy - energy.min()))
        law /= law.sum()
        assert_mean(sampled[:, :, place], law @ energy)
        for level in np.unique(energy):
            if law[energy == level].sum() > 0.02:
                assert_mean(sampled[:, :, place] == level, law[energy == level].sum())
        for layer in range(3):
            assert_mean((weights[:, :, place, layer] * teacher[layer]).mean(axis=(2, 3)), law @ overlap[:, layer])
    # Swap rates follow from the same laws.
    rates = np.asarray(ladders.swaps) / exchange.tried(np.array([1800]))
    for pair, (a, b) in enumerate(itertools.pairwise(np.asarray(exchange.betas, float))):
        joint = np.outer(*(np.bincount(energy, np.exp(-beta * energy)) for beta in (a, b)))
        levels = np.arange(len(joint))
        accepted = np.exp(np.minimum(0, (a - b) * (levels[:, None] - levels[None])))
        exact = (joint * accepted).sum() / joint.sum()
        error = rates[:, pair].std(ddof=1) / np.sqrt(len(rates))
        assert abs(rates[:, pair].mean() - exact) < 4.5 * error + 0.003, pair  # the first sweeps are not in equilibrium
    assert np.all(np.asarray(ladders.round_trips).sum(axis=1) > 10)


@jax.jit
def slots_after(slot, energy, allowed, attempt):
    """Who has which beta after a swap from each of many states."""

    def one(slot, energy):
        none = jnp.zeros_like(slot)
        return trade(Ladder(slot, none, none, none[1:]), energy, allowed, attempt).slot

    return jax.vmap(one)(slot, energy)


@pytest.mark.parametrize("betas", [(0.0, 0.4, 1.1), (0.0, 0.9, np.inf), (0.5, 0.8)])
def test_swap_satisfies_detailed_balance(betas):
    """Every state (energies by chain, permutation) and every outcome of the random numbers, with their exact chances."""
    levels, number = (0, 1, 3), len(betas)
    exchange = Exchange(ISING, betas)
    states = list(itertools.product(itertools.product(levels, repeat=number), itertools.permutations(range(number))))
    place = {state: row for row, state in enumerate(states)}
    energy, slot = (jnp.asarray(part, jnp.int32) for part in zip(*states, strict=True))
    gaps = np.diff(betas)
    most = max(levels)  # an allowance of 3 serves as well as any larger one
    with np.errstate(invalid="ignore"):
        at_least = np.array([[np.exp(-gap * k) if k else 1.0 for k in range(most + 1)] + [0.0] for gap in gaps])
    chances = at_least[:, :-1] - at_least[:, 1:]

    with np.errstate(invalid="ignore"):
        log_weight = -np.array([[betas[s] * e if e else 0.0 for e, s in zip(*state, strict=True)] for state in states])
    law = np.exp(log_weight.sum(axis=1))
    law /= law.sum()

    for attempt in (0, 1):
        kernel = np.zeros((len(states), len(states)))
        for allowed in itertools.product(range(most + 1), repeat=number - 1):
            after = slots_after(slot, energy, jnp.asarray(allowed, jnp.int32), jnp.int32(attempt))
            for row, new in enumerate(np.asarray(after)):
                chance = np.prod([chances[pair][k] for pair, k in enumerate(allowed)])
                kernel[row, place[states[row][0], tuple(new.tolist())]] += chance
        np.testing.assert_allclose(kernel.sum(axis=1), 1, rtol=1e-12)
        flow = law[:, None] * kernel
        np.testing.assert_allclose(flow, flow.T, atol=1e-15)
        np.testing.assert_allclose(law @ kernel, law, atol=1e-15)
        assert not np.array_equal(kernel, np.eye(len(states))) or number == 2
    # The chances above are those of the swap as it is drawn.
    keys = jax.random.split(jax.random.key(0), 40_000)
    one = exchange.ladder()
    high_is_cold = jnp.asarray([1, *([0] * (number - 1))], jnp.int32)  # E falls along the ladder: swaps cost 1
    drawn = eqx.filter_vmap(swap, in_axes=(None, 0, None, None, None))(
        exchange, keys, one, high_is_cold, jnp.int32(0)
    ).swaps[:, 0]
    exact = np.exp(-gaps[0])
    assert abs(np.mean(np.asarray(drawn)) - exact) < 5 * np.sqrt(exact * (1 - exact) / len(keys))


def test_greedy_end_of_a_ladder_never_rises_and_takes_ties():
    exchange = Exchange(ISING, (0.5, np.inf))
    for cold, swapped in ((2, 0), (3, 1), (4, 1)):  # the chain at beta = 0.5 has E = 3
        energy = jnp.asarray([3, cold], jnp.int32)
        after = swap(exchange, jax.random.key(0), exchange.ladder(), energy, jnp.int32(0))
        assert int(after.swaps[0]) == swapped and after.slot.tolist() == ([1, 0] if swapped else [0, 1])


@pytest.mark.quick
def test_round_trips_of_a_hand_made_sequence():
    """Three chains on three betas; every swap is decreed."""
    ladder = Exchange(ISING, (0.1, 0.2, 0.3)).ladder()
    traded = jax.jit(trade)
    low, high, none = (1, -1), (-1, 1), (-1, -1)  # allowances at equal energies: 0 or more swaps
    seen = []
    # chain 0 climbs, comes back; chain 1 starts in the middle; chain 2 is at the top without having been at the bottom
    for attempt, allowed in enumerate((low, high, none, high, low, high, low, none, low, high, none, high, high)):
        ladder = traded(ladder, np.zeros(3, np.int32), np.int32(allowed), np.int32(attempt))
        seen.append((ladder.slot.tolist(), ladder.leg.tolist(), ladder.round_trips.tolist()))
    assert seen[0] == ([1, 0, 2], [1, 1, 0], [0, 0, 0])  # 0 <-> 1
    assert seen[1] == ([2, 0, 1], [2, 1, 0], [0, 0, 0])  # chain 0 is at the top: on its way back
    assert seen[3] == ([1, 0, 2], [2, 1, 0], [0, 0, 0])  # chain 2 at the top again, having been nowhere
    assert seen[4] == ([0, 1, 2], [1, 1, 0], [1, 0, 0])  # chain 0 is home
    assert seen[5] == ([0, 2, 1], [1, 2, 0], [1, 0, 0])
    assert seen[6] == ([1, 2, 0], [1, 2, 1], [1, 0, 0])  # chain 2 begins
    assert seen[8] == ([0, 2, 1], [1, 2, 1], [1, 0, 0])  # chain 0 turns back half way: no trip
    assert seen[9] == ([0, 1, 2], [1, 2, 2], [1, 0, 0])
    assert seen[12] == seen[11]  # the odd pair's decree on an even turn is void
    assert ladder.swaps.tolist() == [4, 5]


def test_turns():
    """The count of turns is that of attempts, pair by pair."""
    exchange = Exchange(ISING, (0.1, 0.2, 0.3, 0.4), every=3)
    energy = jnp.arange(4, dtype=jnp.int32)  # the colder, the higher: always swapped
    ladder, counts = exchange.ladder(), []
    for sweep in range(20):
        rising = energy[ladder.slot]
        ladder = swap_if_due(exchange, jax.random.key(sweep), ladder, rising, jnp.int32(sweep))
        counts.append(ladder.swaps.tolist())
    assert exchange.tried(np.arange(20)).tolist() == counts
    assert counts[-1] == [3, 3, 3] and counts[3] == [1, 0, 1] and counts[2] == [0, 0, 0]


def driver_of(exchange, problem, replicas, block=None) -> Driver:
    """Two samples of a problem, `replicas` ladders each."""
    problems = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), problem)
    axes = (Axis("sample", 2, 0), Axis("replica", replicas))
    layout = make_layout(axes, 1, block=block)
    return Driver(exchange, problems, axes, jnp.array([4], jnp.int32), jax.random.key(3), layout)


def walk(driver, calls):
    """`calls`: numbers of sweeps; the last call is recorded."""
    progress = driver.begin()
    for index, sweeps in enumerate(calls):
        last = index == len(calls) - 1
        progress, record = driver.advance(progress, jnp.array([sweeps], jnp.int32), jnp.array([last]))
    return jax.tree.map(np.asarray, (progress, record))


@pytest.fixture(scope="module")
def walked():
    problem = small_problem("dense", "ising", width=4, depth=2)
    return problem, walk(driver_of(Exchange(ISING, (0.0, 0.3, 0.6, np.inf), every=2), problem, 4), [21])


@pytest.mark.slow
def test_ladders_walk_the_same_way_however_they_are_cut(walked):
    """Calls that end between swaps; one more replica, hence another device, and small blocks: no trajectory changes."""
    problem, (progress, record) = walked
    exchange = Exchange(ISING, (0.0, 0.3, 0.6, np.inf), every=2)
    ladder = progress.state.ladder
    assert np.any(ladder.slot != np.arange(4)) and np.all(ladder.swaps.sum(axis=(0, 1)) > 0)
    for other in (
        walk(driver_of(exchange, problem, 4), [1, 2, 4, 5, 3, 6]),
        walk(driver_of(exchange, problem, 5, block=2), [21]),
    ):
        same = jax.tree.map(
            lambda a, b: np.array_equal(a, b if b.ndim < 2 or b.shape == a.shape else b[:, :4]), progress, other[0]
        )
        assert all(jax.tree.leaves(same)), same


def test_ladders_are_recorded_in_the_order_of_betas(walked):
    problem, (progress, record) = walked
    slot = progress.state.ladder.slot
    for sample, replica in np.ndindex(2, 4):
        own = slot[sample, replica]
        np.testing.assert_array_equal(
            record["cached_energy"][0, sample, replica, own], progress.state.chains.energy[sample, replica]
        )
    # At beta = 0 every flip is accepted, at inf hardly any.
    assert np.all(record["acceptance"][0, :, :, 0] == 1) and np.all(record["acceptance"][0, :, :, 3] < 1)
    np.testing.assert_array_equal(record["round_trips"][0], progress.state.ladder.round_trips.sum(axis=2))


@pytest.mark.slow
def test_the_past_of_a_row_is_that_of_the_chain_that_is_there_now(walked):
    """Chain k is compared with itself at the reference sweep, whatever beta it had then."""
    problem, _ = walked
    exchange = Exchange(
        Sampling(ISING, measures=Measures((OBSERVABLES.get("weight_overlap")(),))), (0.0, 0.3, 0.6), every=2
    )
    driver = driver_of(exchange, problem, 2)
    progress, _ = driver.advance(driver.begin(), jnp.array([4], jnp.int32), jnp.array([True]))
    then = np.asarray(progress.state.chains.weights)
    progress, record = driver.advance(progress, jnp.array([9], jnp.int32), jnp.array([True]))
    now, slot = np.asarray(progress.state.chains.weights), np.asarray(progress.state.ladder.slot)
    assert np.any(slot != np.arange(3))
    for sample, replica, chain in np.ndindex(2, 2, 3):
        place = sample, replica, chain
        expected = (now[place] * then[place]).mean(axis=(1, 2))
        row = sample, replica, slot[place]
        np.testing.assert_allclose(record["past_weight_overlap"][0][row][0], expected, rtol=1e-6)


def alone(problem, start_key, keys, beta):
    """The last weights of a chain by itself, given the key of each step."""
    state = jax.tree.map(lambda leaf: leaf[0], starts_of("random")(start_key[None], problem))
    for key in keys:
        state, _ = step(key, state, problem, jnp.float32(beta))
    return state.weights


@pytest.mark.parametrize("how", [None, pytest.param("optimised", marks=pytest.mark.slow)])
def test_chains_that_never_swap_walk_as_they_do_alone(walked, how, request):
    """A ladder whose swaps are never due is its chains, each in its own stream and at its own beta, bitwise."""
    if how is not None:
        request.getfixturevalue(how)
    problem, _ = walked
    betas = (0.1, 0.4, 2.0)
    progress, record = walk(driver_of(Exchange(ISING, betas, 10**6), problem, 2), [9])
    assert np.all(progress.state.ladder.slot == np.arange(3)) and np.all(record["swaps"] == 0)
    start, moves = (stream(jax.random.key(3), name, 1, 0) for name in ("start", "moves"))
    for number, beta in enumerate(betas):
        keys = [stream(jax.random.fold_in(moves, sweep), "chain", number) for sweep in range(9)]
        weights = alone(problem, jax.random.fold_in(start, number), keys, beta)
        np.testing.assert_array_equal(weights, progress.state.chains.weights[1, 0, number])


@pytest.mark.slow
def test_independent_betas_walk_as_they_do_alone(walked, optimised):
    """Without exchange beta is an axis of the driver. One chain by hand, in the streams that it has always had."""
    problem, _ = walked
    problems = AtBeta(jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), problem), jnp.float32([0.1, 0.4, 2.0]))
    axes = (Axis("sample", 2, AtBeta(0, None)), Axis("beta", 3, AtBeta(None, 0)), Axis("replica", 2))
    key, layout = jax.random.key(3), make_layout(axes, 1)
    progress, _ = walk(Driver(Sampling(ISING), problems, axes, jnp.zeros((0,), jnp.int32), key, layout), [9])
    keys = [jax.random.fold_in(stream(key, "moves", 1, 2, 0), sweep) for sweep in range(9)]
    weights = alone(problem, stream(key, "start", 1, 2, 0), keys, 2.0)
    np.testing.assert_array_equal(weights, progress.state.weights[1, 2, 0])


class Level(eqx.Module):
    """One of three levels, with its energy."""

    place: jax.Array
    energy: jax.Array


class ThreeLevels(AbstractThermalSystem):
    """A system whose energies are no integers: a step proposes one of the other levels."""

    levels: jax.Array

    @property
    def variables(self):
        return {"place": Variable((), "level"), "energy": Variable((), "energy")}

    def begin(self, key, problem):
        place = jax.random.randint(key, (), 0, 3, jnp.int32)
        return Level(place, self.levels[place])

    def step(self, key, t, state, problem):
        proposal_key, accept_key = jax.random.split(key)
        place = (state.place + jax.random.randint(proposal_key, (), 1, 3, jnp.int32)) % 3
        allowed = samplers.allowance(accept_key, problem.beta, (), jnp.float32)
        accepted = self.levels[place] - state.energy <= allowed
        place = jnp.where(accepted, place, state.place)
        return Level(place, self.levels[place]), {}

    def energy(self, state):
        return state.energy

    def observe(self, state, problem, others):
        return {"place": state.place, "energy": state.energy}


def test_exchange_of_energies_that_are_no_integers():
    """Laws and swap rates of three levels less than 1 apart, through the driver. An allowance that is rounded down to an
    integer, as it may be for counts, would refuse every swap and every move uphill."""
    levels, betas = np.array([0.0, 0.35, 0.8]), np.array([0.2, 1.0, 2.5])
    exchange = Exchange(ThreeLevels(jnp.float32(levels)), betas.tolist())
    found, progress = records_of(ladders_of(exchange, jnp.zeros(()), ladders=64, seed=5), records=300, thin=4)
    law = np.exp(-betas[:, None] * levels)
    law /= law.sum(axis=1, keepdims=True)
    for row in range(3):
        assert_mean(found["energy"][:, 10:, row], law[row] @ levels)
        for place in range(3):
            assert_mean(found["place"][:, 10:, row] == place, law[row, place])
    rates = np.asarray(progress.state.ladder.swaps)[0] / exchange.tried(np.array([1200]))
    for pair in range(2):
        difference = (betas[pair] - betas[pair + 1]) * (levels[:, None] - levels[None])
        exact = np.sum(np.outer(law[pair], law[pair + 1]) * np.exp(np.minimum(0, difference)))
        error = rates[:, pair].std(ddof=1) / np.sqrt(len(rates))
        assert abs(rates[:, pair].mean() - exact) < 4.5 * error + 0.003, pair


def constant_heat_capacity_rates(betas, half_freedom):
    """Exact swap rates where E has the Gamma law of `half_freedom` at each beta: density of states E**(half_freedom - 1).

    With E = x/beta, a pair accepts with chance 2 P(x_b/beta_b > x_a/beta_a): both orders of energies weigh the same.
    """
    ratio = np.asarray(betas)[:-1] / np.asarray(betas)[1:]
    return 2 * special.betainc(half_freedom, half_freedom, ratio / (1 + ratio))


@pytest.mark.quick
def test_tuned_ladder_of_constant_heat_capacity_is_geometric():
    """Predescu, Predescu and Ciobanu, J. Chem. Phys. 120, 4119 (2004)."""
    betas = np.array([0.2, 0.25, 0.5, 1.5, 2.0, 3.0])
    before = constant_heat_capacity_rates(betas, 8.0)
    for _ in range(6):
        betas = tune_ladder(betas, constant_heat_capacity_rates(betas, 8.0))
    after = constant_heat_capacity_rates(betas, 8.0)
    assert np.ptp(before) > 0.5 and np.ptp(after) < 0.01
    np.testing.assert_allclose(betas, np.geomspace(0.2, 3.0, 6), rtol=0.01)


def test_tuned_ladder_keeps_its_ends_and_equal_rates():
    for betas in ((0.0, 0.5, 1.0, np.inf), (0.1, 0.5, 3.0, 4.0)):
        np.testing.assert_allclose(tune_ladder(betas, [0.3] * 3), betas, rtol=1e-12)
        new = tune_ladder(betas, [1.0, 0.0, 0.5], number=9)
        assert new[0] == betas[0] and new[-1] == betas[-1] and new.size == 9 and np.all(np.diff(new[:-1]) > 0)
        assert np.sum((new > betas[1]) & (new < betas[2])) >= 5  # where nothing was swapped
    for wrong in (((1.0,), []), ((2.0, 1.0), [0.5]), ((1.0, 2.0), [0.5, 0.5]), ((1.0, 2.0), [np.nan])):
        with pytest.raises(ConfigError, match="must be"):
            tune_ladder(*wrong)


@pytest.mark.quick
def test_illegal_ladders_are_refused():
    for betas, every in (((2.0, 1.0), 1), ((1.0,), 1), ((), 1), ((1.0, 2.0), 0), ((-1.0, 2.0), 1)):
        with pytest.raises(ConfigError, match=r"betas = |every = 0"):
            Exchange(ISING, betas, every)
