"""Runs of a sweep are joined, and a seed decides what a run finds."""

import numpy as np
import pytest

import dsm
import tiny
from commands import dsm as command_line
from dsm._errors import StoreError

#: All runs here share compiled programs.
ONE = (*tiny.RUNS["sample"], *tiny.QUIET, "run.figures=false")


@pytest.mark.slow
def test_sweep_of_the_command_line_is_joined(tmp_path):
    """The sweep of the README, at a small size, with the basic launcher."""
    command_line(
        *("-m", *ONE, "network.depth=2,4", "seed=range(3)", "observe.quantities=[weight_overlap,test_error,energy]"),
        cwd=tmp_path,
    )
    data = dsm.load_sweep(tmp_path / "runs")
    assert data.sizes["depth"] == 2 and data.sizes["seed"] == 3 and data.sizes["layer"] == 4
    assert np.isnan(data.teacher_weight_overlap_mean.sel(depth=2, layer=4)).all()
    assert not np.isnan(data.teacher_weight_overlap_mean.sel(depth=4)).any()
    (one,) = (tmp_path / "runs").glob("quickstart/*network.depth=4*/seed=2")
    np.testing.assert_array_equal(data.test_error.sel(depth=4, seed=2), dsm.load(one).test_error)
    assert data.seed.values.tolist() == [0, 1, 2]


@pytest.mark.slow
def test_sweep_over_beta_joins_along_beta(tmp_path):
    for beta in ("inf", "1", "[0.5,2]"):
        dsm.run(*ONE, f"run.root={tmp_path}", f"sampler.beta={beta}")
    assert dsm.load_sweep(tmp_path).beta.values.tolist() == [0.5, 1.0, 2.0, np.inf]


@pytest.mark.slow
def test_sweep_over_ladders_keeps_them_apart(tmp_path):
    for ladder in ("[0.5,1]", "[0.5,2,3]"):
        words = ("sampler=exchange", f"sampler.beta={ladder}", "observe.quantities=[energy]")
        dsm.run(*ONE, f"run.root={tmp_path}", *words)
    data = dsm.load_sweep(tmp_path)
    assert data.beta.values.tolist() == [0.5, 1, 2, 3] and data.pair.values.tolist() == [0.5, 2]
    assert data["sampler.beta"].values.tolist() == ["[0.5, 1]", "[0.5, 2, 3]"]
    last = data.energy_mean.isel(sweep=-1).transpose("sampler.beta", "beta")
    np.testing.assert_array_equal(last.notnull(), [[1, 1, 0, 0], [1, 0, 1, 1]])


@pytest.mark.quick
def test_loading_without_runs_is_an_error():
    with pytest.raises(StoreError, match="is not a run directory"):
        dsm.load("/nonexistent")
    with pytest.raises(StoreError, match="/nonexistent: there is no such folder"):
        dsm.load_sweep("/nonexistent")


@pytest.mark.slow
def test_seed_decides_what_a_run_finds(tmp_path):
    first, again, other = (
        dsm.load(dsm.run(*ONE, f"run.root={tmp_path / name}", f"seed={seed}"))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    np.testing.assert_array_equal(first.test_error, again.test_error)
    assert not np.array_equal(first.test_error, other.test_error)
