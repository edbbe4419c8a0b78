"""Fewer megapixels for the same picture: what is sent, what comes out, what is paid for again."""

from pathlib import Path
from typing import Any

import pytest

from packshot.facts.purchase import Box
from packshot.run.looking import plan_only
from packshot.run.plan import Plan
from packshot.run.work import stated_box_in_source
from tests.run.nights import KEY, Market, Night, Shop, photo
from tests.world.made_receipts import receipt

LARGE = (2000, 1500)
"""Three megapixels."""


def sized(*sides: int, **look: object) -> list[dict[str, Any]]:
    """Variants with these longest sides."""
    return [{"name": f"v{side}", "longest_side": side} | look for side in sides]


def shrunk(*sides: int, megapixels: int | str = "auto") -> dict[str, Any]:
    """A job that shrinks sources, to what variants of these sides need."""
    return {"paid": {"purchase_megapixels": megapixels}, "variants": sized(*sides)}


def planned(shop: Shop, folder: Path, *, fetch: bool = False, **changes: object) -> Plan:
    """The plan of a night."""
    folder.mkdir(exist_ok=True)
    return plan_only(shop.job(**changes), KEY, folder, fetch=fetch).plan


def received(market: Market) -> list[float]:
    """Megapixels of every picture that the provider was sent."""
    return [call.megapixels for call in market.state.calls]


def made(night: Night, sku: str = "mug") -> list[tuple[int, int]]:
    """Width and height of an item's finished pictures."""
    row = night.last_of(sku)
    assert row is not None
    return [(picture["width"], picture["height"]) for picture in row["pictures"]]


def boxes(night: Night) -> list[Box]:
    """The stated and the computed box of the one item."""
    row = night.last_of("mug")
    assert row is not None
    return [
        Box(*(int(row[f"box_{kind}_{side}"]) for side in Box._fields))
        for kind in ("stated", "computed")
    ]


@pytest.fixture
def mug(shop: Shop) -> Shop:
    """A shop with one large picture, which pays with real money."""
    shop.market.pass_for_real()
    shop.draw("mug.png", size=LARGE)
    shop.list(shop.row("mug", "mug.png"))
    return shop


def test_a_smaller_picture_is_sent_and_the_same_one_published(mug: Shop) -> None:
    """The original's size stands in the report, the finished picture has the size asked for."""
    night = mug.night(**shrunk(800, 300))
    row = night.last_of("mug")
    assert row is not None
    assert received(mug.market) == [pytest.approx(1, abs=0.01)]
    assert received(mug.market)[0] <= 1
    assert (row["source_width"], row["source_height"]) == LARGE
    assert (row["result_width"], row["result_height"]) == (1154, 866)
    assert row["megapixels"] == 3
    assert not row["needs_review"]
    assert made(night) == [(800, 600), (300, 225)]
    again = mug.night(**shrunk(800, 300))
    assert (again.outcomes, again.seen.posts, again.seen.gets) == ({"mug#1": "unchanged"}, 0, 0)


def test_boxes_are_those_of_the_original(mug: Shop) -> None:
    """Both boxes are where they are when the picture is sent whole, to the pixel of the result."""
    whole = boxes(mug.night(variants=sized(800)))
    mug.market.open_anew()
    mug.market.pass_for_real()
    smaller = boxes(mug.night(**shrunk(800), recut="all"))
    assert mug.market.state.posts == 1
    for one, other in zip(whole, smaller, strict=True):
        assert one.width > 1500
        assert list(other) == pytest.approx(list(one), abs=4)


@pytest.mark.parametrize("size", [(1500, 1500), (1100, 2700), (3000, 1000)])
def test_whatever_the_shape_the_pictures_are_as_large(mug: Shop, size: tuple[int, int]) -> None:
    """`auto` leaves enough for a square and more for every other shape."""
    mug.draw("mug.png", size=size)
    wanted = [*sized(1000), *sized(999, square=True), *sized(998, margin=0.2)]
    whole = made(mug.night(variants=wanted))
    night = mug.night(**shrunk() | {"variants": wanted, "recut": "all"})
    assert received(mug.market)[-1] <= 1
    assert [max(picture) for picture in made(night)] == [1000, 999, 998]
    for one, other in zip(made(night), whole, strict=True):
        assert list(one) == pytest.approx(list(other), abs=2)


