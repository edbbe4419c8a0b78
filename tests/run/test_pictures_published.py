"""What lies at the destination after a night, and when an earlier picture stays."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.run.nights import Night, Shop

MUG = "mug"
WHITE = [
    {"name": "shop", "format": "jpeg", "background": "fff", "square": True, "longest_side": 64},
    {"name": "web", "format": "webp", "crop": True, "margin": 0.1},
    {"name": "master"},
]


def published(shop: Shop, night: Night) -> dict[str, Path]:
    """Files of the mug by variant, as the report names them."""
    row = night.last_of(MUG)
    assert row is not None
    root = shop.folder / "out" / shop.catalog
    return {picture["variant"]: root / picture["path"] for picture in row["pictures"]}


def test_every_variant_is_published(shop: Shop) -> None:
    """Format, canvas and background are those asked for; names lie in the SKU's folder."""
    shop.draw("mug.png")
    shop.list(shop.row(MUG, "mug.png"))
    files = published(shop, shop.night(variants=WHITE))
    assert {path.parent.name for path in files.values()} == {MUG}
    with Image.open(files["shop"]) as picture:
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (64, 64), "RGB")
    with Image.open(files["web"]) as picture:
        assert (picture.format, picture.mode) == ("WEBP", "RGBA")
    with Image.open(files["master"]) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (120, 90), "RGBA")


@pytest.mark.parametrize("wire_format", ["zip", "png", "json", "webp", "jpg"])
def test_a_ground_that_was_paid_for_is_in_the_picture(wire_format: str, shop: Shop) -> None:
    """However the answer travels; and the ground raises no doubt about the product."""
    shop.draw("mug.png")
    shop.list(shop.row(MUG, "mug.png"))
    night = shop.night(wire_format=wire_format, paid={"background_color": "ff0000"})
    with Image.open(published(shop, night)["cutout"]) as picture:
        corner = np.asarray(picture.convert("RGBA"))[0, 0]
    assert np.abs(corner.astype(int) - (255, 0, 0, 255)).max() <= 3  # WebP and JPEG lose a little
    row = night.last_of(MUG)
    assert row is not None
    assert (row["outcome"], row["needs_review"], night.seen.posts) == ("cut", False, 1)


def test_another_look_has_another_name(shop: Shop) -> None:
    """CDNs notice a picture that was made again, and the earlier one stays."""
    shop.draw("mug.png")
    shop.list(shop.row(MUG, "mug.png"))
    before = published(shop, shop.night())["cutout"]
    after = published(shop, shop.night(variants=[{"crop": True}]))["cutout"]
    assert before != after
    assert before.is_file()
    assert after.is_file()


def test_sidecars_are_written_on_request(shop: Shop) -> None:
    """One JSON beside each picture says what it is and what it cost."""
    shop.draw("mug.png")
    shop.list(shop.row(MUG, "mug.png"))
    path = published(shop, shop.night(sidecar=True))["cutout"]
    facts = json.loads(path.with_suffix(".json").read_text())
    assert (facts["sku"], facts["charged"], facts["unit"]) == (MUG, 1.0, "credits")
    assert facts["path"] == f"{MUG}/{path.name}"


@pytest.mark.parametrize("hold", [True, False])
def test_a_doubtful_cutout_is_held_on_request(shop: Shop, hold: bool) -> None:  # noqa: FBT001
    """With `hold_for_review` the earlier picture stays current, and the report says why."""
    shop.draw("mug.png")
    shop.list(shop.row(MUG, "mug.png"))
    shop.market.pass_for_real()
    first = published(shop, shop.night())["cutout"]
    shop.draw("mug.png", colour=50, size=(640, 480))
    shop.fail_next("degraded")
    night = shop.night(hold_for_review=hold, recheck_after_days=0, max_changed_share=1)
    row = night.last_of(MUG)
    assert row is not None
    assert (row["outcome"], row["review_code"]) == ("cut", "smaller_than_asked")
    assert (published(shop, night)["cutout"] == first) == hold


def test_no_new_call_leaves_after_the_time_to_finish_by(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not begun by `finish_by` is deferred, and the report is published."""
    monkeypatch.setattr("packshot.run.stopping.seconds_until", lambda _clock_time: 0.0)
    shop.draw("mug.png")
    shop.list(shop.row(MUG, "mug.png"))
    night = shop.night(finish_by="06:00")
    assert (night.outcomes, night.seen.posts) == ({"mug#1": "deferred"}, 0)
    assert night.summary.stop_code == "finish_by"


def test_a_doubt_outlives_the_night_it_arose_in(shop: Shop) -> None:
    """Pictures made again from what was bought, and other SKUs of it, need the same review."""
    noise = np.random.default_rng(7).integers(0, 255, (90, 120, 3), np.uint8)
    body = BytesIO()
    Image.fromarray(noise).save(body, "PNG")
    shop.put("mug.png", body.getvalue())
    shop.settings["provider"] = "local"
    shop.list(shop.row(MUG, "mug.png"), shop.row("cup", "mug.png"))
    first, again = shop.night(), shop.night(variants=[{"crop": True}])
    doubts = [night.report["review_code"].tolist() for night in (first, again)]
    assert doubts == [["provider_unsure"] * 2] * 2
    assert again.outcomes == {"mug#1": "refreshed", "cup#1": "refreshed"}
