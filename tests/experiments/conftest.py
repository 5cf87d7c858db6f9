"""Stored runs of the experiments."""

from pathlib import Path

import pytest

from experiment_runs import unpack


@pytest.fixture(scope="session")
def stored(tmp_path_factory) -> Path:
    """The results of small runs, by folder."""
    return unpack(tmp_path_factory.mktemp("stored"))
