"""What tests of whole runs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.nights import Market, Shop


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A provider and a picture host on loopback."""
    with Market(tmp_path_factory.mktemp("cdn")) as market:
        yield market


@pytest.fixture
def shop(market: Market, tmp_path: Path) -> Shop:
    """A shop without pictures yet, on a market that remembers nothing."""
    market.open_anew()
    return Shop(market, tmp_path, name=tmp_path.name)
