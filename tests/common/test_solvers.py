"""Solutions of equations that need not be monotone, and branches of them: known roots, folds, hysteresis, failures."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import theory
from dsm._errors import ConfigError
from dsm.theory._deep_student_machine import make_model, uniform

#: Where the outer branches of a + x - x**3 = 0 end.
SPINODAL = 2 / (3 * math.sqrt(3))


def cubic(x, a):
    """A motion with two stable states for |a| < SPINODAL, and one beyond."""
    return a + x - x**3


follow_cubic = jax.jit(lambda x, a: theory.follow_branch(cubic, x, a))


def circling(order, parameters):
    """A map with a known fixed point at which its Jacobian turns by a right angle and doubles."""
    x, y = parameters
    return {"q": x - 2 * jnp.sin(order["r"] - y), "r": y + 2 * jnp.sin(order["q"] - x)}


@pytest.mark.quick
@pytest.mark.parametrize(("start", "root", "growth"), [(0.0, 1, 2), (1.9, 2, -1), (9.0, 3, 2)])
def test_find_root_finds_the_nearest_root_of_a_polynomial(start, root, growth):
    find = jax.jit(lambda x: theory.find_root(lambda x, _: (x - 1) * (x - 2) * (x - 3), x))
    found = find(jnp.float64(start))
    assert found.result == theory.Result.converged and found.residual <= 1e-12 and found.steps < 30
    np.testing.assert_allclose(found.point, root, atol=1e-11)
    np.testing.assert_allclose(found.growth, growth, atol=1e-9)


def test_find_root_finds_a_fixed_point_that_repels_the_iteration():
    target = jnp.asarray([0.3, -0.2])
    order = start = {"q": jnp.float64(0.8), "r": jnp.float64(0.1)}
    for _ in range(200):
        order = circling(order, target)
    assert abs(order["q"] - 0.3) + abs(order["r"] + 0.2) > 0.1
    found = jax.jit(lambda x, p: theory.find_root(theory.fixed_point_residual(circling), x, p))(start, target)
    assert found.result == theory.Result.converged
    np.testing.assert_allclose([found.point["q"], found.point["r"]], target, atol=1e-12)
    np.testing.assert_allclose(found.radius, 2, rtol=1e-10)
    np.testing.assert_allclose(found.growth, -1, rtol=1e-10)


def test_batch_of_searches_is_each_of_them():
    residual = theory.fixed_point_residual(circling)
    starts = {"q": jnp.asarray([0.8, 0.2, 0.5]), "r": jnp.asarray([0.1, 0.0, -0.3])}
    targets = jnp.asarray([[0.3, -0.2], [0.1, 0.1], [0.0, 0.0]])
    find = jax.jit(lambda x, p: theory.find_root(residual, x, p))
    together = jax.jit(jax.vmap(find))(starts, targets)
    assert together.radius.shape == (3,) and np.all(together.result == theory.Result.converged)
    for index in range(3):
        alone = find(jax.tree.map(lambda leaf: leaf[index], starts), targets[index])  # noqa: B023
        np.testing.assert_allclose(together.point["q"][index], alone.point["q"], atol=1e-12)
        np.testing.assert_allclose(together.radius[index], alone.radius, rtol=1e-9)
        assert together.steps[index] == alone.steps


FAILURES = {
    "minimum": (lambda x, _: x**2 + 1, 3.0, theory.Result.no_solution),
    "towards infinity": (lambda x, _: 1 / (1 + x**2) + 0.1, 0.3, theory.Result.max_steps_reached),
    "not finite at the start": (lambda x, _: jnp.sqrt(x), -3.0, theory.Result.diverged),
}


@pytest.mark.parametrize("case", FAILURES)
def test_missing_solution_is_a_result(case):
    function, start, result = FAILURES[case]
    found = theory.find_root(function, jnp.float64(start))
    assert found.result == result and not found.residual <= 1e-3
    assert theory.Result(int(found.result)).message


def test_search_that_is_cut_short_is_a_result():
    found = theory.find_root(cubic, jnp.float64(40.0), jnp.float64(0.0), max_steps=2)
    assert found.result == theory.Result.max_steps_reached and np.isfinite(found.point) and found.residual > 1


# Branches


def test_branches_of_the_cubic_have_folds_and_hysteresis():
    values = jnp.linspace(-1, 1, 41)
    up, down = follow_cubic(jnp.float64(-1.3), values), follow_cubic(jnp.float64(1.3), values[::-1])
    for branch, sign in ((up, 1), (down, -1)):
        assert np.all(branch.roots.result == theory.Result.converged) and np.all(branch.roots.growth < 0)
        (last,) = np.flatnonzero(np.isfinite(branch.ended))
        np.testing.assert_allclose(branch.ended[last], sign * SPINODAL, atol=1e-6 * 0.05)
        # It is left at the first value beyond the fold, and not before.
        assert abs(branch.parameters[last - 1]) < SPINODAL < abs(branch.parameters[last])
        np.testing.assert_array_equal(np.sign(branch.roots.point), np.where(np.arange(41) < last, -sign, sign))
        np.testing.assert_allclose(cubic(branch.roots.point, branch.parameters), 0, atol=1e-12)
    inside = np.abs(values) < SPINODAL
    differ = np.abs(up.roots.point - down.roots.point[::-1]) > 0.1
    np.testing.assert_array_equal(differ, inside)


def test_unstable_branch_is_followed_to_its_fold():
    """The middle root: it is no attractor of the motion, and ends where it meets a stable one."""
    found = follow_cubic(jnp.float64(0.1), jnp.linspace(0, 0.5, 41))
    middle = found.parameters < SPINODAL
    assert np.all(found.roots.growth[middle] > 0) and np.all(np.abs(found.roots.point[middle]) < 3**-0.5)
    assert np.all(np.isnan(found.ended[middle]))
    np.testing.assert_allclose(found.ended[~middle][0], SPINODAL, atol=1e-6 / 80)
    assert np.all(found.roots.growth[~middle] < 0)


def test_branch_ends_where_there_is_no_other():
    """x**2 = -a: two branches that annihilate at a = 0. Behind, nothing is found; back again the branch is."""
    values = jnp.asarray([-1.0, -0.5, 0.5, -0.5])
    found = theory.follow_branch(lambda x, a: -(x**2) - a, jnp.float64(1.0), values)
    codes = [theory.Result(int(code)) is theory.Result.converged for code in found.roots.result]
    assert codes == [True, True, False, True]
    np.testing.assert_allclose(found.ended[2], 0, atol=1e-6)
    np.testing.assert_allclose(found.roots.point[jnp.asarray([0, 1, 3])], [1, 0.5**0.5, 0.5**0.5], atol=1e-9)


def test_batch_of_branches_is_each_of_them():
    values = jnp.linspace(-0.6, 0.6, 41)
    together = jax.jit(jax.vmap(follow_cubic, (0, None)))(jnp.asarray([-1.2, 0.8]), values)
    alone = follow_cubic(jnp.float64(-1.2), values)
    np.testing.assert_allclose(together.roots.point[0], alone.roots.point, atol=1e-10)
    np.testing.assert_allclose(together.ended[0], alone.ended, atol=1e-10)


# Deep student machine


@pytest.fixture(scope="module")
def machine():
    """The residual of the saddle-point equations at L = 2, yoshino, as a function of the order and alpha."""
    return theory.fixed_point_residual(make_model(2, "spherical", "yoshino", math.inf).update)


@pytest.fixture(scope="module")
def root(machine):
    """The root near a uniform order, compiled."""
    return jax.jit(lambda start, alpha: theory.find_root(machine, uniform(2, start), alpha))


@pytest.mark.parametrize(("alpha", "start"), [(3.0, 0.5), (8.0, 0.9)])
def test_find_root_agrees_with_the_monotone_solver(root, alpha, start):
    found = root(jnp.float64(start), alpha)
    exact = theory.deep_student_machine(2, alpha, closure="yoshino")
    assert found.result == theory.Result.converged
    np.testing.assert_allclose(1 - found.point.weight_gap, exact.weight_overlap, atol=1e-9)
    np.testing.assert_allclose(1 - found.point.spin_gap, exact.spin_overlap[1:-1], atol=1e-9)
    np.testing.assert_allclose(found.radius, exact.radius, rtol=1e-6)


@pytest.mark.slow
def test_branches_of_the_deep_student_machine_end_at_its_spinodals(machine):
    """Against the monotone continuation, and spinodals by bisection."""
    alphas = np.linspace(9.8, 10.1, 7)
    follow = jax.jit(lambda order, alphas: theory.follow_branch(machine, order, alphas))
    (expected,) = theory.coexistences(2, alphas, closure="yoshino")
    for branch, order, end in (
        ("disordered", slice(None), expected.disordered_spinodal),
        ("ordered", slice(None, None, -1), expected.ordered_spinodal),
    ):
        exact = theory.continuation(2, alphas[order], closure="yoshino", branch=branch)
        gaps = (1 - exact.weight_overlap[0], 1 - exact.spin_overlap[0, 1:-1])
        start = type(uniform(2, jnp.zeros(())))(*map(jnp.asarray, gaps))
        found = follow(start, jnp.asarray(alphas[order]))
        assert np.all(found.roots.result == theory.Result.converged)
        np.testing.assert_allclose(1 - found.roots.point.weight_gap, exact.weight_overlap, atol=1e-9)
        np.testing.assert_allclose(found.ended[np.isfinite(found.ended)], [end], atol=2e-5)


# Input


def test_find_root_names_an_illegal_argument():
    with pytest.raises(ConfigError, match="start = arrays of float32"):
        theory.find_root(cubic, jnp.float32(1.0), 0.0)
    with pytest.raises(ConfigError, match="max_steps = 0"):
        theory.find_root(cubic, jnp.float64(1.0), 0.0, max_steps=0)
    with pytest.raises(ConfigError, match="function = 2 residuals: must be of 1"):
        theory.find_root(lambda x, _: jnp.stack([x, x]), jnp.float64(1.0))
    with pytest.raises(ConfigError, match=r"parameters = an array of float64 of shape \(\)"):
        theory.follow_branch(cubic, jnp.float64(1.0), jnp.float64(1.0))
