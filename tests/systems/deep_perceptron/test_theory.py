"""The replica theory: check values, identities, limits, branches and transitions; and one layer against simulation."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from dsm import networks, samplers, theory
from dsm.observables.statistics import effective_sample_size
from dsm.theory._deep_student_machine import make_model
from dsm.theory._gaussian_channel import relative_variance, unbiased_free_entropy, unbiased_gap
from dsm.theory._hidden_unit import hidden_free_entropy, hidden_unit, output_free_entropy, output_gain
from dsm.theory.closures import CLOSURES, Order
from dsm.theory.closures.layered import Layered
from helpers import make_problem, run_chains

BOTH = ("yoshino", "layered")
ONE = jnp.ones(())
slow = pytest.mark.slow
#: Both closures with both kinds of weights; `make test` has one case.
KINDS = [
    ("yoshino", "spherical"),
    pytest.param("layered", "ising", marks=slow),
    pytest.param("layered", "spherical", marks=slow),
    pytest.param("yoshino", "ising", marks=slow),
]


def solved(depth, alphas, *more, **options):
    """Solve at each of many alphas by a call of its own: all of one depth share a program."""
    found = [theory.deep_student_machine(depth, float(alpha), *more, **options) for alpha in alphas]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *found)


# Spherical weights, ordered branch, computed by independent code: closure, alpha, Q, hidden q, test error.
CHECKS = {
    "both-1-1": (BOTH, 1.0, [0.48626], [], 0.33836),
    "both-1-10": (BOTH, 10.0, [0.98138], [], 0.061525),
    "yoshino-2-3": (BOTH[:1], 3.0, [0.52182] * 2, [0.47864], 0.44162),
    "yoshino-2-8": (BOTH[:1], 8.0, [0.90773] * 2, [0.84528], 0.27160),
    "yoshino-3-5": (BOTH[:1], 5.0, [0.51736, 0.22827, 0.51736], [0.30280] * 2, 0.49171),
    "yoshino-3-16": (BOTH[:1], 16.0, [0.99250, 0.99242, 0.99250], [0.99992] * 2, 0.23950),
    "layered-2-3": (BOTH[1:], 3.0, [0.38426, 0.49246], [0.43722], 0.46054),
    "layered-2-8": (BOTH[1:], 8.0, [0.94273, 0.93899], [0.93720], 0.23685),
    "layered-3-8": (BOTH[1:], 8.0, [0.30161, 0.33674, 0.72121], [0.25084, 0.40985], 0.49039),
    "layered-3-16": (BOTH[1:], 16.0, [0.99228, 0.99116, 0.99139], [0.99866, 0.99862], 0.24150),
}


@pytest.mark.parametrize("case", CHECKS)
def test_check_values(case):
    closures, alpha, weights, spins, error = CHECKS[case]
    for closure in closures:
        found = theory.deep_student_machine(len(weights), alpha, closure=closure)
        assert found.result == theory.Result.converged and found.residual < 1e-10 and found.radius < 1
        np.testing.assert_allclose(found.weight_overlap, weights, atol=6e-6)
        np.testing.assert_allclose(found.spin_overlap, [1, *spins, 1], atol=6e-6)
        np.testing.assert_allclose(found.test_error, error, atol=6e-6)


def test_many_patterns_in_one_layer():
    """eps alpha -> 0.625."""
    found = solved(1, [1000.0, 1e4])
    np.testing.assert_allclose(found.test_error, [6.246572229e-4, 6.246581824e-5], rtol=1e-9)  # scipy, in X
    assert abs(found.test_error[1] * 1e4 / 0.625 - 1) < 1e-3
    more = solved(1, [1e3, 1e8], init=1.0)  # from beyond the solution
    np.testing.assert_allclose(more.test_error[0], found.test_error[0], rtol=1e-9)
    np.testing.assert_allclose(more.test_error[1] * 1e8, found.test_error[1] * 1e4, rtol=1e-7)
    assert np.all(more.result == theory.Result.converged)


@pytest.mark.parametrize(("closure", "weights"), KINDS)
def test_many_patterns_in_deep_machines(closure, weights):
    """Deep machines and signs stay finite as lam -> 1."""
    deep = solved(3, [100.0, 1e4], weights, closure)
    assert np.all(deep.result == theory.Result.converged)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(deep))
    assert np.all(deep.weight_overlap > 0.999)


def test_few_patterns_teach_nothing():
    for closure in BOTH:
        found = theory.deep_student_machine(3, 1e-6, closure=closure)
        np.testing.assert_allclose(found.test_error, 0.5, atol=1e-9)
        np.testing.assert_allclose(found.free_entropy, -math.log(2), atol=1e-9)


# ------------------------------------------------------------------------------------------------------- one-unit averages


def normal(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


compiled_gain, compiled_entropy = jax.jit(output_gain), jax.jit(output_free_entropy)
compiled_gap, compiled_field_entropy = jax.jit(unbiased_gap), jax.jit(unbiased_free_entropy)
compiled_unit = jax.jit(hidden_unit)


def quad(function):
    return integrate.quad(function, -12, 12, epsabs=1e-13, epsrel=1e-12, limit=500)[0]


@pytest.mark.quick
@pytest.mark.parametrize("lam", [0.0, 0.1, 0.7, 0.98])
@pytest.mark.parametrize("label_correlation", [1.0, 0.4])
def test_output_unit_against_quadrature(lam, label_correlation):
    scale = np.sqrt(lam / (1 - lam))

    def probability(sign, z):
        return np.maximum((1 - label_correlation) / 2 + label_correlation * special.ndtr(sign * z * scale), 1e-300)

    gain = label_correlation**2 * quad(lambda z: normal(z) * normal(z * scale) ** 2 / probability(-1, z)) / (1 - lam)
    entropy = quad(lambda z: normal(z) * 2 * special.xlogy(probability(-1, z), probability(-1, z)))
    gap = jnp.asarray(1 - lam)
    np.testing.assert_allclose(compiled_gain(gap, ONE * label_correlation), gain, rtol=1e-11)
    np.testing.assert_allclose(compiled_entropy(gap, ONE * label_correlation), entropy, rtol=1e-11)


@pytest.mark.parametrize("field", [1e-6, 0.3, 2.0, 40.0])
def test_spin_in_a_field_against_quadrature(field):
    root = np.sqrt(field)
    gap = quad(lambda z: normal(z) * (1 - np.tanh(root * z + field)))
    entropy = quad(lambda z: normal(z) * np.log(np.cosh(root * z + field))) - field * (2 - gap) / 2
    np.testing.assert_allclose(compiled_gap(ONE * field), gap, rtol=1e-9)
    np.testing.assert_allclose(compiled_field_entropy(ONE * field), entropy, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("lam", "field"), [(0.2, 0.5), (0.9, 0.05), (0.6, 6.0)])
def test_hidden_unit_against_its_definition(lam, field):
    """q = E[m^2] and g = E[d^2]/2 as integrals over z, the teacher's spin and the field from above."""
    scale = np.sqrt(lam / (1 - lam))

    nodes, step = np.linspace(-9, 9, 721, retstep=True)
    eta, z = np.meshgrid(nodes, nodes)

    def average(function):
        """The sum over a grid: for smooth functions that vanish at its ends it converges faster than any power."""
        x, total = z * scale, 0.0
        for sign in (1, -1):
            b = np.sqrt(field) * eta + field * sign
            total += np.sum(normal(eta) * normal(z) * special.ndtr(sign * x) * function(x, b))
        return total * step**2

    def magnetisation(x, b):
        return np.tanh(b + 0.5 * (special.log_ndtr(x) - special.log_ndtr(-x)))

    def slope(x, b):
        partition = np.exp(b) * special.ndtr(x) + np.exp(-b) * special.ndtr(-x)
        return normal(x) * 2 * np.sinh(b) / partition / np.sqrt(1 - lam)

    gap, gain = compiled_unit(ONE * (1 - lam), ONE * field)
    np.testing.assert_allclose(1 - gap, average(lambda x, b: magnetisation(x, b) ** 2), rtol=1e-6)
    np.testing.assert_allclose(gain, average(lambda x, b: slope(x, b) ** 2) / 2, rtol=1e-6)


