"""A run shows that its places are fit for it before it buys anything."""

import pytest

from packshot.facts.errors import StoreUnavailable
from packshot.world.store import LocalStore
from tests.run.nights import Shop


@pytest.fixture
def _overwriting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores that know no exclusive creation, as some that speak S3 do not."""
    monkeypatch.setattr(LocalStore, "create", LocalStore.write)


@pytest.mark.usefixtures("_overwriting")
def test_a_store_that_overwrites_stops_the_run(shop: Shop) -> None:
    """Two runs could not be told apart there: no call leaves, and nothing is on record."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    with pytest.raises(StoreUnavailable, match="If-None-Match") as raised:
        shop.night()
    assert raised.value.code == "no_exclusive_create"
    assert str(shop.state) in str(raised.value)
    assert shop.market.state.posts == 0
    assert not (shop.state / shop.catalog / "runs").exists()
