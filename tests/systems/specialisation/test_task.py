"""Runs of deep students: results, sweeps, digits, the L-shape."""

import re

import numpy as np
import pytest

import dsm
from commands import results
from dsm._errors import ConfigError

#: A run of a second.
SMALL = ("task=specialisation", "network.width=6", "network.teachers=3", "network.multi=2", "network.outputs=4",
         "data.patterns=30", "data.test_patterns=40", "data.samples=2", "training.iterations=5", "training.epochs=4",
         "run.progress=none", "run.figures=false")  # fmt: skip


@pytest.mark.quick
def test_preset_of_another_task_is_refused():
    with pytest.raises(ConfigError, match=r"data=iid .* gaussian_set"):
        dsm.compose("task=specialisation", "data=iid")


@pytest.mark.slow
def test_dataset_of_a_run(tmp_path):
    found = results(dsm.run(*SMALL, "network.decay=[0,1]", "training.lr=[0.05,0.1]", f"run.root={tmp_path}"))
    axes = ("sample", "decay", "lr")
    assert found.test_loss.dims == (*axes, "epoch") and found.epoch.values.tolist() == [0, 1, 2, 3, 4]
    assert found.teacher_best_correlation.dims == (*axes, "inputs", "layer", "teacher", "epoch")
    assert found.teacher_specialisation.dims == (*axes, "inputs", "layer", "student", "epoch")
    assert found.teacher_strength.dims == ("sample", "decay", "layer", "teacher")
    assert found.sizes == {**found.sizes, "sample": 2, "decay": 2, "lr": 2, "teacher": 3, "student": 6, "layer": 1}
    assert found.decay.values.tolist() == [0, 1] and "student_2" not in found.dims
    # Teachers of one sample differ in strengths only, by i**-p; inputs and starts make the rest.
    ratio = found.teacher_strength.sel(decay=1) / found.teacher_strength.sel(decay=0)
    np.testing.assert_allclose(ratio, np.broadcast_to(1 / np.arange(1, 4), (2, 1, 3)), rtol=1e-5)
    assert found.test_loss_mean.dims == ("decay", "lr", "epoch")
    late, early = found.train_loss.isel(epoch=-1), found.train_loss.isel(epoch=0)
    assert float(late.mean()) < float(early.mean())


@pytest.mark.slow
def test_sweep_over_lists_of_decays_joins_along_decay(tmp_path):
    for decay in ("0", "[1,2]"):
        dsm.run(*SMALL, f"network.decay={decay}", "observe.quantities=[test_loss]", f"run.root={tmp_path}")
    joined = dsm.load_sweep(tmp_path)
    assert joined.decay.values.tolist() == [0, 1, 2] and "network.decay" not in joined.dims
    assert joined.test_loss_mean.notnull().all()


@pytest.mark.slow
def test_loss_that_is_not_finite_is_logged(tmp_path, caplog):
    dsm.run(*SMALL, "training.lr=[0.01,1e4]", "observe.quantities=[test_loss]", f"run.root={tmp_path}")
    assert re.search(r"test loss is not finite .*training.lr = \[0.01, 10000.0\]", caplog.text)


@pytest.mark.slow
def test_list_of_decays_is_that_of_single_runs(tmp_path):
    """Teachers, inputs and the first student do not depend on what else is run."""
    both, alone = (
        results(dsm.run(*SMALL, f"network.decay={decay}", "observe.quantities=[test_loss]", f"run.root={tmp_path}"))
        for decay in ("[0,1]", "[0]")
    )
    np.testing.assert_allclose(both.test_loss.isel(decay=0), alone.test_loss.isel(decay=0), rtol=1e-5)


@pytest.mark.slow
def test_tiny_students_form_the_l_shape(tmp_path):
    """Student units that match no teacher unit lose their fan-out, and strong teacher units are found first (T1, T3)."""
    path = dsm.run(
        "task=specialisation", "network.width=10", "network.teachers=3", "network.multi=4", "network.outputs=6",
        "network.decay=1", "data.patterns=1000", "data.test_patterns=500", "data.samples=6", "training.lr=0.05",
        "training.iterations=500", "training.epochs=12", "run.progress=none", f"run.root={tmp_path}",
        "observe.quantities=[test_loss,best_correlation,specialisation,fan_out_norm]",
    )  # fmt: skip
    found = results(path).sel(inputs="test").isel(decay=0, lr=0, layer=0)
    solved = (
        found.test_loss.isel(epoch=-1) < 1e-5
    )  # one of six stays at a solution in which no unit matches the weakest
    assert int(solved.sum()) >= 5
    last = found.isel(epoch=-1, sample=solved.values)
    alike, weight = last.teacher_specialisation.values.ravel(), last.fan_out_norm.values.ravel()
    # Whoever has weight has specialised: nothing stands far from both arms of the L.
    assert (weight > 0.2).sum() >= 20 and alike[weight > 0.2].min() > 0.95
    assert (alike < 0.9).sum() >= 3 and weight[alike < 0.9].max() < 0.2
    assert float(last.teacher_best_correlation.min()) > 0.99
    best = found.teacher_best_correlation.mean("sample").isel(epoch=1)
    assert float(best[0]) > 0.95 and (np.diff(best) < 0).all()  # after the first epoch in the order of strength
    assert float(last.baseline_best_correlation.mean()) < 0.8
    assert {file.name for file in (path / "figures").iterdir()} == {"learning.png", "l_shape.png"}


@pytest.mark.slow
def test_students_learn_the_classes_of_digits(tmp_path):
    pytest.importorskip("sklearn")
    path = dsm.run(
        *SMALL, "data=digits_set", "data.samples=1", "data.patterns=400", "data.test_patterns=200", "data.labels=classes",
        "network.outputs=10", "network.teachers=5", "training.loss=cross_entropy", "training.lr=0.1",
        "training.iterations=200", "+training.start.std=0.1", f"run.root={tmp_path}",
        "observe.quantities=[test_loss,misclassified,best_correlation]",
    )  # fmt: skip
    found = results(path)
    assert dsm.load(path).attrs["network.width"] == 64
    wrong = found.misclassified.isel(sample=0, decay=0, lr=0).sel(inputs="test")
    assert float(wrong[0]) > 0.7 and float(wrong[-1]) < 0.25


@pytest.mark.slow
def test_quantities_where_the_lowest_layer_is_the_narrowest(tmp_path):
    words = ("network=relu_deep", *SMALL, "network.teachers=[2,3]", "run.figures=false", "run.progress=none")
    found = dsm.load(dsm.run(*words, f"run.root={tmp_path}"))
    assert found.sizes["teacher"] == 3
    angles = found.teacher_hyperplane_angle_mean.isel(epoch=-1).values.reshape(-1, 3)
    assert np.isfinite(angles[:, :2]).all() and np.isnan(angles[:, 2]).all()
