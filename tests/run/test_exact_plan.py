"""A plan that fetches promises the calls that the next night makes, to the picture."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from packshot.run.looking import plan_only
from packshot.run.plan import Plan
from tests.run.nights import KEY, Shop, transparent

AGAIN = {"recheck_after_days": 0, "max_changed_share": 1}


def planned(shop: Shop, folder: Path, **changes: object) -> Plan:
    """The exact plan of a night."""
    folder.mkdir(exist_ok=True)
    return plan_only(shop.job(**changes), KEY, folder, fetch=True).plan


def truncated() -> bytes:
    """A JPEG whose second half is missing; its header is sound."""
    noise = np.random.default_rng(3).integers(0, 255, (90, 120, 3), np.uint8)
    body = BytesIO()
    Image.fromarray(noise).save(body, "JPEG")
    return body.getvalue()[: body.tell() // 2]


def test_a_truncated_picture_is_not_counted(shop: Shop, tmp_path: Path) -> None:
    """A run rejects it before it calls."""
    shop.put("half.jpg", truncated())
    shop.list(shop.row("half", "half.jpg"))
    plan = planned(shop, tmp_path / "plan")
    assert (plan.calls_at_most, plan.at_most) == (0, 0)
    assert plan.unknowns == ["1 of the fetched pictures: cannot be cut out (broken_picture)"]
    assert shop.night().seen.posts == 0


def test_what_the_provider_does_not_take_is_not_counted(shop: Shop, tmp_path: Path) -> None:
    """Its limits count, beside those of the job."""
    shop.draw("wide.png", size=(8000, 7000))
    shop.list(shop.row("wide", "wide.png"))
    plan = planned(shop, tmp_path / "plan", limits={"source_megapixels": 100})
    assert plan.unknowns == ["1 of the fetched pictures: cannot be cut out (too_many_pixels)"]
    assert plan.calls_at_most == 0
    assert shop.night(limits={"source_megapixels": 100}).seen.posts == 0


def test_the_plan_of_a_mixed_night_is_what_it_costs(shop: Shop, tmp_path: Path) -> None:
    """New, equal, changed, unchanged, transparent, truncated and missing pictures."""
    for name, colour in (("same.png", 1), ("changed.png", 2)):
        shop.draw(name, colour=colour)
    shop.put("clear.png", transparent())
    shop.put("broken.jpg", truncated())
    before = [
        shop.row("same", "same.png"),
        shop.row("changed", "changed.png"),
        shop.row("clear", "clear.png"),
        shop.row("broken", "broken.jpg"),
    ]
    shop.list(*before)
    assert shop.night(**AGAIN).seen.posts == 2
    shop.draw("changed.png", colour=3)
    shop.draw("new.png", colour=4)
    shop.draw("twin.png", colour=4)
    shop.draw("like-same.png", colour=1)
    shop.put("new-clear.png", transparent())
    shop.put("half.jpg", truncated())
    names = ("new.png", "twin.png", "like-same.png", "new-clear.png", "half.jpg", "gone.png")
    shop.list(*before, *(shop.row(name.partition(".")[0], name) for name in names))
    plan = planned(shop, tmp_path / "plan", **AGAIN)
    seen = shop.night(**AGAIN).seen
    assert (plan.calls_at_most, plan.at_most) == (seen.posts, seen.credits) == (2, 2)


def test_a_test_purchase_is_bought_for_real(shop: Shop, tmp_path: Path) -> None:
    """Equal bytes do not settle what was bought in a lower class."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    shop.night()
    shop.market.pass_for_real()
    plan = planned(shop, tmp_path / "plan")
    assert plan.calls_at_most == shop.night().seen.posts == 1


@pytest.mark.parametrize(("recut", "calls"), [("all", 1), ("options", 0), ("never", 0)])
def test_the_plan_follows_recut(shop: Shop, tmp_path: Path, recut: str, calls: int) -> None:
    """With `all` even an unchanged picture is bought again; two SKUs of it once."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"), shop.row("cup", "mug.png"))
    shop.night()
    plan = planned(shop, tmp_path / "plan", recut=recut, **AGAIN)
    assert plan.calls_at_most == shop.night(recut=recut, **AGAIN).seen.posts == calls


def test_another_provider_gets_what_one_rejected(shop: Shop, tmp_path: Path) -> None:
    """Equal bytes settle a rejection only by the same provider."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    shop.fail_next("error_code:unknown_foreground")
    assert shop.night().outcomes == {"mug#1": "rejected"}
    assert planned(shop, tmp_path / "same", **AGAIN).calls_at_most == 0
    plan = planned(shop, tmp_path / "other", provider="local", **AGAIN)
    assert plan.calls_at_most == 1
    assert shop.night(provider="local", **AGAIN).outcomes == {"mug#1": "cut"}


def test_a_folder_may_hold_an_apostrophe(shop: Shop, tmp_path: Path) -> None:
    """A whole night, and the plan before it, below `Anna's`."""
    anna = Shop(shop.market, tmp_path / "Anna's", name=shop.name)
    anna.draw("mug.png")
    anna.list(anna.row("mug", "mug.png"))
    assert planned(anna, tmp_path / "Anna's" / "plan").calls_at_most == 1
    assert anna.night().outcomes == {"mug#1": "cut"}
    assert anna.night().outcomes == {"mug#1": "unchanged"}
