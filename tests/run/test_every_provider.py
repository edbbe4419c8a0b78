"""Whole nights with each provider: one word is changed, and nothing else."""

from pathlib import Path

import pytest

from packshot.sandbox.state import Fault
from tests.providers.contract import BY_ADDRESS, FETCHED, PROVIDERS, Played
from tests.providers.tiny_model import tiny_model
from tests.run.nights import Night, Shop

PICTURES = 3
SIZE = (800, 600)


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """Three pictures, large enough to cost what a picture costs, and full accounts."""
    for played in PROVIDERS:
        played.refill(shop.market, 10_000)
    for number in range(PICTURES):
        shop.draw(f"{number}.png", colour=number, size=SIZE)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(PICTURES)))
    return shop


def night(shop: Shop, played: Played, **changes: object) -> Night:
    """A night with this provider."""
    return shop.night(
        provider=played.name,
        provider_url=played.address(shop.market),
        provider_settings={played.name: dict(played.settings)},
        **changes,
    )


@pytest.mark.parametrize("played", PROVIDERS, ids=lambda played: played.label)
def test_a_night_and_another_one(stocked: Shop, played: Played) -> None:
    """Bought once, with the books of both sides the same, and not asked for again."""
    first = night(stocked, played)
    assert first.summary.outcomes == {"cut": PICTURES}
    assert set(first.report["provider"]) == {played.name}
    calls, charged = played.charged(stocked.market)
    money = first.summary.money
    assert (calls, charged) == (PICTURES, pytest.approx(PICTURES * played.price))
    assert (money.unit, money.charged, money.uncertain) == (played.unit, pytest.approx(charged), 0)
    if played.has_balance:
        assert money.difference == pytest.approx(0, abs=played.balance_step)
    else:
        assert (money.balance_before, money.balance_after, money.difference) == (None, None, None)
        assert "what the provider does not tell" in first.plan.message
    assert len(list(stocked.folder.glob("out/*/*/*.png"))) == PICTURES
    assert night(stocked, played).summary.outcomes == {"unchanged": PICTURES}
    assert played.charged(stocked.market)[0] == PICTURES


@pytest.mark.parametrize("played", PROVIDERS[1:], ids=lambda played: played.label)
def test_a_catalog_moves_by_one_word(stocked: Shop, played: Played) -> None:
    """What another has cut stays, under its name; what is new is bought from the new one."""
    night(stocked, PROVIDERS[0])
    files = set(stocked.folder.glob("out/*/*/*.png"))
    stocked.draw("new.png", colour=9, size=SIZE)
    old = [stocked.row(f"{number}", f"{number}.png") for number in range(PICTURES)]
    stocked.list(*old, stocked.row("new", "new.png"))
    moved = night(stocked, played)
    assert moved.summary.outcomes == {"unchanged": PICTURES, "cut": 1}
    assert played.charged(stocked.market)[0] == 1
    assert files < set(stocked.folder.glob("out/*/*/*.png"))
    assert list(moved.report.columns) == list(night(stocked, PROVIDERS[0]).report.columns)


@pytest.mark.parametrize("played", PROVIDERS[1:], ids=lambda played: played.label)
def test_moving_can_buy_everything_anew(stocked: Shop, played: Played) -> None:
    """Only where it is asked for, and the plan says what it would cost."""
    night(stocked, PROVIDERS[0])
    anew = night(stocked, played, recut="provider")
    assert anew.plan.calls_at_most == PICTURES
    assert anew.summary.outcomes == {"cut": PICTURES}
    assert played.charged(stocked.market)[0] == PICTURES


@pytest.mark.parametrize("kind", ["truncated_body", "truncated_zip"])
@pytest.mark.parametrize("played", FETCHED, ids=lambda played: played.label)
def test_results_that_are_cut_short_are_fetched_and_not_bought_again(
    stocked: Shop, played: Played, kind: str
) -> None:
    """Whatever breaks off on its way has been paid for, and is still there."""
    fault = {"kind": kind, "on": f"{played.name}_result", "times": PICTURES}
    stocked.market.state.add_fault(Fault.model_validate(fault))
    summary = night(stocked, played).summary
    assert summary.outcomes == {"cut": PICTURES}
    assert played.charged(stocked.market)[0] == PICTURES
    assert summary.money.charged == pytest.approx(PICTURES * played.price)


