"""What the tests of providers share."""

import pytest

from tests.providers.playing import Stage


@pytest.fixture
def stage() -> Stage:
    """An API that does as it is told."""
    return Stage()
