"""Fixtures for the tests of the deep perceptron."""

import pytest


@pytest.fixture
def compiled(request: pytest.FixtureRequest) -> None:
    """Compile programs as the case says: `optimised`, as users run them, or `plain`, as tests do."""
    if request.param == "optimised":
        request.getfixturevalue("optimised")
