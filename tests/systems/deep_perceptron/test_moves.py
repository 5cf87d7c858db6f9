"""Samplers against exact laws: enumeration, the prior, importance sampling, the conditional law of one weight."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from dsm import data, networks, samplers
from dsm.networks import spacing
from dsm.observables.statistics import standard_error
from dsm.samplers.sign_perceptron.moves import Unit
from dsm.samplers.sign_perceptron.moves.heat_bath import choose_piece, interval_mass, truncated_normal
from helpers import (
    CONTINUOUS,
    MOVES,
    all_sign_vectors,
    assert_mean,
    energies,
    make_problem,
    run_chains,
    small_problem,
    starts_of,
    steps_of,
)

slow = pytest.mark.slow


def twelve_signs(wiring: str, seed: int = 4) -> data.Problem:
    """12 weights: two units in each of three layers; or three units that read two inputs each, in two layers."""
    width, depth = (2, 3) if wiring == "dense" else (3, 2)
    return make_problem(seed, width, depth, 2, "ising", wiring, alpha=3.0, test_patterns=20)


@pytest.mark.parametrize(
    ("wiring", "beta", "inner"),
    [
        ("dense", 0.5, 1),
        ("random", 1.5, 1),
        *(
            pytest.param(*case, marks=slow)
            for case in (
                ("dense", 0.2, 1),
                ("dense", 1.5, 1),
                ("random", 0.2, 1),
                ("random", 0.5, 1),
                ("random", 0.5, 3),
            )
        ),
    ],
)
def test_spin_flip_against_enumeration(wiring, beta, inner):
    """All 2**12 weight vectors. The teacher makes the law asymmetric: Q(1) has a mean of its own at beta > 0."""
    problem = twelve_signs(wiring)
    shape = problem.teacher.weights.shape
    assert np.prod(shape) == 12
    vectors = all_sign_vectors(12).reshape(-1, *shape)
    energy = energies(problem, vectors)
    assert np.ptp(energy) > 0
    law = np.exp(-beta * (energy - energy.min()))
    law /= law.sum()
    teacher = np.asarray(problem.teacher.weights)
    overlap = (vectors * teacher).mean(axis=(2, 3))

    sampled, weights = run_chains(
        samplers.UnitBlock(samplers.SpinFlip(), inner),
        problem,
        beta,
        chains=64,
        sweeps=1500,
        keep_from=300,
        thin=5,
        seed=1,
    )
    assert_mean(sampled, law @ energy)
    for level in np.unique(energy):
        if law[energy == level].sum() > 0.02:
            assert_mean(sampled == level, law[energy == level].sum())
    for layer in range(problem.teacher.wiring.depth):
        assert_mean((weights[:, :, layer] * teacher[layer]).mean(axis=(2, 3)), law @ overlap[:, layer])


def test_spin_flip_at_infinite_beta_visits_all_of_the_version_space():
    """From the planted start of a connected version space, E = 0 states are equally likely."""
    teacher = networks.SignNetwork(3, 2, 2, weights="ising", wiring="random", key=jax.random.key(4))
    problem = data.teacher_problem(jax.random.key(5), teacher, data.iid_signs(3), 3.0, 20)
    vectors = all_sign_vectors(12).reshape(-1, *problem.teacher.weights.shape)
    ground = vectors[energies(problem, vectors) == 0]
    # Keep what single flips connect to the teacher.
    codes = {tuple(v.ravel()) for v in ground}
    reached, front = set(), [tuple(np.asarray(problem.teacher.weights).ravel())]
    while front:
        state = front.pop()
        if state in reached:
            continue
        reached.add(state)
        for k in range(12):
            other = (*state[:k], -state[k], *state[k + 1 :])
            if other in codes:
                front.append(other)
    _, weights = run_chains(
        samplers.UnitBlock(samplers.SpinFlip()),
        problem,
        jnp.inf,
        chains=64,
        sweeps=1500,
        keep_from=300,
        thin=5,
        seed=2,
        start="planted",
    )
    seen = {tuple(v.ravel()) for v in weights.reshape(-1, *weights.shape[2:])}
    assert seen == reached
    mean = np.mean(
        [np.mean(np.array(s).reshape(ground.shape[1:]) * np.asarray(problem.teacher.weights)) for s in reached]
    )
    assert_mean((weights * np.asarray(problem.teacher.weights)).mean(axis=(2, 3, 4)), mean)


#: Correlation of a weight with its start after six moves at beta = 0, where it is known: the Gaussian move keeps a
#: fraction sqrt(1 - d**2) each time, the heat bath nothing, and flips come back.
KEPT = {"gaussian": (1 - 0.4**2) ** 3, "heat_bath": 0.0, "spin_flip": 1.0}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[slow] * (name in ("heat_bath", "spin_flip"))) for name in MOVES]
)
def test_moves_keep_the_prior(name):
    """At beta = 0 weights are independent draws from the prior, standard normals (lattice or not) or signs."""
    kind, move = MOVES[name]
    problem = small_problem("dense", kind, width=3, depth=2)
    state = moved = starts_of("random")(jax.random.split(jax.random.key(0), 4000), problem)
    for sweep in range(6):
        keys = jax.random.split(jax.random.key(1 + sweep), 4000)
        moved, _ = steps_of(samplers.UnitBlock(move))(keys, moved, problem, jnp.float32(0))
    weights = np.asarray(moved.weights).reshape(4000, -1)
    for column in weights.T:
        if kind == "ising":
            assert stats.binomtest(int(np.sum(column == 1)), 4000).pvalue > 1e-4 and np.all(np.abs(column) == 1)
        else:
            assert stats.kstest(column, "norm").pvalue > 1e-4
    correlation = np.corrcoef(weights.T) - np.eye(weights.shape[1])
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)
    before = np.asarray(state.weights).reshape(4000, -1)
    if name in KEPT:
        assert abs(np.mean(before * weights) - KEPT[name]) < 5 / np.sqrt(before.size)


def three_units(wiring: str = "dense", depth: int = 2, alpha: float = 2.0) -> data.Problem:
    """Three units a layer, few enough weights for draws from the prior to be reweighted."""
    return make_problem(7, 3, depth, 3 if wiring == "dense" else 2, wiring=wiring, alpha=alpha, test_patterns=20)


@pytest.mark.parametrize(
    ("name", "beta", "wiring"),
    [
        pytest.param(name, *case, marks=[slow] * (name == "heat_bath" or place % 2 != step))
        for place, name in enumerate(CONTINUOUS)
        for step, case in ((0, (0.2, "dense")), (1, (0.6, "random")))
    ]
    + [pytest.param(name, jnp.inf, "dense", marks=slow) for name in CONTINUOUS],
)
def test_continuous_moves_against_importance_sampling(name, beta, wiring):
    """Averages over the Gibbs measure, computed by reweighting independent draws from the prior.

    At beta = inf the network has one layer: its version space is convex, so that one chain can reach all of it.
    """
    _, move = MOVES[name]
    frozen = np.isinf(beta)
    problem = three_units(wiring, 1 if frozen else 2)
    teacher = problem.teacher
    draws = problem.teacher.prior.sample(jax.random.key(11), (400_000, *teacher.weights.shape))
    energy = energies(problem, draws)
    boltzmann = (energy == 0).astype(float) if frozen else np.exp(-beta * energy)
    truth, normalised = np.asarray(teacher.normalised_weights), np.asarray(teacher.prior.normalise(draws))
    exact = {
        "energy": energy.astype(float),
        "first": (normalised[:, 0] * truth[0]).mean(axis=(1, 2)),
        "last": (normalised[:, -1] * truth[-1]).mean(axis=(1, 2)),
    }
    sampled, weights = run_chains(
        samplers.UnitBlock(move), problem, beta, chains=64, sweeps=1200, keep_from=200, thin=5, seed=5
    )
    chains = {
        "energy": sampled,
        "first": (weights[:, :, 0] * truth[0]).mean(axis=(2, 3)),
        "last": (weights[:, :, -1] * truth[-1]).mean(axis=(2, 3)),
    }
    for key, values in exact.items():
        mean = np.average(values, weights=boltzmann)
        assert_mean(chains[key], mean, error=np.sqrt(np.sum((boltzmann * (values - mean)) ** 2)) / boltzmann.sum())


@pytest.mark.parametrize(
    ("name", "moves", "alpha"),
    [("gaussian", 4000, 2.0), *(pytest.param(name, 20_000, 3.0, marks=slow) for name in CONTINUOUS)],
)
def test_continuous_moves_against_a_long_naive_chain(name, moves, alpha):
    """A chain of another kind: one weight at a time redrawn from the prior, accepted on the whole network's energy."""
    _, move = MOVES[name]
    beta = 0.4
    problem = three_units(alpha=alpha)
    shape = problem.teacher.weights.shape
    size = int(np.prod(shape))

    def naive(key):
        start = samplers.random_start(jax.random.fold_in(key, 0), problem)

        def one(state, key):
            which, value, accept = jax.random.split(key, 3)
            index = jax.random.randint(which, (), 0, size)
            proposed = state.weights.ravel().at[index].set(problem.teacher.prior.sample(value, (1, 3))[0, 0])
            other = samplers.state_of(proposed.reshape(shape), problem)
            rise = (other.energy - state.energy).astype(jnp.float32)
            better = jax.random.uniform(accept, (), jnp.float32) < jnp.exp(-beta * rise)
            state = jax.tree.map(lambda a, b: jnp.where(better, a, b), other, state)
            return state, (state.energy, problem.teacher.prior.normalise(state.weights))

        return jax.lax.scan(one, start, jax.random.split(jax.random.fold_in(key, 1), moves))[1]

    energy, weights = jax.jit(jax.vmap(naive))(jax.random.split(jax.random.key(3), 16))
    teacher = np.asarray(problem.teacher.normalised_weights)
    overlap = lambda w: (np.asarray(w) * teacher).mean(axis=(-3, -2, -1))  # noqa: E731
    sampled, ours = run_chains(
        samplers.UnitBlock(move), problem, beta, chains=64, sweeps=1200, keep_from=200, thin=5, seed=6
    )
    for naive_chain, chain in ((np.asarray(energy), sampled), (overlap(weights), overlap(ours))):
        naive_chain = naive_chain[:, moves // 10 :: 20]
        assert_mean(chain, naive_chain.mean(), error=standard_error(naive_chain))


@functools.cache
def draws_of(move, fan_in: int, number: int):
    """Many draws of one weight, compiled."""

    def draw(key, beta, weight, unit):
        numbers = move.draw(key, beta, (number,))
        return jax.vmap(lambda one: move.update(one, weight, unit, fan_in))(numbers)

    return jax.jit(draw)


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0, float("inf")])
def test_heat_bath_draws_the_conditional_law(beta):
    """One weight, many draws, against the law integrated numerically from its definition."""
    rng = np.random.default_rng(0)
    fan_in, patterns, draws = 8, 7, 40_000
    step = spacing(fan_in)
    spins = rng.choice([-1.0, 1.0], patterns)
    cost = rng.integers(-3, 4, patterns)
    weight = 0.25
    rest = np.round(rng.normal(size=patterns) * 1.5 / step) * step
    unit = Unit(
        jnp.asarray(rest + weight * spins, jnp.float32), jnp.asarray(spins, jnp.float32), jnp.asarray(cost, jnp.int32)
    )
    draw = draws_of(samplers.HeatBath(), fan_in, draws)
    drawn = np.asarray(draw(jax.random.key(1), jnp.float32(beta), jnp.float32(weight), unit), np.float64)

    grid = np.linspace(-6, 6, 200_001)
    energy_on_grid = energy_of_line(grid, rest, spins, cost)
    above = energy_on_grid - energy_on_grid.min()
    density = stats.norm.pdf(grid) * (above == 0 if np.isinf(beta) else np.exp(-beta * above))
    cumulative = integrate.cumulative_trapezoid(density, grid, initial=0)
    cumulative /= cumulative[-1]
    assert stats.kstest(drawn, lambda x: np.interp(x, grid, cumulative)).pvalue > 1e-4
    if np.isinf(beta):
        assert np.all(energy_of_line(drawn, rest, spins, cost) == energy_on_grid.min())
    assert np.array_equal(np.round(drawn / step) * step, drawn)


