"""Nights that buy several pictures of each product in one call."""

import json
from pathlib import Path

import pytest
from PIL import Image

from packshot.facts.errors import BadOption
from packshot.facts.job import Options
from packshot.run.falling_back import check_fallbacks
from packshot.sandbox.state import Fault
from packshot.world.masters import unpack
from tests.flows.served import soon
from tests.providers.contract import PROVIDERS, Played
from tests.run.nights import KEY, Night, Shop
from tests.run.processes import night as night_apart
from tests.run.processes import take_away, wait_for

PICTURES, SIZE = 3, (800, 600)
WHITE = {"name": "white", "format": "jpeg", "background_color": "ffffff"}
PLAYED = next(played for played in PROVIDERS if played.name == "backgroundcut")


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """Three pictures and a full account at BackgroundCut."""
    PLAYED.refill(shop.market, 100)
    shop.settings = {
        "provider": PLAYED.name,
        "provider_url": PLAYED.address(shop.market),
        "paid": {"outputs": [WHITE]},
        "max_credits": 50,
    }
    for number in range(PICTURES):
        shop.draw(f"{number}.png", colour=number, size=SIZE)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(PICTURES)))
    return shop


def published(night: Night) -> list[list[str]]:
    """Names of the pictures of each product."""
    return [[one["variant"] for one in row] for row in night.report["pictures"]]


def files(shop: Shop, pattern: str) -> list[Path]:
    """What lies at the destination."""
    return sorted(shop.folder.glob(f"out/*/*/{pattern}"))


def test_each_product_has_its_pictures(stocked: Shop) -> None:
    """Bought in one call, written as they came, told by plan, books, receipt and report."""
    night = stocked.night()
    assert night.summary.outcomes == {"cut": PICTURES}
    assert published(night) == [["cutout", "white"]] * PICTURES
    calls, charged = PLAYED.charged(stocked.market)
    assert (calls, charged) == (PICTURES, pytest.approx(PICTURES * 0.75))
    assert night.summary.money.charged == pytest.approx(charged)
    assert night.plan.likely == pytest.approx(PICTURES * 1.35)  # sizes are not known yet
    whites = files(stocked, "white-*.jpg")
    assert len(whites) == PICTURES
    for file in whites:
        with Image.open(file) as picture:
            assert (picture.size, picture.format) == (SIZE, "JPEG")
            assert picture.getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=3)
    assert stocked.night().summary.outcomes == {"unchanged": PICTURES}
    assert PLAYED.charged(stocked.market)[0] == PICTURES


def test_what_was_bought_is_published_again_for_nothing(stocked: Shop) -> None:
    """Another variant of ours is made from the master, and theirs comes along; another SKU, too."""
    stocked.night()
    stocked.settings["variants"] = [{"name": "cutout"}, {"name": "small", "longest_side": 100}]
    refreshed = stocked.night()
    assert refreshed.summary.outcomes == {"refreshed": PICTURES}
    assert published(refreshed) == [["cutout", "small", "white"]] * PICTURES
    rows = [stocked.row(f"{number}", f"{number}.png") for number in range(PICTURES)]
    stocked.list(*rows, stocked.row("twin", "0.png"))
    twin = stocked.night()
    assert twin.summary.outcomes == {"unchanged": PICTURES, "reused": 1}
    assert len(files(stocked, "white-*.jpg")) == PICTURES + 1
    assert PLAYED.charged(stocked.market)[0] == PICTURES


def die_waiting(shop: Shop, scratch: Path) -> list[Path]:
    """`kill -9` to a run that has paid and waits for its pictures; answers their tickets."""
    shop.market.pass_for_real()
    shop.settings |= {"spool": str(shop.folder / "spool")}
    fault = {"kind": "slow_body", "times": 99, "on": "backgroundcut_result", "seconds": 60}
    shop.market.state.add_fault(Fault.model_validate(fault))
    with night_apart(shop.job(), KEY, scratch) as process:
        wait_for(process, "on record")
        soon(lambda: len(list(shop.state.glob("tickets/*.json"))) == PICTURES, 30, "the tickets")
        take_away(process)
    shop.market.state.faults.clear()
    return sorted(shop.state.glob("tickets/*.json"))


def test_after_a_kill_all_are_collected_and_what_is_lost_is_told(
    stocked: Shop, tmp_path: Path
) -> None:
    """Tickets name all pictures; one without its further picture is for a person to look at."""
    lame, *_ = die_waiting(stocked, tmp_path)
    ticket = json.loads(lame.read_text())
    ticket["facts"]["further"] = json.dumps({"white": f"{stocked.market.url}/v3/_results/none"})
    lame.write_text(json.dumps(ticket))
    recovered = stocked.night()
    assert recovered.summary.outcomes == {"recovered": PICTURES}
    assert sorted(published(recovered)) == [["cutout"], *[["cutout", "white"]] * (PICTURES - 1)]
    (told,) = recovered.report.loc[recovered.report["review"].notna(), "review"]
    assert "was paid for `white` and did not hand it out" in told
    assert stocked.night().summary.outcomes == {"unchanged": PICTURES}
    assert PLAYED.charged(stocked.market)[0] == PICTURES


def test_the_master_holds_them(stocked: Shop) -> None:
    """Receipt and bytes."""
    stocked.night()
    for file in stocked.state.glob("masters/*/*/*.zip"):
        master = unpack(file.read_bytes())
        (bought,) = master.receipt.further
        assert (bought.name, bought.format, bought.width) == ("white", "jpeg", 800)
        assert master.further["white"].startswith(b"\xff\xd8")


OTHERS = [played for played in PROVIDERS if played.name != PLAYED.name]


@pytest.mark.parametrize("played", OTHERS, ids=lambda played: played.label)
def test_who_does_not_make_them_says_so_before_the_night(stocked: Shop, played: Played) -> None:
    """A catalog that moves would lose them in silence."""
    with pytest.raises(BadOption, match=rf"`{played.name}` makes no `paid.outputs`.*backgroundcut"):
        stocked.night(provider=played.name)
    prices = {PLAYED.name: 0.03, played.name: 0.03}
    fallback = stocked.job(fallback=[played.name], max_cost=2, price_per_unit=prices)
    with pytest.raises(BadOption, match=rf"`{played.name}` makes no"):
        check_fallbacks(fallback, lambda _: KEY)


def test_names_are_told_apart() -> None:
    """A picture's name says which one it is."""
    with pytest.raises(ValueError, match="share a name"):
        Options.model_validate({"paid": {"outputs": [WHITE | {"name": "cutout"}]}})
