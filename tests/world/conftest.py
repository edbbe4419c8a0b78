"""One fixture that stands for every kind of store."""

from pathlib import Path

import pytest

from packshot.facts.job import Storage
from packshot.world import claims
from packshot.world.store import Store, open_store


@pytest.fixture(params=["local", "s3"])
def place_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty place: a folder that is not there yet, or a prefix in a bucket."""
    if request.param == "local":
        return str(tmp_path / "place")
    return f"{request.getfixturevalue('bucket_url')}/place"


@pytest.fixture
def place(place_url: str) -> Store:
    """Open that place."""
    return open_store(place_url, Storage())


@pytest.fixture
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a claim looks again at once."""
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.02)