def test_version_space_move_draws_between_the_nearest_walls_with_a_cost():
    """Against the prior cut to the interval around the weight in which no term of the energy changes."""
    rng = np.random.default_rng(1)
    fan_in, patterns, draws = 8, 9, 40_000
    step = spacing(fan_in)
    spins = rng.choice([-1.0, 1.0], patterns)
    cost = rng.integers(-2, 3, patterns)
    cost[0] = 0  # the nearest wall, which may be crossed
    rest = np.round(rng.normal(size=patterns) * 1.5 / step) * step
    weight = np.round(-rest[0] * spins[0] / step) * step + 8 * step
    unit = Unit(
        jnp.asarray(rest + weight * spins, jnp.float32), jnp.asarray(spins, jnp.float32), jnp.asarray(cost, jnp.int32)
    )
    draw = draws_of(samplers.VersionSpace(), fan_in, draws)
    drawn = np.asarray(draw(jax.random.key(1), jnp.float32(jnp.inf), jnp.float32(weight), unit), np.float64)

    grid = np.linspace(-6, 6, 400_001)
    up = (rest[None] + grid[:, None] * spins[None]) >= 0
    same = np.all((up == ((rest + weight * spins) >= 0)) | (cost == 0), axis=1)
    cumulative = integrate.cumulative_trapezoid(stats.norm.pdf(grid) * same, grid, initial=0)
    assert 0.001 < cumulative[-1] < 0.9
    assert stats.kstest(drawn, lambda x: np.interp(x, grid, cumulative / cumulative[-1])).pvalue > 1e-4
    assert np.ptp(energy_of_line(drawn, rest, spins, cost)) == 0
    assert drawn.min() < weight - 8 * step < drawn.max()  # over the wall without a cost


