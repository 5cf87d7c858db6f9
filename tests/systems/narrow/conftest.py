"""A run of narrow networks that several tests read."""

from pathlib import Path

import pytest

import dsm
from narrow_problems import SMALL

SETTINGS = (*SMALL, "training.dynamics.name=hmc", "+training.dynamics.leapfrogs=3", "+training.dynamics.adapt=6",
            "data.alpha=[0.5,1.5]", "training.temperature=[0.01,0.1]", "training.replicas=3", "run.figures=true",
            "observe.quantities=[test_error,train_error,overlap]")  # fmt: skip


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """Two samples of three replicas at two alphas and two temperatures, by HMC."""
    return dsm.run(*SETTINGS, f"run.dir={tmp_path_factory.mktemp('narrow') / 'run'}")
