"""Runs of narrow networks: results, theory beside them, warnings."""

import math
import re

import jax
import numpy as np
import pytest

import dsm
from commands import results
from dsm._errors import ConfigError
from dsm.tasks.narrow._build import make_driver, plan
from experiment_runs import DRAWN
from narrow_problems import SMALL

RELU = "network.activation.name=relu"


@pytest.mark.quick
def test_outputs_with_a_large_mean_are_refused(tmp_path):
    with pytest.raises(
        ConfigError, match=r"network.second_layer = equal: must be balanced, or network.mean_subtraction"
    ):
        dsm.run(*SMALL, RELU, f"run.root={tmp_path}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "adapt", "warned"), [("hmc", 8, True), ("mala", 9, True), ("hmc", 7, False)])
def test_run_that_ends_while_steps_are_adapted_is_logged(name, adapt, warned, caplog):
    config = dsm.compose(*SMALL, f"training.dynamics.name={name}", f"training.dynamics.adapt={adapt}")
    key = jax.random.key(0)
    make_driver(config, key, *plan(config, key))
    found = re.search(rf"training.steps = 8: .* first {adapt} steps \(training.dynamics.adapt\)", caplog.text)
    assert bool(found) == warned


@pytest.mark.slow
def test_steps_that_are_too_large_are_logged(tmp_path, caplog):
    dsm.run(*SMALL, f"run.root={tmp_path}")
    assert "training.lr" not in caplog.text
    dsm.run(*SMALL, "training.lr=8", "training.steps=40", f"run.root={tmp_path}")
    assert re.search(r"langevin at training.lr = 8 is not near exp\(-E / T\)", caplog.text)


@pytest.mark.slow
def test_test_error_that_is_not_finite_is_logged(tmp_path, caplog):
    down = ("training.dynamics.name=gradient_descent", "training.temperature=0", "network.activation.name=square",
            "network.second_layer=balanced")  # fmt: skip
    dsm.run(*SMALL, *down, "training.lr=8", f"run.root={tmp_path}")
    assert re.search(r"test error is not finite .*training.lr = 8.0", caplog.text)


@pytest.mark.slow
def test_dataset_of_a_run(tmp_path):
    run = dsm.run(*DRAWN["narrow/hmc"], f"run.root={tmp_path}", "run.progress=none")
    found = results(run)
    problems = ("sample", "alpha", "temperature", "weight_decay")
    assert found.test_error.dims == (*problems, "replica", "step") and found.step.values.tolist() == [*range(7), 8]
    assert found.baseline_test_error.dims == found.teacher_train_error.dims == problems
    assert found.sizes == {**found.sizes, "sample": 2, "alpha": 2, "temperature": 2, "weight_decay": 1, "replica": 3}
    assert found.alpha.values.tolist() == [0.5, 1.5] and "unit" not in found.dims
    assert found.test_error_mean.dims == (*problems[1:], "step")
    assert float(found.acceptance.isel(step=-1).min()) > 0 and (found.teacher_train_error < 0.04).all()
    # Replicas see the same patterns; their pairs are (0, 1), (1, 2), (2, 0).
    assert float(np.ptp(found.train_error.isel(step=0).values, axis=4).min()) > 0
    assert {file.name for file in (run / "figures").iterdir()} == {"learning.png", "alpha.png"}


@pytest.mark.slow
def test_one_unit_has_no_theory_with_terms_in_1_over_k(tmp_path, caplog):
    one = (*SMALL, "observe.theory=true", "network.units=1", "network.second_layer=equal")
    caplog.set_level("INFO", "dsm")
    found = dsm.load(dsm.run(*one, f"run.root={tmp_path}", "observe.dressing=entropy"))
    assert "observe.dressing = entropy" in caplog.text and "theory_test_error" not in found
    found = dsm.load(dsm.run(*one, f"run.root={tmp_path}", "observe.dressing=none"))
    assert np.isfinite(found.theory_test_error).all()


@pytest.mark.slow
def test_list_of_alphas_is_that_of_single_runs(tmp_path):
    """Patterns are nested, and means that are subtracted are over the patterns that are shown."""
    quantities = "observe.quantities=[test_error,train_error,energy]"
    settings = (*SMALL, RELU, "network.mean_subtraction=true", "training.replicas=1", quantities)
    # A chain is named by its places along the axes: the first alpha of a list has the numbers of a run of its own.
    both, alone = (
        results(dsm.run(*settings, f"data.alpha={alpha}", f"run.root={tmp_path}")) for alpha in ("[0.5,1.5]", "[0.5]")
    )
    for name in ("test_error", "train_error", "energy"):
        np.testing.assert_allclose(both[name].isel(alpha=0), alone[name].isel(alpha=0), rtol=1e-4)
    assert not np.allclose(both.energy.isel(alpha=1), alone.energy.isel(alpha=0), rtol=0.01)


@pytest.mark.slow
def test_classification_learns_with_units_of_norm_1(tmp_path):
    """As in arXiv:2507.00629: perceptron loss, units of norm 1."""
    path = dsm.run(
        *SMALL, "data.labels=classification", "training.loss=perceptron", "training.normalise=true",
        "training.temperature=1e-4", "training.weight_decay=0", "network.width=20", "data.alpha=6", "training.steps=200",
        "training.lr=0.01", "data.test_patterns=500", f"run.root={tmp_path}",
        "observe.quantities=[test_error,train_error,posterior_error,self_overlap]",
    )  # fmt: skip
    found = results(path)
    assert "student_posterior_error" not in found
    np.testing.assert_allclose(found.self_overlap, 1 / 20, rtol=1e-4)
    error = found.test_error_mean.squeeze()
    assert float(error[-1]) < 0.25 < 0.4 < float(error[0])
    assert abs(float(found.baseline_test_error_mean.squeeze()) - 0.5) < 0.15
    assert math.isclose(float(found.alpha[0]), 6)
