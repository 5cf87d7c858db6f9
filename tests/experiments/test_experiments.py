"""Every experiment can be planned as it is, and runs at a small size."""

import contextlib

import jax
import numpy as np
import pytest

import dsm
from commands import ROOT
from dsm.tasks import TASKS
from experiment_runs import EXPERIMENTS, FOLDERS, TINY, assert_alike, runs_of
from helpers import fits

#: One that runs soon; test_task_contract.py runs every task.
SOON = "deep_limit"
#: Figures of a run that draws all it can, where they do not depend on what is observed.
FIGURES = {"online_sgd": {"online_sgd.png"}, "specialisation": {"learning.png", "l_shape.png"},
           "narrow": {"learning.png", "alpha.png"}}  # fmt: skip


def test_every_experiment_has_a_small_run_and_a_page():
    assert sorted(TINY) == EXPERIMENTS
    for name in EXPERIMENTS:
        assert (ROOT / "experiments" / name / "README.md").exists() or name == "quickstart"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.quick] * (name == "sgd_curves")) for name in EXPERIMENTS]
)
def test_experiment_is_planned(name):
    """Settings are checked, memory is counted, problems and chains have shapes: nothing is compiled and nothing runs."""
    config = dsm.compose(f"experiment={name}", "run.memory_gib=1e4")
    task = TASKS[config.task]
    with jax.enable_x64(True) if task.x64 else contextlib.nullcontext():
        job = task.build(config)
        progress = jax.eval_shape(lambda: job.driver().begin())
    assert job.due == sorted(set(job.due)) and job.due[-1] > 0
    assert progress.t.shape == () and jax.tree.leaves(progress.state)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == SOON else pytest.mark.slow) for name in EXPERIMENTS]
)
def test_experiment_runs_at_tiny_size(name, stored, tmp_path, monkeypatch):
    """The runs and what they leave, which is like what the archive has: test_figures.py draws the figure of that."""
    monkeypatch.chdir(tmp_path)
    for words in runs_of(name):
        path = dsm.run(*words, "run.root=experiments", "run.progress=none")
        assert path.is_relative_to(tmp_path / "experiments" / name)
        assert_alike(path, stored / path.relative_to(tmp_path))
        found = {entry.name for entry in path.iterdir()}
        assert found >= {"config.yaml", "manifest.json", "results.nc", "figures", "log.txt", "DONE"}
        figures = {figure.name for figure in (path / "figures").iterdir()}
        assert all(fits(figure) for figure in (path / "figures").iterdir())
        data = dsm.load(path)
        task = data.attrs["task"]
        if task != "sample":
            assert "learning.png" in figures or figures == FIGURES[task]
            assert figures <= FIGURES[task]
            assert data.attrs["complete"] == 1
            continue
        assert "checkpoints" in found
        assert {"learning_curves.png"} <= figures
        assert figures <= {"learning_curves.png", "overlap_profile.png", "two_time_overlap.png", "equilibrium.png"}
        assert data.attrs["complete"] == 1 and data.attrs["experiment"] == name
        assert data.energy.dims == ("sample", "beta", "replica", "sweep")
        assert all({"long_name", "units"} <= set(variable.attrs) for variable in data.data_vars.values())
        if data.attrs["sampler.start"] == "random" and data.attrs["sampler.beta"] == np.inf:
            assert float(data.energy.isel(sweep=-1).max()) <= float(data.energy.sel(sweep=0).max())


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["pieces", "above", "widths", "figures"])
def test_stored_runs_are_like_new_ones(folder, stored, tmp_path, monkeypatch):
    """Runs beside those of experiments and pages."""
    monkeypatch.chdir(tmp_path)
    for words in FOLDERS[folder]():
        path = dsm.run(*words, f"run.root={folder}", "run.progress=none", "run.figures=false")
        assert_alike(path, stored / path.relative_to(tmp_path))


@pytest.mark.slow
def test_equilibrium_run_has_convergence_statistics(tmp_path):
    path = dsm.run(
        *("experiment=quickstart", f"run.root={tmp_path}", "run.progress=none", "run.figures=false", "network.width=4"),
        *("sampler=metropolis", "observe=equilibrium", "data.samples=2", "sampler.sweeps=400", "observe.every=4"),
        *("observe.burn_in=100", "sampler.beta=[0.05,0.2]", "data.test_patterns=50", "observe.theory=false"),
    )
    data = dsm.load(path)
    assert data.energy_ess.dims == ("sample", "beta") and float(data.energy_ess.min()) > 20
    assert data.energy_rhat.max() < 1.3
    assert data.teacher_weight_overlap_ess.dims == ("sample", "beta", "layer")
    # The colder, the lower the energy.
    late = data.energy.sel(sweep=slice(100, None)).mean(("replica", "sweep"))
    assert bool((late.isel(beta=1) < late.isel(beta=0)).all())