def test_hidden_unit_limits():
    """Nothing from above: q = (2/pi) arcsin(lam), g = 0. Certainty from above: an output unit."""
    for lam in (0.0, 0.3, 0.999):
        gap, gain = compiled_unit(ONE * (1 - lam), ONE * 0)
        np.testing.assert_allclose(1 - gap, 2 / np.pi * np.arcsin(lam), atol=1e-11)
        assert 0 <= gain < 1e-12
        gap, gain = compiled_unit(ONE * (1 - lam), ONE * 400)
        np.testing.assert_allclose(gap, 0, atol=1e-12)
        np.testing.assert_allclose(gain, compiled_gain(ONE * (1 - lam), ONE), rtol=1e-10)


def test_derivatives_of_the_hidden_free_entropy():
    """dPsi/dlam = g and dPsi/df = (1 + q)/2: what makes the layered closure a stationary point of its free entropy."""

    def psi(lam, field):
        gap, _ = hidden_unit(1 - lam, field)
        return hidden_free_entropy(1 - lam, field, gap) + field * (2 - gap) / 2

    slopes = jax.jit(jax.grad(psi, (0, 1)))
    for lam, field in ((0.3, 0.2), (0.8, 1.5), (0.95, 9.0)):
        gap, gain = compiled_unit(ONE * (1 - lam), ONE * field)
        by_lam, by_field = slopes(ONE * lam, ONE * field)
        np.testing.assert_allclose(by_lam, gain, rtol=1e-9)
        np.testing.assert_allclose(by_field, (2 - gap) / 2, rtol=1e-9)


