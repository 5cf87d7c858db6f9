"""Hyper-parameter search: Hydra's Optuna sweeper minimises what a run returns, as docs/tracking.md shows it."""

import pytest
import yaml

from commands import TINY, dsm


@pytest.mark.slow
def test_optuna_minimises_the_test_error(tmp_path):
    words = ("-m", *TINY, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "hydra.sweeper.sampler.seed=0")
    done = dsm(*words, "data.alpha=interval(0.5, 6)", cwd=tmp_path)
    assert done.returncode == 0
    found = yaml.safe_load(next(tmp_path.rglob("optimization_results.yaml")).read_text())
    assert found["name"] == "optuna" and 0.5 <= found["best_params"]["data.alpha"] <= 6
    values = {}
    for path in tmp_path.rglob("DONE"):
        settings = yaml.safe_load((path.parent / "config.yaml").read_text())
        values[settings["data"]["alpha"]] = yaml.safe_load(path.read_text())["value"]
    assert len(values) == 4
    assert found["best_value"] == min(values.values()) == values[found["best_params"]["data.alpha"]]