def test_version_space_of_perceptrons():
    """Uniform over E = 0 from the teacher, against draws from the prior of which those with E = 0 are kept."""
    problem = three_units(depth=1)
    teacher = problem.teacher
    draws = problem.teacher.prior.sample(jax.random.key(11), (400_000, *teacher.weights.shape))
    kept = np.asarray(teacher.prior.normalise(draws))[energies(problem, draws) == 0]
    truth = np.asarray(teacher.normalised_weights)
    exact = (kept * truth).mean(axis=(1, 2, 3))
    sampled, weights = run_chains(
        samplers.UnitBlock(samplers.VersionSpace()), problem, jnp.inf,
        chains=64, sweeps=800, keep_from=200, thin=5, seed=5, start="planted",
    )  # fmt: skip
    assert np.all(sampled == 0)
    assert_mean((weights * truth).mean(axis=(2, 3, 4)), exact.mean(), error=exact.std() / np.sqrt(exact.size))


def energy_of_line(values, rest, spins, cost):
    """Energy, up to a constant, for many values of one weight."""
    return ((rest[None] + np.asarray(values)[:, None] * spins[None]) >= 0) @ cost


def test_interval_mass_is_accurate_in_tails_and_narrow_intervals():
    low = np.array([-12.0, -3.0, 0.1, 2.0, 5.0, 8.0, -9.0, 1.0, 3.0])
    high = np.array([12.0, -2.99, 0.1 + 2**-18, 2.5, 5.001, 9.0, -8.5, 1.0, 12.0])
    exact = np.where(low > 0, stats.norm.sf(low) - stats.norm.sf(high), stats.norm.cdf(high) - stats.norm.cdf(low))
    mass = np.asarray(jax.jit(interval_mass)(jnp.asarray(low, jnp.float32), jnp.asarray(high, jnp.float32)))
    np.testing.assert_allclose(mass, exact, rtol=2e-4)
    assert mass[7] == 0