def test_a_larger_variant_is_priced_and_bought(mug: Shop, tmp_path: Path) -> None:
    """Raised beyond what was bought, the plan says what it costs, and the night pays that."""
    mug.night(**shrunk(800))
    plan = planned(mug, tmp_path / "plan", **shrunk(1400))
    assert plan.states == {"changed options": 1}
    assert (plan.calls_at_most, plan.at_most, plan.likely) == (1, 1, 1)
    night = mug.night(**shrunk(1400))
    assert (night.outcomes, night.seen.credits) == ({"mug#1": "cut"}, 1)
    assert 1.9 < received(mug.market)[-1] <= 2
    assert made(night) == [(1400, 1050)]
    assert mug.night(**shrunk(1400)).outcomes == {"mug#1": "unchanged"}


def test_a_larger_variant_within_what_was_bought_costs_nothing(mug: Shop) -> None:
    """A picture that is wider than a square has more than `auto` counted on."""
    mug.night(**shrunk(1000))
    night = mug.night(**shrunk(1100))
    assert (night.outcomes, night.seen.posts) == ({"mug#1": "refreshed"}, 0)
    assert made(night) == [(1100, 825)]
    assert not night.report["needs_review"].any()


@pytest.mark.parametrize("before", [{"variants": sized(1400)}, shrunk(1400)], ids=["whole", "2"])
def test_a_larger_purchase_does_for_a_smaller_wish(mug: Shop, before: dict[str, Any]) -> None:
    """Neither the item, nor another SKU, nor another catalog buys the picture again."""
    mug.night(**before)
    night = mug.night(**shrunk(800))
    assert (night.outcomes, night.seen.posts) == ({"mug#1": "refreshed"}, 0)
    mug.list(mug.row("mug", "mug.png"), mug.row("cup", "mug.png"))
    night = mug.night(**shrunk(800))
    assert (night.outcomes["cup#1"], night.seen.posts) == ("reused", 0)
    other = mug.neighbour("back")
    other.list(other.row("mug", "mug.png"))
    night = other.night(**shrunk(800))
    assert (night.outcomes, night.seen.posts) == ({"mug#1": "reused"}, 0)
    assert made(night) == [(800, 600)]


@pytest.mark.parametrize("before", [{"variants": sized(1400)}, shrunk(1400)], ids=["whole", "2"])
def test_an_exact_plan_finds_the_larger_purchase(
    mug: Shop, tmp_path: Path, before: dict[str, Any]
) -> None:
    """The plan that fetches promises the calls that the night makes."""
    mug.night(**before)
    other = mug.neighbour("back")
    other.list(other.row("mug", "mug.png"))
    assert planned(other, tmp_path / "less", fetch=True, **shrunk(800)).calls_at_most == 0
    assert planned(other, tmp_path / "more", fetch=True, **shrunk(1700)).calls_at_most == (
        1 if "paid" in before else 0
    )


def test_a_smaller_purchase_does_not_do_for_a_larger_wish(mug: Shop) -> None:
    """Neither for more megapixels nor for the whole picture."""
    mug.night(**shrunk(800))
    mug.list(mug.row("cup", "mug.png"))
    assert mug.night(max_gone_share=1, **shrunk(1400)).outcomes == {"cup#1": "cut"}
    whole = mug.night(variants=sized(1400))
    assert (whole.plan.states, whole.outcomes) == ({"changed options": 1}, {"cup#1": "cut"})
    assert [round(size, 1) for size in received(mug.market)] == [1, 2, 3]


def test_a_picture_that_is_small_enough_is_bought_whole(mug: Shop) -> None:
    """It is the same purchase with and without, so turning it on or off buys nothing."""
    mug.draw("mug.png", size=(640, 480))
    mug.night(**shrunk(800))
    assert mug.known("mug")["paid_options"] == "{}"
    assert mug.night(variants=sized(800)).outcomes == {"mug#1": "unchanged"}
    assert mug.night(**shrunk(700)).outcomes == {"mug#1": "refreshed"}
    other = mug.neighbour("back")
    other.list(other.row("mug", "mug.png"))
    assert other.night(**shrunk(800)).outcomes == {"mug#1": "reused"}
    assert received(mug.market) == [pytest.approx(0.3072)]


def test_a_run_that_died_is_recovered_from(mug: Shop) -> None:
    """A shrunk purchase that no ledger row knows is found by the next night."""
    mug.dead_night(**shrunk(800))
    night = mug.night(**shrunk(800))
    assert (night.outcomes, night.seen.posts) == ({"mug#1": "recovered"}, 0)
    assert boxes(night)[0].width > 1500


