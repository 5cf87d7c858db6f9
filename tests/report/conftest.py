"""Stored runs, and the page that is made of them."""

from pathlib import Path

import pytest

from dsm.reporting import report
from report.pages import content


@pytest.fixture(scope="session")
def made(stored) -> Path:
    """A folder with a run of each task, and a grid of alpha and depth of the main one."""
    return stored / "report"


@pytest.fixture(scope="session")
def page(made) -> Path:
    return report(made)


@pytest.fixture(scope="session")
def one(made, page) -> Path:
    """A run of three layers."""
    return next(made / run["name"] for run in content(page)["runs"] if run["settings"].get("network.depth") == "3")
