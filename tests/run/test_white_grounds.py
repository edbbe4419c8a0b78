"""With `skip_white` only pictures whose ground is not white already are bought."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from packshot.run.looking import plan_only
from packshot.world.pictures import decode_upright
from packshot.world.white_ground import MEASURED_SIDE, has_white_ground
from tests.run.nights import KEY, Shop, photo

WHITE = {"skip_white": True}


def product(
    ground: str = "white", size: tuple[int, int] = (1600, 1200), mode: str = "RGB"
) -> Image.Image:
    """A block in the middle of its ground."""
    picture = Image.new(mode, size, ground)
    width, height = size
    middle = (width // 4, height // 4, 3 * width // 4, 3 * height // 4)
    ImageDraw.Draw(picture).rectangle(middle, "teal")
    return picture


def framed() -> Image.Image:
    """A thin dark line along the edge."""
    picture = product()
    ImageDraw.Draw(picture).rectangle((0, 0, 1599, 1199), outline="black")
    return picture


def touching() -> Image.Image:
    """A product that leaves the frame at one side."""
    picture = product()
    ImageDraw.Draw(picture).rectangle((0, 300, 600, 600), "teal")
    return picture


def faded() -> Image.Image:
    """White, and half transparent at the border."""
    picture = product(mode="RGBA")
    picture.putalpha(128)
    return picture


@pytest.mark.parametrize(
    ("picture", "white"),
    [
        (product(), True),
        (product("#fdfdfe"), True),
        (product("#fafafa"), False),
        (product("#ffffe0"), False),
        (framed(), False),
        (touching(), False),
        (faded(), False),
        (product(size=(3, 1)), False),
    ],
    ids=["white", "nearly", "pale", "ivory", "framed", "touching", "faded", "tiny"],
)
@pytest.mark.parametrize("encoding", ["PNG", "JPEG"])
def test_the_border_tells(picture: Image.Image, encoding: str, *, white: bool) -> None:
    """On every channel and opaque; a JPEG is decoded smaller for it."""
    if encoding == "JPEG" and picture.mode == "RGBA":
        encoding = "WEBP"
    body = BytesIO()
    picture.save(body, encoding, quality=85)
    decoded = decode_upright(body.getvalue(), MEASURED_SIDE)
    if encoding == "JPEG" and picture.width == 1600:
        assert decoded.width == 800
    assert has_white_ground(decoded) is white


def stocked(shop: Shop) -> None:
    """One picture on white, two on grey."""
    shop.put("white.png", photo(ground=255))
    shop.put("grey.png", photo(colour=1))
    shop.put("dark.png", photo(colour=2, ground=90))
    shop.list(*(shop.row(name, f"{name}.png") for name in ("white", "grey", "dark")))


def test_a_plan_says_what_it_does_not_know(shop: Shop, tmp_path: Path) -> None:
    """Before the pictures are fetched; one that fetches counts them."""
    stocked(shop)
    plan = plan_only(shop.job(**WHITE), KEY, tmp_path).plan
    assert plan.calls_at_most == 3
    assert any(said.startswith("`skip_white`: 3 pictures are") for said in plan.unknowns)
    (tmp_path / "exact").mkdir()
    exact = plan_only(shop.job(**WHITE), KEY, tmp_path / "exact", fetch=True).plan
    assert exact.calls_at_most == 2
    assert "1 of the fetched pictures: white already" in exact.unknowns


def test_it_is_told_and_remembered(shop: Shop) -> None:
    """With a reason that names the way out; the next night asks for nothing."""
    stocked(shop)
    night = shop.night(**WHITE)
    assert night.outcomes == {"white#1": "skipped", "grey#1": "cut", "dark#1": "cut"}
    row = night.last_of("white")
    assert row is not None
    assert row["reason_code"] == "white_already"
    assert "without `skip_white`" in row["reason"]
    assert night.seen.posts == 2
    again = shop.night(**WHITE)
    assert (again.seen.gets, again.seen.posts) == (0, 0)
    last = again.last_of("white")
    assert last is not None
    assert (last["outcome"], last["reason_code"]) == ("skipped", "white_already")
    bought = shop.night()
    assert bought.outcomes["white#1"] == "cut"
    assert bought.plan.calls_likely == bought.seen.posts == 1
