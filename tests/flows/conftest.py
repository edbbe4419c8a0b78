"""A small catalog, a stored key, and a provider that takes its time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState, Settings
from tests.flows.catalogs import STORE_A_KEY, Catalog, drawn
from tests.flows.served import Prefect


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A new catalog."""
    return drawn(tmp_path)


@pytest.fixture(scope="session")
def stored_key(prefect: Prefect) -> None:
    """A key that only the Secret block holds."""
    prefect.command("-c", STORE_A_KEY)


@pytest.fixture
def slow_api(stored_key: None) -> Iterator[Sandbox]:
    """A provider that takes its time."""
    del stored_key
    settings = Settings(latency_seconds=(60.0, 60.0), cutouts="canned")
    with Sandbox(SandboxState(settings)) as running:
        yield running