def test_piece_without_mass_or_weight_is_never_chosen():
    mass = jnp.asarray([0.2, 0.0, 0.3, 0.5, 0.0], jnp.float32)
    energy = jnp.asarray([3, 0, 1, 1, 0], jnp.int32)
    choose = jax.jit(choose_piece)
    for beta, legal in ((0.0, {0, 2, 3}), (jnp.inf, {2, 3})):
        levels = jnp.asarray([0.0, 1e-9, 0.3, 0.6, 0.99999994, 1.0], jnp.float32)
        chosen = {int(choose(u, mass, energy, jnp.float32(beta))) for u in levels}
        assert chosen <= legal


compiled_normal = jax.jit(truncated_normal, static_argnums=3)


@pytest.mark.parametrize(("low", "high"), [(-12.0, 12.0), (4.0, 4.5), (-8.0, -7.5), (0.5, 0.5 + 2**-15), (9.0, 12.0)])
def test_truncated_normal_stays_inside(low, high):
    half = 0.5 * spacing(20)
    low, high = jnp.float32(low - half), jnp.float32(high + half)
    for level in (0.0, 1e-7, 0.5, 0.9999999):
        value = compiled_normal(jnp.float32(level), low, high, 20)
        assert low < value < high


#: Pieces of the line by their walls; None is an open end. Wide and narrow, both tails.
PIECES = {
    "line": (None, None),
    "left": (None, -2.5),
    "right": (0.75, None),
    "narrow left tail": (None, -11.995),
    "narrow right tail": (11.995, None),
    "wide": (-1.25, 2.0),
    "left tail": (-11.0, -9.0),
    "right tail": (6.0, 10.0),
    "narrow": (0.5, 0.505),
}