def test_relative_variance_and_its_complement():
    both = jax.jit(relative_variance)
    for field in (1e-9, 0.5, 3.0):
        variance, reduction = both(ONE * 0.9, ONE * 0.1, ONE * field)
        np.testing.assert_allclose(variance + reduction, 1, rtol=1e-12)
    tiny = both(ONE * 0.9, ONE * 0.1, ONE * 1e-9)[1]
    np.testing.assert_allclose(tiny, 4 * 0.09 * 1e-9, rtol=1e-4)  # linear in the field, not rounded away


# ----------------------------------------------------------------------------------------------------------------- solver


@eqx.filter_jit
def iterated(model, depth, alphas, start):
    """Gaps of weights and spins at each alpha after 2000 iterations, without Newton."""

    def one(alpha):
        order = Order(jnp.full(depth, 1 - start), jnp.full(depth - 1, 1 - start))
        return jax.lax.fori_loop(0, 2000, lambda _, order: model.update(order, alpha), order)

    order = jax.vmap(one)(alphas)
    return order.weight_gap, order.spin_gap


@pytest.mark.parametrize(("closure", "weights"), KINDS)
def test_solver_finds_what_iteration_finds(closure, weights):
    """Plain iteration from the same starts, thousands of steps, without Newton."""
    model, alpha = make_model(3, weights, closure, math.inf), {"spherical": 7.0, "ising": 4.0}[weights]
    for branch, start in (("ordered", 0.999), ("disordered", 1e-3)):
        weight_gap, spin_gap = iterated(model, 3, jnp.asarray([alpha]), jnp.asarray(start))
        found = theory.deep_student_machine(3, alpha, weights, closure, branch)
        np.testing.assert_allclose(found.weight_overlap, 1 - weight_gap[0], atol=1e-7)
        np.testing.assert_allclose(found.spin_overlap[1:-1], 1 - spin_gap[0], atol=1e-7)


@pytest.mark.parametrize("closure", ["layered", pytest.param("yoshino", marks=slow)])
def test_more_order_makes_more_order(closure):
    """The Jacobian has no negative entry: the premise of the solver's trust in Newton steps."""
    model = make_model(4, "spherical", closure, 2.0)
    rng = np.random.default_rng(0)

    def update(weight_gap, spin_gap):
        image = model.update(Order(weight_gap, spin_gap), jnp.asarray(6.0))
        return jnp.concatenate([image.weight_gap, image.spin_gap])

    jacobian = jax.jit(jax.jacfwd(update, (0, 1)))
    for _ in range(20):
        entries = np.concatenate(jacobian(jnp.asarray(rng.random(4)), jnp.asarray(rng.random(3))), axis=1)
        assert entries.min() > -1e-10 and entries.max() > 0.01


@pytest.mark.parametrize(("closure", "weights"), KINDS)
def test_free_entropy_is_stationary(closure, weights):
    """d(alpha f)/dalpha is the patterns' part alone, which holds at a stationary point only."""
    respond = jax.jit(lambda *gaps: make_model(3, weights, closure, 3.0).closure.respond(Order(*gaps)).free_entropy)
    step = 1e-4
    for alpha in (3.0, 12.0):
        low, middle, high = (
            theory.deep_student_machine(3, a, weights, closure, "disordered", beta=3.0)
            for a in (alpha - step, alpha, alpha + step)
        )
        slope = (high.alpha * high.free_entropy - low.alpha * low.free_entropy) / (2 * step)
        patterns = respond(1 - middle.weight_overlap, 1 - middle.spin_overlap[1:-1])
        np.testing.assert_allclose(slope, patterns, rtol=1e-7, atol=5e-7)


