"""Pictures found in the wild, where they are at hand, on their way through a whole night."""

import shutil
from pathlib import Path

import pytest

from tests.run.nights import Shop

HOSTILE = Path(__file__).parents[3] / "shared" / "images" / "hostile"
ENDINGS: dict[str, str] = {}


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared hostile pictures are not here")
def test_every_picture_ends_as_it_should(shop: Shop) -> None:
    """Whatever can be read is bought once, what is cut out or broken is not bought at all."""
    names = sorted(file.name for file in HOSTILE.iterdir())
    shop.pictures.mkdir()
    for name in names:
        shutil.copy(HOSTILE / name, shop.pictures / name)
    shop.list(*(shop.row(name, name) for name in names))
    night = shop.night()
    told = {
        row["sku"]: " ".join(filter(None, (row["outcome"], row["reason_code"])))
        for row in night.report.to_dict("records")
    }
    assert told == ENDINGS
    assert night.seen.posts == sum(ending == "cut" for ending in told.values())