@pytest.mark.parametrize(
    ("name", "fan_in", "compiled"),
    [
        ("heat_bath", 20, "plain"),
        ("version_space", 1000, "plain"),
        *(
            pytest.param(*case, "optimised", marks=slow)
            for case in itertools.product(("heat_bath", "version_space"), (1, 8, 20, 100, 1000))
        ),
    ],
    indirect=["compiled"],
)
def test_extreme_draws_are_lattice_points_inside_their_piece(name, fan_in, compiled):
    """Uniform numbers of 0 and the largest below 1 are drawn, once in 2**23."""
    _, move = MOVES[name]
    step = spacing(fan_in)

    @jax.jit
    def update(where, weight, field, cost):
        numbers = (jnp.float32(0.5), where, jnp.float32(jnp.inf)) if name == "heat_bath" else where
        return move.update(numbers, weight, Unit(field, jnp.ones_like(field), cost), fan_in)

    for low, high in PIECES.values():
        low, high = (None if wall is None else round(wall / step) * step for wall in (low, high))
        least, most = -12.0 if low is None else low, 12.0 if high is None else high - step
        weight = round(0.5 * (least + most) / step) * step
        # S = +1 throughout. Up beyond `low` is free and up beyond `high` costs 1: E = 0 in the piece alone. What is not a
        # wall is a pattern whose spin no weight turns.
        field = [weight - (99.0 if wall is None else wall) for wall in (low, high)]
        cost = [0 if wall is None else cost for wall, cost in ((low, -1), (high, 1))]
        for where in (0.0, 0.5, 1 - 2**-24):
            value = float(update(*np.float32([where, weight]), np.float32(field), np.int32(cost)))
            assert value / step == round(value / step), (low, high, where, value)
            assert least <= value <= most, (low, high, where, value)


def test_zero_temperature_and_infinite_temperature_allow_nothing_and_everything():
    draw = jax.jit(lambda beta: samplers.allowance(jax.random.key(0), beta, (200_000,)))
    assert np.all(np.asarray(draw(jnp.float32(jnp.inf))) == 0)
    assert np.all(np.asarray(draw(jnp.float32(0))) == 2**30)
    # P(allowance >= dE) is the Metropolis probability exp(-beta dE).
    allowed = np.asarray(draw(jnp.float32(0.7)))
    for increase in (1, 2, 5):
        accepted = np.mean(allowed >= increase)
        exact = np.exp(-0.7 * increase)
        assert abs(accepted - exact) < 5 * np.sqrt(exact * (1 - exact) / allowed.size)