def test_one_layer_is_the_same_in_both_closures():
    for beta in (1.0, math.inf):
        alphas = np.array([0.3, 2.0, 50.0])
        one, other = (solved(1, alphas, closure=closure, beta=beta) for closure in BOTH)
        np.testing.assert_allclose(one.weight_overlap, other.weight_overlap, rtol=1e-12)
        np.testing.assert_allclose(one.free_entropy, other.free_entropy, rtol=1e-12)


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=slow)])
def test_array_of_alphas_is_each_of_them(depth):
    alphas = np.array([[0.5, 3.0], [9.0, 2.0]])
    found = theory.deep_student_machine(depth, alphas)
    assert found.weight_overlap.shape == (2, 2, depth) and found.spin_overlap.shape == (2, 2, depth + 1)
    assert found.test_error.shape == (2, 2) and found.weight_overlap.dtype == np.float64
    for index, alpha in np.ndenumerate(alphas):
        alone = theory.deep_student_machine(depth, float(alpha))
        assert alone.test_error.shape == ()
        np.testing.assert_allclose(alone.weight_overlap, found.weight_overlap[index], rtol=1e-9, atol=1e-12)


def test_float64_whatever_the_caller_uses():
    with jax.enable_x64(False):
        found = theory.deep_student_machine(1, 10.0)
        assert found.weight_overlap.dtype == np.float64 and found.residual < 1e-14
        assert theory.continuation(1, [10.0]).residual < 1e-14
        assert abs(theory.critical_alpha(2, closure="yoshino") - np.pi**2 / 8) < 1e-9


def test_perfect_learning_of_signs_is_always_a_solution():
    found = solved(1, [0.1, 0.5, 3.0], "ising", init=1.0)
    assert np.all(found.weight_overlap == 1) and np.all(found.test_error == 0)
    np.testing.assert_allclose(found.free_entropy, -math.log(2) / found.alpha)


def test_no_jump_near_a_spinodal():
    """yoshino, L = 3: the ordered branch begins at alpha = 11.540, with the other branch and a saddle close by."""
    found = solved(3, np.linspace(11.45, 12.0, 12), closure="yoshino")
    assert np.all(found.result == theory.Result.converged)
    np.testing.assert_array_equal(found.test_error < 0.3, found.alpha > 11.54)


@slow
@pytest.mark.parametrize("closure", BOTH)
def test_no_branch_is_jumped(closure):
    """A grid over transitions and spinodals: the solver, whose Newton steps could leave a branch, against iteration."""
    alphas = np.linspace(1.0, 13.0, 25)
    for branch, start in (("ordered", 0.999), ("disordered", 1e-3)):
        weight_gap, _ = iterated(
            make_model(2, "spherical", closure, math.inf), 2, jnp.asarray(alphas), jnp.asarray(start)
        )
        found = solved(2, alphas, closure=closure, branch=branch)
        np.testing.assert_allclose(found.weight_overlap, 1 - weight_gap, atol=1e-6)


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=slow)])
def test_search_without_success_is_data(depth):
    found = solved(depth, [1.0, 5.0], max_steps=2)
    assert np.all(found.result == theory.Result.max_steps_reached)
    assert np.all(found.residual > 1e-6) and np.all(np.isfinite(found.weight_overlap))
    assert "max_steps" in theory.Result(int(found.result[0])).message


# ------------------------------------------------------------------------------------------------------------ label noise


def test_noise_vanishes_at_large_beta():
    for closure in BOTH:
        noisy, clean = (theory.deep_student_machine(3, 9.0, closure=closure, beta=beta) for beta in (40.0, math.inf))
        np.testing.assert_allclose(noisy.weight_overlap, clean.weight_overlap, atol=1e-9)