def test_too_small_a_number_is_said_and_what_is_missing_priced(mug: Shop, tmp_path: Path) -> None:
    """A fixed number holds: nothing is bought for a larger variant before someone raises it."""
    mug.night(**shrunk(800, megapixels=1))
    larger = shrunk(1400, megapixels=1)
    plan = planned(mug, tmp_path / "plan", **larger)
    assert plan.states == {"needs larger purchase": 1}
    assert plan.larger is not None
    assert (plan.larger.pictures, plan.larger.cost, plan.calls_at_most) == (1, 1, 0)
    assert any("is less than the 2 that the variants need" in said for said in plan.unknowns)
    assert any(
        "of 1 known picture; to buy larger would cost 1 credits and take" in said
        for said in plan.unknowns
    )
    assert "raise purchase_megapixels" in mug.night(**larger).report["reason"][0]
    raised = mug.night(**shrunk(1400, megapixels=2))
    assert (raised.outcomes, raised.seen.credits) == ({"mug#1": "cut"}, 1)


def test_pictures_that_are_cropped_are_sent_whole(mug: Shop, tmp_path: Path) -> None:
    """The product may be a small part of the picture; the plan says why nothing is saved."""
    cropped = shrunk() | {"variants": sized(800, crop=True)}
    plan = planned(mug, tmp_path / "plan", **cropped)
    assert any("sends every picture whole" in said for said in plan.unknowns)
    assert (plan.minutes_saved, "saves" in plan.message) == (0, False)
    mug.night(**cropped)
    assert received(mug.market) == [3]


def test_the_plan_says_how_much_time_is_saved(mug: Shop, tmp_path: Path) -> None:
    """Guessed from the usual size first, exact once fetched, known on later nights."""
    for number in range(10):
        mug.put(f"{number}.png", photo(number, LARGE))
    mug.list(*(mug.row(str(number), f"{number}.png") for number in range(10)))
    job = shrunk(800)
    guess = planned(mug, tmp_path / "guess", **job)
    assert guess.minutes_saved == pytest.approx(10 * 3 / 500)
    assert any("taken for 4 megapixels each" in said for said in guess.unknowns)
    exact = planned(mug, tmp_path / "exact", fetch=True, **job)
    assert exact.minutes_saved == pytest.approx(10 * 2 / 500)
    assert exact.minutes_likely == pytest.approx(10 / 500)
    assert "`purchase_megapixels` saves less than a minute." in exact.message
    assert not any("megapixels each" in said for said in exact.unknowns)
    assert planned(mug, tmp_path / "whole", fetch=True, variants=sized(800)).minutes_saved == 0


def test_the_engine_on_this_machine_gets_a_smaller_picture_too(mug: Shop) -> None:
    """Shrinking is no affair of one provider."""
    night = mug.night(provider="local", **shrunk(800))
    row = night.last_of("mug")
    assert row is not None
    assert (row["result_width"], row["source_width"]) == (1154, 2000)
    assert row["box_computed_width"] == pytest.approx(1000, abs=4)


def test_turning_an_option_on_gives_rejected_pictures_another_try(mug: Shop) -> None:
    """What the provider refused whole it may take shrunk; a smaller number is another try, too."""
    for job in ({"variants": sized(1400)}, shrunk(1400)):
        mug.fail_next("error_code:unknown_foreground")
        assert mug.night(**job).outcomes == {"mug#1": "rejected"}
    assert mug.night(**shrunk(800)).outcomes == {"mug#1": "cut"}


def test_a_box_in_pixels_of_what_was_sent_is_laid_over_the_original() -> None:
    """Above 25 megapixels remove.bg gives it so; the original may be larger still."""
    bought = receipt(
        box_stated=Box(300, 150, 5600, 4000),
        source_width=9000,
        source_height=6000,
        sent_width=6000,
        sent_height=4500,
        result_width=5000,
        result_height=3750,
    )
    assert stated_box_in_source(bought) == Box(450, 200, 8400, 5333)


def test_a_picture_that_the_provider_cropped_is_not_doubted_for_its_box(mug: Shop) -> None:
    """The box as given cannot be laid over the source, shrunk or not, and stands as given."""
    cropped = {"crop": True, "resolution": "full"}
    for paid in (cropped, cropped | {"purchase_megapixels": 1}):
        night = mug.night(paid=paid, recut="all")
        row = night.last_of("mug")
        assert row is not None
        assert not row["needs_review"]
        assert row["box_stated_width"] == row["result_width"]
