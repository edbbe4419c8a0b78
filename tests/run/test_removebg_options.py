"""What only remove.bg's wire format knows, through whole nights."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from packshot.facts.errors import BadOption
from tests.run.nights import Night, Shop, photo

BY_URL = {"removebg": {"source_by_url": True}}
MASK = {"removebg": {"channels": "alpha"}}


@pytest.fixture
def mug(shop: Shop) -> Shop:
    """A shop with one picture."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    return shop


def published(shop: Shop) -> np.ndarray:
    """The one finished picture, RGBA."""
    (file,) = (shop.folder / "out").rglob("*.png")
    return np.asarray(Image.open(file).convert("RGBA"))


def behind(file: Path) -> dict[str, object]:
    """A purchase with a picture behind the product."""
    return {"removebg": {"background_image_file": str(file)}}


def bought(night: Night) -> int:
    """How many calls were charged."""
    return night.seen.posts


def test_a_mask_alone_makes_the_same_cutout(shop: Shop) -> None:
    """The colours are the source's own, and the alpha is the one that a ZIP would have held."""
    shop.market.state.change({"cutouts": "studio"})
    shop.pictures.mkdir(parents=True, exist_ok=True)
    drawn = Image.open(BytesIO(photo(3, (240, 180)))).convert("RGB")
    drawn.save(shop.pictures / "mug.jpg", quality=95)
    shop.list(shop.row("mug", "mug.jpg"))
    shop.night()
    whole = published(shop)
    (shop.folder / "out").rename(shop.folder / "before")
    night = shop.night(paid=MASK)
    assert night.outcomes.popitem()[1] == "cut"
    masked = published(shop)
    assert np.array_equal(masked[..., 3], whole[..., 3])
    solid = whole[..., 3] > 250
    assert np.abs(masked[solid].astype(int) - whole[solid].astype(int)).mean() < 6
    refreshed = shop.night(paid=MASK, variants=[{"name": "small", "longest_side": 64}])
    assert bought(refreshed) == 0


def test_the_picture_behind_is_part_of_what_is_bought(mug: Shop, tmp_path: Path) -> None:
    """By its content: a file that moves costs nothing, one that changes is another purchase."""
    wood, oak = tmp_path / "wood.png", tmp_path / "oak.png"
    Image.new("RGB", (60, 60), (120, 80, 40)).save(wood)
    assert bought(mug.night(paid=behind(wood))) == 1
    assert tuple(published(mug)[0, 0]) == (120, 80, 40, 255)
    wood.rename(oak)
    assert bought(mug.night(paid=behind(oak))) == 0
    Image.new("RGB", (60, 60), (10, 20, 30)).save(oak)
    assert bought(mug.night(paid=behind(oak))) == 1


def test_a_background_that_is_not_there_stops_before_anything(mug: Shop, tmp_path: Path) -> None:
    """The sentence names the file."""
    with pytest.raises(
        BadOption, match=r"`background_image_file` .*wood\.png cannot be read; check it"
    ):
        mug.night(paid=behind(tmp_path / "wood.png"))
    assert mug.market.state.posts == 0


def test_a_source_by_url_belongs_to_its_url_alone(shop: Shop) -> None:
    """Equal bytes are one purchase, unless the provider fetches them from two places by itself."""
    shop.draw("mug.png")
    shop.draw("copy.png")
    shop.list(shop.row("mug", "mug.png"), shop.row("copy", "copy.png"))
    assert bought(shop.night()) == 1
    assert bought(shop.night(paid=BY_URL)) == 2
    assert bought(shop.night(paid=BY_URL)) == 0
    shop.list(shop.row("mug", "mug.png"), shop.row("copy", "copy.png"), shop.row("cup", "mug.png"))
    assert bought(shop.night(paid=BY_URL)) == 0


def test_a_source_that_is_no_web_picture_is_uploaded(shop: Shop, tmp_path: Path) -> None:
    """A provider cannot fetch a file of this machine."""
    (tmp_path / "here.png").write_bytes(photo(1))
    shop.list({"sku": "mug", "image_url": str(tmp_path / "here.png"), "position": "1"})
    night = shop.night(paid=BY_URL, allow_local=True)
    assert list(night.outcomes.values()) == ["cut"]


@pytest.mark.parametrize(
    ("provider", "refused"),
    [
        ("leonardo", {"channels": "alpha", "source_by_url": True}),
        ("bgeraser", {"scale": "50%"}),
        ("photoroom", {"position": "center"}),
    ],
)
def test_what_another_provider_would_pass_over_is_named(
    mug: Shop, provider: str, refused: dict[str, object]
) -> None:
    """Before anything is bought."""
    words = ", ".join(f"`paid.removebg.{word}`" for word in sorted(refused))
    with pytest.raises(BadOption, match=rf"`{provider}` would pass {words} over"):
        mug.night(provider=provider, provider_url=mug.market.url, paid={"removebg": refused})


def test_bgeraser_takes_the_words_of_remove_bg_by_its_second_surface(mug: Shop) -> None:
    """The same margin is left around the product, as it would be there."""
    drop_in = {"bgeraser": {"surface": "removebg"}}
    to = {"provider": "bgeraser", "provider_url": f"{mug.market.url}/v1.0"}
    mug.night(**to, provider_settings=drop_in, paid={"crop": True})
    height, width = published(mug).shape[:2]
    (mug.folder / "out").rename(mug.folder / "before")
    wide = {"crop": True, "removebg": {"crop_margin": "10px"}}
    mug.night(**to, provider_settings=drop_in, paid=wide)
    assert published(mug).shape[:2] == (height + 20, width + 20)
