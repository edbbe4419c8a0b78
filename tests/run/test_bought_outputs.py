"""Nights that buy several pictures of each product in one call."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from packshot.facts.bought_output import BoughtOutput
from packshot.facts.job import Options
from packshot.providers.backgroundcut import BackgroundCut
from packshot.providers.face import FurtherPicture
from packshot.sandbox.state import Fault
from packshot.world.masters import unpack
from tests.flows.served import soon
from tests.providers.contract import PROVIDERS
from tests.run.nights import KEY, Night, Shop
from tests.run.processes import die_before_keeping, take_away, wait_for
from tests.run.processes import night as night_apart
from tests.run.way_back import back, made

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
        "outputs": [WHITE],
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
    (order,) = json.loads(ticket["facts"]["further"])
    order["address"] = f"{stocked.market.url}/v3/_results/none"
    ticket["facts"]["further"] = json.dumps([order])
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


def test_another_picture_is_not_bought_for_what_is_missing(stocked: Shop) -> None:
    """What was bought without them stays so, and says so; all is bought anew where it is asked."""
    stocked.settings["outputs"] = []
    stocked.night()
    stocked.settings["outputs"] = [WHITE]
    added = stocked.night()
    assert any("without `white` stay without" in said for said in added.plan.unknowns)
    assert added.summary.outcomes == {"refreshed": PICTURES}
    assert set(added.report["review_code"]) == {"output_missing"}
    assert PLAYED.charged(stocked.market)[0] == PICTURES
    anew = stocked.night(recut="all")
    assert (anew.summary.outcomes, published(anew)) == (
        {"cut": PICTURES},
        [["cutout", "white"]] * PICTURES,
    )
    assert set(anew.report["review_code"].fillna("")) == {""}


def test_they_may_be_turned_round_renamed_and_left_out_for_nothing(stocked: Shop) -> None:
    """The cutout is the same purchase; what does not look as asked is not published."""
    second = {"name": "small", "megapixels": 0.1}
    stocked.settings["outputs"] = [WHITE, second]
    stocked.night()
    for outputs, names in (
        ([second, WHITE], None),
        ([second], ["cutout", "small"]),
        ([second | {"crop": True}], ["cutout"]),
        ([], ["cutout"]),
    ):
        night = stocked.night(outputs=outputs)
        if names is None:
            assert night.summary.outcomes == {"unchanged": PICTURES}
        else:
            assert night.summary.outcomes == {"refreshed": PICTURES}
            assert published(night) == [names] * PICTURES
    assert PLAYED.charged(stocked.market)[0] == PICTURES


@pytest.mark.parametrize("other", ["removebg", "local"])
def test_who_makes_none_says_so_before_and_after(stocked: Shop, other: str) -> None:
    """A catalog moves by one word, and a fallback stands in; the cutouts are for review."""
    place = {"removebg": f"{stocked.market.url}/v1.0", "local": None}[other]
    moved = stocked.night(provider=other, provider_url=place)
    assert f"`{other}` makes none of `outputs` (`white`)" in " ".join(moved.plan.unknowns)
    assert moved.summary.outcomes == {"cut": PICTURES}
    assert published(moved) == [["cutout"]] * PICTURES
    assert set(moved.report["review_code"]) == {"output_missing"}
    assert "`white` of `outputs` did not come" in moved.report["review"][0]


def test_what_cannot_be_read_does_not_take_the_cutout_with_it(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that only decoding finds out about."""
    grey = BytesIO()
    Image.new("I;16", SIZE).save(grey, "PNG")
    broken = FurtherPicture(
        asked=BoughtOutput.model_validate(WHITE).canonical(),
        content=grey.getvalue(),
        format="png",
        width=SIZE[0],
        height=SIZE[1],
    )
    monkeypatch.setattr(BackgroundCut, "_further", lambda *_: broken)
    night = stocked.night()
    assert (night.summary.outcomes, published(night)) == (
        {"cut": PICTURES},
        [["cutout"]] * PICTURES,
    )
    assert "`white` came with the cutout and cannot be read" in night.report["review"][0]


def test_an_answer_that_lay_on_the_machine_keeps_them(stocked: Shop) -> None:
    """Killed between the answer and the store: the next run stores all of it."""
    stocked.market.pass_for_real()
    stocked.settings |= {"spool": str(stocked.folder / "spool")}
    stocked.list(stocked.row("0", "0.png"))
    die_before_keeping(stocked.job(), KEY)
    assert len(list((stocked.folder / "spool").glob("*/*.answer"))) == 1
    assert not list(stocked.state.glob("masters/*/*/*.zip"))
    night = stocked.night()
    assert (night.summary.outcomes, published(night)) == ({"recovered": 1}, [["cutout", "white"]])
    assert PLAYED.charged(stocked.market)[0] == 1


def test_sidecars_and_the_way_back_know_them(stocked: Shop) -> None:
    """Each picture has its JSON; an export is written back with the one that is asked for."""
    stocked.night(sidecar=True)
    assert len(files(stocked, "white-*.json")) == PICTURES
    back(stocked, {"manifest": str(stocked.manifest)}, variant="white")
    text = made(stocked, {"manifest": str(stocked.manifest)}).read_text()
    assert text.count("/white-") == PICTURES
    assert ".jpg" in text


def test_names_are_told_apart() -> None:
    """A picture's name says which one it is."""
    with pytest.raises(ValueError, match="share a name"):
        Options.model_validate({"outputs": [WHITE | {"name": "cutout"}]})