def test_labels_without_information():
    """Students of pure noise are the prior: layered says so. Yoshino's closure orders next to the input all the same,
    since a hidden spin there is held by its own layer, whatever the output says."""
    layered = theory.deep_student_machine(3, 5.0, beta=1e-6)
    np.testing.assert_allclose(layered.weight_overlap, 0, atol=1e-5)
    yoshino = theory.deep_student_machine(3, 5.0, closure="yoshino", beta=1e-6)
    assert yoshino.weight_overlap[0] > 0.3
    np.testing.assert_allclose(yoshino.weight_overlap[1:], 0, atol=1e-5)


# ------------------------------------------------------------------------------------------------------------ transitions


@pytest.mark.parametrize(
    ("depth", "closure", "exact"),
    [
        (2, "yoshino", np.pi**2 / 8),
        pytest.param(3, "yoshino", np.pi**2 / 4, marks=slow),
        pytest.param(6, "yoshino", np.pi**2 / 4, marks=slow),
        (2, "layered", np.pi**2 / 4 * (math.sqrt(5) - 1) / 2),
        pytest.param(5, "layered", np.pi**2 / 4, marks=slow),
    ],
)
def test_second_order_transitions(depth, closure, exact):
    assert abs(theory.critical_alpha(depth, closure=closure) - exact) < 1e-6


def test_second_order_transitions_with_label_noise():
    read = math.tanh(1.0) ** 4  # linearised by hand
    assert abs(theory.critical_alpha(2, closure="yoshino", beta=2.0) - np.pi**2 / 4 / (1 + read)) < 1e-6
    assert abs(theory.critical_alpha(2, beta=2.0) - np.pi**2 / 8 * (math.sqrt(1 + 4 / read) - 1)) < 1e-6
    assert theory.critical_alpha(2, beta=1.0, below=10.0) == math.inf


def test_order_appears_at_the_critical_alpha():
    """The solver finds no order just below and some just above, and its stability says the same."""
    for closure in BOTH:
        critical = theory.critical_alpha(2, closure=closure)
        below, above = (theory.deep_student_machine(2, critical * r, closure=closure) for r in (0.98, 1.02))
        assert np.all(below.weight_overlap < 1e-6) and np.all(above.weight_overlap > 1e-3)
        assert 0.95 < below.radius < 1 and 0.9 < above.radius < 1


def test_binary_perceptron():
    """Spinodal between 1.48 and 1.50 (Seung et al. 1992), first-order transition at 1.245 (Gyorgyi 1990)."""
    (found,) = theory.coexistences(1, np.linspace(0.5, 2.0, 31), "ising")
    assert math.isnan(found.ordered_spinodal)  # perfect learning is a solution at every alpha
    assert 1.48 < found.disordered_spinodal < 1.50
    assert abs(found.transition - 1.245) < 1e-3


@slow
def test_hysteresis():
    """Between the spinodals the two branches differ, outside they do not; free entropies cross in between."""
    (found,) = theory.coexistences(2, np.linspace(9.0, 11.0, 41), closure="yoshino", tolerance=1e-4)
    assert 9.0 < found.ordered_spinodal < found.transition < found.disordered_spinodal < 11.0
    for alpha, two in (
        (found.ordered_spinodal - 0.02, False),
        (found.transition, True),
        (found.disordered_spinodal + 0.02, False),
    ):
        up, down = (
            theory.deep_student_machine(2, alpha, closure="yoshino", branch=b) for b in ("disordered", "ordered")
        )
        assert (np.abs(up.weight_overlap - down.weight_overlap).max() > 0.01) == two
    up, down = (
        theory.deep_student_machine(2, found.transition, closure="yoshino", branch=b) for b in ("disordered", "ordered")
    )
    assert abs(up.free_entropy - down.free_entropy) < 1e-4


@slow
@pytest.mark.parametrize("closure", BOTH)
def test_continuation_follows_a_branch(closure):
    alphas = np.linspace(0.5, 14.0, 28)
    up = theory.continuation(2, alphas, closure=closure, branch="disordered")
    down = theory.continuation(2, alphas[::-1], closure=closure)
    assert np.all(up.result == 0) and np.all(down.result == 0)
    each = solved(2, alphas, closure=closure)
    np.testing.assert_allclose(down.weight_overlap[::-1], each.weight_overlap, atol=1e-7)
    assert np.all(down.weight_overlap[::-1] >= up.weight_overlap - 1e-7)


# ------------------------------------------------------------------------------------------------------------------ input