@pytest.mark.parametrize("played", BY_ADDRESS, ids=lambda played: played.label)
def test_results_that_cannot_be_decoded_are_fetched_again_and_never_bought_again(
    stocked: Shop, played: Played
) -> None:
    """Once more tonight; where that is in vain the ticket stays, and a later night fetches it."""
    fault = {"kind": "broken_pixels", "on": f"{played.name}_result"}
    stocked.market.state.add_fault(Fault.model_validate(fault | {"times": 1}))
    stocked.list(stocked.row("0", "0.png"))
    assert night(stocked, played).summary.outcomes == {"cut": 1}
    stocked.market.state.add_fault(Fault.model_validate(fault | {"times": 999}))
    stocked.list(stocked.row("1", "1.png"))
    broken = night(stocked, played, max_gone_share=1.0)
    assert list(broken.report["reason_code"]) == ["broken_result"]
    (ticket,) = stocked.state.glob("tickets/*")
    assert str(ticket) in broken.report["reason"][0]
    stocked.later(days=2)
    again = night(stocked, played)
    assert list(again.report["reason_code"]) == ["broken_result"]
    stocked.market.state.faults.clear()
    stocked.later(days=4)
    assert night(stocked, played).summary.outcomes == {"recovered": 1}
    assert played.charged(stocked.market)[0] == 2
    assert list(stocked.state.glob("tickets/*")) == []


@pytest.mark.parametrize("played", BY_ADDRESS, ids=lambda played: played.label)
def test_results_that_have_expired_are_not_bought_again_the_same_night(
    stocked: Shop, played: Played
) -> None:
    """The charge stands in the books, the reason says so, and no ticket stays behind."""
    stocked.market.state.change({played.name: {"result_seconds": 1e-9}})
    try:
        lost = night(stocked, played)
        again = night(stocked, played)
    finally:
        stocked.market.state.change({played.name: {"result_seconds": None}})
    calls, charged = played.charged(stocked.market)
    assert (calls, lost.summary.outcomes) == (PICTURES, {"failed": PICTURES})
    assert set(lost.report["reason_code"]) == {"result_gone"}
    assert all("has been charged and is lost" in reason for reason in lost.report["reason"])
    money = lost.summary.money
    assert money.charged <= charged <= money.charged + money.uncertain + 1e-9
    assert list(stocked.state.glob("tickets/*")) == []
    assert set(again.report["reason_code"]) == {"backing_off"}


def test_a_charge_that_is_stated_with_a_refusal_is_booked(stocked: Shop) -> None:
    """Moderation keeps results back and says what they cost: it counts against the cap."""
    played = FETCHED[0]
    stocked.market.state.change({"leonardo": {"blocked": True, "blocked_is_charged": True}})
    try:
        refused = night(stocked, played, max_credits=0.25, limits={"workers": 1})
        again = night(stocked, played)
    finally:
        stocked.market.state.change({"leonardo": {"blocked": False, "blocked_is_charged": False}})
    assert refused.summary.outcomes == {"rejected": 2, "deferred": 1}
    money = refused.summary.money
    assert (money.charged, money.uncertain) == (pytest.approx(2 * played.price), 0)
    assert (again.summary.outcomes, again.summary.calls) == ({"rejected": PICTURES}, 1)
    assert played.charged(stocked.market)[0] == PICTURES


def test_a_model_of_ones_own_cuts_a_catalog_out(shop: Shop, tmp_path: Path) -> None:
    """Like any other provider: one word, and nothing leaves the machine."""
    shop.draw("mug.png")
    shop.list(shop.row("mug", "mug.png"))
    own = {"rembg": {"model_path": str(tiny_model(tmp_path))}}
    night = shop.night(provider="rembg", provider_url=None, provider_settings=own)
    assert list(night.outcomes.values()) == ["cut"]
    assert night.seen.posts == 0
    row = night.last_of("mug")
    assert row is not None
    assert (row["provider"], row["purchase_class"]) == ("rembg", "free")
