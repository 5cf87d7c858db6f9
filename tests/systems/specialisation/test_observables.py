"""What is measured of deep networks, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dsm import data
from dsm.networks import Affine, DeepNetwork
from dsm.observables import Measures
from dsm.observables.deep_network import OBSERVABLES, correlations, take_snapshot
from dsm.training.network_starts.normal import Normal
from relu_networks import by_hand, problem_of


@pytest.fixture(scope="module")
def problem() -> data.DeepProblem:
    return problem_of()


@pytest.fixture(scope="module")
def student(problem) -> DeepNetwork:
    """Two units for each of the teacher, with weights of order 1."""
    return Normal(0.7).draw(jax.random.key(4), (6, 8, 6, 5), problem.teacher)


def measured(network: DeepNetwork, problem: data.DeepProblem) -> dict[str, np.ndarray]:
    """All quantities of a network, by name."""
    chosen = [OBSERVABLES.get(name)() for name in OBSERVABLES.names]
    measures = Measures(tuple(part for part in chosen if part.applies(problem)))

    @jax.jit
    def record(network):
        teacher = jax.tree.map(lambda leaf: leaf[None], take_snapshot(problem.teacher, problem))
        return measures.record("student", take_snapshot(network, problem), teacher, ("teacher",))

    return {name: np.asarray(value) for name, value in record(network).items()}


def test_measures_equal_numpy(problem, student):
    found = measured(student, problem)
    for place, inputs in enumerate((problem.test_inputs, problem.train_inputs)):
        own, seen = by_hand(student, inputs)[0], by_hand(problem.teacher, inputs)[0]
        for layer, (k, j) in enumerate(zip(own, seen, strict=True)):
            with np.errstate(invalid="ignore", divide="ignore"):
                rho = np.nan_to_num(np.corrcoef(j.T, k.T)[: j.shape[1], j.shape[1] :])
            of_layer = found["teacher_correlation"][place, layer]
            np.testing.assert_allclose(of_layer[: j.shape[1], : k.shape[1]], rho, atol=1e-4)
            assert np.isnan(of_layer[j.shape[1] :]).all() and np.isnan(of_layer[:, k.shape[1] :]).all()
            best = found["teacher_best_correlation"][place, layer]
            np.testing.assert_allclose(best[: j.shape[1]], rho.max(1), atol=1e-4)
            special = found["teacher_specialisation"][place, layer]
            np.testing.assert_allclose(special[: k.shape[1]], rho.max(0), atol=1e-4)
            counts = (rho[None] > np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95])[:, None, None]).sum(-1)
            np.testing.assert_array_equal(found["teacher_matched_units"][place, layer][:, : j.shape[1]], counts)
            both = (j > 0).T.astype(float) @ (k > 0)
            seen_by = np.minimum(both, (k > 0).sum(0) - both) / len(inputs)
            of_layer = found["teacher_observation"][place, layer]
            np.testing.assert_allclose(of_layer[: j.shape[1], : k.shape[1]], seen_by, atol=1e-6)
    square = (by_hand(student, problem.test_inputs)[1] - by_hand(problem.teacher, problem.test_inputs)[1]) ** 2
    np.testing.assert_allclose(found["test_loss"], square.mean(), rtol=1e-4)
    np.testing.assert_allclose(
        found["fan_out_norm"][1, :6], np.linalg.norm(student.layers[2].weights, axis=0), rtol=1e-5
    )
    w, wt = (np.asarray(n.layers[0].weights, np.float64) for n in (student, problem.teacher))
    b, bt = (np.asarray(n.layers[0].bias, np.float64) for n in (student, problem.teacher))
    lengths, teachers = np.linalg.norm(w, axis=1), np.linalg.norm(wt, axis=1)
    cosines = (wt / teachers[:, None]) @ (w / lengths[:, None]).T
    np.testing.assert_allclose(found["teacher_hyperplane_angle"], np.arccos(cosines.max(1)), rtol=1e-4)
    nearest = cosines.argmax(1)
    offset = np.abs((b / lengths)[nearest] - bt / teachers)
    np.testing.assert_allclose(found["teacher_hyperplane_offset"], offset, atol=1e-6)
    assert "misclassified" not in found and "teacher_fan_out_overlap" not in found  # they have no meaning here


def test_strength_is_the_norm_of_the_jacobian(problem, student):
    """V(x) = W_3 in the upper layer and W_3 D_2(x) W_2 in the lower one."""
    hidden, _ = by_hand(student, problem.test_inputs)
    w2, w3 = (np.asarray(layer.weights, np.float64) for layer in student.layers[1:])
    jacobian = np.einsum("ck,pk,kj->pcj", w3, hidden[1] > 0, w2)
    found = measured(student, problem)["strength"]
    np.testing.assert_allclose(found[0], np.sqrt((jacobian**2).sum(1).mean(0)), rtol=1e-4)
    np.testing.assert_allclose(found[1, :6], np.linalg.norm(w3, axis=0), rtol=1e-5)
    np.testing.assert_allclose(found[1, :6], measured(student, problem)["fan_out_norm"][1, :6], rtol=1e-5)


def test_gradient_of_two_layers_follows_from_overlaps():
    """g(x) = D(x) (beta f - alpha f*), alpha and beta from the fan-outs, where no readout has a bias."""
    problem = problem_of((6, 4, 5), bias=0.0)
    student = Normal(0.7).draw(jax.random.key(4), (6, 8, 5), problem.teacher)
    found = measured(student, problem)
    (own,), _ = by_hand(student, problem.train_inputs)
    (seen,), _ = by_hand(problem.teacher, problem.train_inputs)
    alpha, beta = found["teacher_fan_out_overlap"], found["fan_out_self_overlap"]
    gradients = (own > 0) * (own @ beta.T - seen @ alpha.T)
    norms = np.linalg.norm(gradients, axis=1)
    np.testing.assert_allclose(found["gradient_norm"][0], np.quantile(norms, [0.5, 0.9, 0.99, 1]), rtol=1e-4)


def test_teacher_is_a_perfect_student(problem):
    """Correlation 1, no loss, no gradient, no angle; and with doubled units just the same."""
    doubled = DeepNetwork(
        (
            Affine(jnp.repeat(problem.teacher.layers[0].weights, 2, 0), jnp.repeat(problem.teacher.layers[0].bias, 2)),
            Affine(
                jnp.repeat(jnp.repeat(problem.teacher.layers[1].weights, 2, 0), 2, 1) / 2,
                jnp.repeat(problem.teacher.layers[1].bias, 2),
            ),
            Affine(jnp.repeat(problem.teacher.layers[2].weights, 2, 1) / 2, problem.teacher.layers[2].bias),
        ),
        problem.teacher.activation,
    )
    for network in (problem.teacher, doubled):
        found = measured(network, problem)
        assert found["test_loss"] < 1e-12 and found["train_loss"] < 1e-12
        active = ~np.isnan(found["teacher_best_correlation"])
        silent = found["teacher_best_correlation"] == 0  # a unit that no input activates
        assert silent.sum() <= 2
        np.testing.assert_allclose(found["teacher_best_correlation"][active & ~silent], 1, atol=1e-5)
        assert found["gradient_norm"].max() < 1e-5
        assert found["teacher_hyperplane_angle"].max() < 1e-3 and found["teacher_hyperplane_offset"].max() < 1e-6


def test_permuted_units_permute_their_measures(problem, student):
    """Measures of the network and of teacher units stay; those of student units go along."""
    rng = np.random.default_rng(1)
    orders = [rng.permutation(8), rng.permutation(6)]
    lower, middle, upper = student.layers
    permuted = DeepNetwork(
        (
            Affine(lower.weights[orders[0]], lower.bias[orders[0]]),
            Affine(middle.weights[orders[1]][:, orders[0]], middle.bias[orders[1]]),
            Affine(upper.weights[:, orders[1]], upper.bias),
        ),
        student.activation,
    )
    before, after = measured(student, problem), measured(permuted, problem)
    by_student = {"specialisation", "correlation", "observation", "fan_out_norm", "strength"}
    for name, values in before.items():
        if name.removeprefix("teacher_") in by_student:
            expected = values.copy()
            for layer, order in enumerate(orders):
                place = layer if name in ("fan_out_norm", "strength") else (slice(None), layer)
                expected[place][..., : len(order)] = np.take(values[place], order, axis=-1)
            values = expected
        np.testing.assert_allclose(after[name], values, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.quick
def test_correlation_of_a_constant_unit_is_zero():
    units = jnp.asarray(np.random.default_rng(0).normal(size=(20, 2)), jnp.float32)
    found = np.asarray(
        correlations(units, jnp.concatenate([units[:, :1] * -3, jnp.full((20, 1), 2.0, jnp.float32)], 1))
    )
    np.testing.assert_allclose(found[0], [-1, 0], atol=1e-6)
    assert np.isfinite(found).all()