BAD = {
    "alpha-zero": (dict(depth=2, alpha=0.0), "alpha = 0.0"),
    "alpha-negative": (dict(depth=2, alpha=np.array([1.0, -1.0])), "alpha = "),
    "alpha-infinite": (dict(depth=2, alpha=math.inf), "alpha = inf"),
    "alpha-text": (dict(depth=2, alpha="much"), "alpha = much"),
    "depth": (dict(depth=0, alpha=1.0), "depth = 0"),
    "weights": (dict(depth=2, alpha=1.0, weights="potts"), "weights = potts"),
    "closure": (dict(depth=2, alpha=1.0, closure="mine"), "closure = mine"),
    "branch": (dict(depth=2, alpha=1.0, branch="left"), "branch = left"),
    "init": (dict(depth=2, alpha=1.0, init=1.1), "init = 1.1"),
    "init-nan": (dict(depth=2, alpha=1.0, init=math.nan), "init = nan"),
    "beta": (dict(depth=2, alpha=1.0, beta=0.0), "beta = 0.0"),
    "max_steps": (dict(depth=2, alpha=1.0, max_steps=0), "max_steps = 0"),
}


@pytest.mark.quick
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case):
    arguments, message = BAD[case]
    with pytest.raises(ValueError) as caught:
        theory.deep_student_machine(**arguments)
    assert message in str(caught.value)


@pytest.mark.quick
def test_bad_grids_are_refused():
    with pytest.raises(ValueError, match="alpha = "):
        theory.coexistences(2, np.array([2.0, 1.0]))
    with pytest.raises(ValueError, match="alpha = "):
        theory.continuation(2, 3.0)
    with pytest.raises(ValueError, match="depth = 1"):
        theory.critical_alpha(1)
    with pytest.raises(ValueError, match="below = inf"):
        theory.critical_alpha(2, below=math.inf)
    with pytest.raises(ValueError, match="tolerance = 0"):
        theory.coexistences(2, [1.0, 2.0], tolerance=0.0)


def test_prior_without_theory_is_refused():
    @networks.PRIORS.register("test_only")
    class Other(networks.PRIORS.get("ising")):
        pass

    try:
        with pytest.raises(ValueError, match="weights = test_only"):
            theory.deep_student_machine(2, 5.0, "test_only")
    finally:
        networks.PRIORS._parts.pop("test_only")


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=slow)])
def test_closure_is_one_new_class(depth):
    @CLOSURES.register("test_only")
    class Same(Layered):
        pass

    try:
        mine = theory.deep_student_machine(depth, 5.0, closure="test_only")
        np.testing.assert_array_equal(mine.weight_overlap, theory.deep_student_machine(depth, 5.0).weight_overlap)
    finally:
        CLOSURES._parts.pop("test_only")


# ------------------------------------------------------------------------------------------------------------- simulation


@slow
@pytest.mark.parametrize("beta", [math.inf, 1.0])
def test_perceptrons_against_simulation(beta, optimised):
    """One layer at equilibrium, c = 16 and 32 extrapolated in 1/c: many perceptrons with inputs of their own."""
    alpha, found = 1.5, {}
    for fan_in in (16, 32):
        width = 4 * fan_in
        values = []
        for seed in range(3):
            problem = make_problem(seed, width, 1, fan_in, "spherical", "random", alpha, 1, beta)
            move = samplers.VersionSpace() if beta == math.inf else samplers.GaussianMove(0.5)
            _, weights = run_chains(
                samplers.UnitBlock(move), problem, beta,
                chains=4, sweeps=600, keep_from=150, thin=5, seed=seed, start="planted",
            )  # fmt: skip
            own = problem.teacher.prior.normalise(problem.teacher.weights)
            overlap = np.mean(weights * np.asarray(own), axis=(-3, -1))  # chain, draw, unit
            assert effective_sample_size(overlap.mean(-1)) > 30
            values.append(overlap.mean((0, 1)))  # perceptrons of one teacher are independent but for shared inputs
        values = np.concatenate(values)
        found[fan_in] = values.mean(), values.std(ddof=1) / math.sqrt(values.size)
    limit = 2 * found[32][0] - found[16][0]
    error = math.hypot(2 * found[32][1], found[16][1])
    exact = float(theory.deep_student_machine(1, alpha, beta=beta).weight_overlap[0])
    assert error < 0.01
    assert abs(limit - exact) < 4 * error, f"{limit} is not {exact} +- {error}"
