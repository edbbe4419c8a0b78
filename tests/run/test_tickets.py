"""Jobs that finish later: whatever happens to a run, they are collected and not bought again."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from packshot.facts.errors import KeyRejected, PackshotError, TryTomorrow
from packshot.providers.backgroundcut import BackgroundCut
from packshot.run import past_runs
from packshot.sandbox.state import Fault
from tests.flows.served import soon
from tests.providers.contract import FETCHED, Played
from tests.run.nights import KEY, Night, Shop
from tests.run.processes import night, take_away, wait_for

PICTURES, SIZE = 4, (800, 600)


@pytest.fixture
def stocked(shop: Shop) -> Iterator[Shop]:
    """Four pictures, and a provider whose results lie behind addresses."""
    shop.market.pass_for_real()
    shop.market.state.change({"backgroundcut": {"balance": 100.0, "result_seconds": None}})
    shop.settings = {
        "provider": "backgroundcut",
        "provider_url": shop.market.url,
        "limits": {"calls_at_once": 2, "workers": 4},
        "max_credits": 50,
        "spool": str(shop.folder / "spool"),
    }
    for number in range(PICTURES):
        shop.draw(f"{number}.png", colour=number, size=SIZE)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(PICTURES)))
    yield shop
    shop.market.state.change({"backgroundcut": {"result_seconds": None}})


def books(shop: Shop) -> dict[str, Any]:
    """The provider's own."""
    return dict(shop.market.state.snapshot()["providers"][shop.settings["provider"]])


def move_to(shop: Shop, played: Played) -> None:
    """Let this provider sell to the shop from now on."""
    played.refill(shop.market, 100.0)
    shop.settings |= {
        "provider": played.name,
        "provider_url": played.address(shop.market),
        "provider_settings": {played.name: dict(played.settings)},
    }


def attempts(shop: Shop, night: Night) -> pd.DataFrame:
    """What a night's books say of each call."""
    folder = shop.state / shop.catalog / "runs" / night.summary.run_id
    return pd.read_parquet(folder / "attempts.parquet")


def tickets(shop: Shop) -> list[Path]:
    """Jobs that are under way."""
    return list(shop.state.glob("tickets/*.json"))


def fail_results(shop: Shop, kind: str, times: int, **more: float) -> None:
    """Let the next jobs or results that are asked for go wrong."""
    provider = shop.settings["provider"]
    is_job = shop.settings.get("provider_settings", {}).get(provider, {}).get("mode") == "async"
    on = f"{provider}_poll" if is_job else f"{provider}_result"
    fault = {"kind": kind, "times": times, "on": on, **more}
    shop.market.state.add_fault(Fault.model_validate(fault))


def die_waiting(shop: Shop, scratch: Path) -> list[str]:
    """`kill -9` to a run that waits for results it has paid for; answers their fingerprints."""
    fail_results(shop, "slow_body", 100, seconds=60)
    with night(shop.job(), KEY, scratch) as process:
        wait_for(process, "on record")
        soon(lambda: len(tickets(shop)) == 2, 30, "two tickets")
        time.sleep(0.3)
        take_away(process)
    shop.market.state.faults.clear()
    return [json.loads(file.read_text())["fingerprint"] for file in tickets(shop)]


def keys_of(shop: Shop, fingerprints: list[str]) -> list[str]:
    """The items for which these were bought."""
    lines = [
        json.loads(line)
        for file in shop.state.glob("*/runs/*/intents/*")
        for line in file.read_text().splitlines()
    ]
    return [line["key"] for line in lines if line["fingerprint"] in fingerprints]


@pytest.mark.parametrize(
    "refused", [KeyRejected("the key is not taken any more; renew it"), TryTomorrow("later", "odd")]
)
def test_what_keeps_a_result_back_does_not_make_it_free(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch, refused: PackshotError
) -> None:
    """A job that was sent is paid for: its price stays set aside, and the cap holds."""

    def kept_back(*_: object) -> None:
        raise refused

    before = books(stocked)["charged"]
    with monkeypatch.context() as patch:
        patch.setattr(BackgroundCut, "collect", kept_back)
        summary = stocked.night(max_credits=1.2).summary
    spent = books(stocked)["charged"] - before
    assert 0 < spent <= 1.2
    assert summary.money.charged <= spent <= summary.money.charged + summary.money.uncertain
    waiting = len(tickets(stocked))
    assert waiting > 0
    again = stocked.night(insist=True).summary
    assert again.outcomes["recovered"] == waiting


def test_another_provider_does_not_buy_what_waits(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes over leaves pictures alone that are paid for and not collected yet."""

    def kept_back(*_: object) -> None:
        raise KeyRejected("the key is not taken any more; renew it")

    with monkeypatch.context() as patch:
        patch.setattr(BackgroundCut, "collect", kept_back)
        stocked.night()
    waiting = {file.name.partition(".")[0] for file in tickets(stocked)}
    for _ in range(6):  # longer than anybody's patience
        over = stocked.night(provider="local", provider_url=None, insist=True)
        stocked.later(days=8)
    rows = over.report[over.report["reason_code"] == "sent_elsewhere"]
    assert (len(rows), set(rows["outcome"])) == (len(waiting), {"deferred"})
    assert all("`--provider backgroundcut`" in reason for reason in rows["reason"])
    back = stocked.night(insist=True)
    assert back.summary.outcomes["recovered"] == len(waiting) > 0


def elsewhere(shop: Shop) -> str:
    """The same provider by another address, which stands for another account."""
    return str(shop.settings["provider_url"]).replace("127.0.0.1", "localhost")


def test_another_account_leaves_a_ticket_alone_and_buys_nothing_for_it(
    stocked: Shop, tmp_path: Path
) -> None:
    """It would hear that there is no such job; the one that has it hands it out afterwards."""
    waiting = die_waiting(stocked, tmp_path / "scratch")
    kept = tickets(stocked)
    for _ in range(6):  # longer than anybody's patience
        other = stocked.night(provider_url=elsewhere(stocked))
        stocked.later(days=8)
    assert other.summary.outcomes == {"deferred": 2, "unchanged": 2}
    rows = other.report[other.report["reason_code"] == "sent_elsewhere"]
    assert set(rows["key"]) == set(keys_of(stocked, waiting))
    assert all("BACKGROUNDCUT_API_KEY" in reason for reason in rows["reason"])
    assert all(any(str(file) in reason for file in kept) for reason in rows["reason"])
    assert (books(stocked)["charged_calls"], tickets(stocked)) == (PICTURES, kept)
    again = stocked.night()
    assert again.summary.outcomes == {"recovered": 2, "unchanged": 2}
    assert (books(stocked)["charged_calls"], tickets(stocked)) == (PICTURES, [])


def test_what_a_rehearsal_has_left_waiting_keeps_nothing_from_being_bought(
    stocked: Shop, tmp_path: Path
) -> None:
    """On a state that both share: a test stands in for nothing, and its ticket is not taken."""
    stocked.market.open_anew()
    die_waiting(stocked, tmp_path / "scratch")
    kept = tickets(stocked)
    stocked.market.pass_for_real()
    real = stocked.night(provider_url=elsewhere(stocked))
    assert real.summary.outcomes == {"cut": PICTURES}
    assert tickets(stocked) == kept


def test_what_another_surface_has_sold_is_not_bought_again(stocked: Shop, tmp_path: Path) -> None:
    """Bgeraser's two APIs sell from one account: one waits for what the other was sent.

    Tickets of an earlier release, which name no account, are anybody's.
    """
    move_to(stocked, next(played for played in FETCHED if played.name == "bgeraser"))
    die_waiting(stocked, tmp_path / "scratch")
    for file in tickets(stocked):
        old = json.loads(file.read_text()) | {"account": None}
        file.with_name(f"{old['fingerprint']}.bgeraser.json").write_text(json.dumps(old))
        file.unlink()
    own = {"bgeraser": {"surface": "removebg"}}
    there = f"{stocked.market.url}/v1.0"
    other = stocked.night(provider_settings=own, provider_url=there)
    assert other.summary.outcomes == {"deferred": 2, "cut": 2}
    assert list(other.report["reason_code"]).count("sent_elsewhere") == 2
    assert stocked.night().summary.outcomes == {"recovered": 2, "unchanged": 2}
    assert books(stocked)["charged_calls"] == 2


@pytest.mark.parametrize("played", FETCHED, ids=lambda played: played.label)
def test_a_run_that_is_killed_while_it_waits_pays_once(
    stocked: Shop, played: Played, tmp_path: Path
) -> None:
    """The next one collects what is paid for; both reports say so."""
    move_to(stocked, played)
    waiting = die_waiting(stocked, tmp_path / "scratch")
    assert books(stocked)["charged_calls"] == len(waiting) == 2
    assert KEY not in "".join(file.read_text() for file in tickets(stocked))
    again = stocked.night()
    assert again.summary.outcomes == {"cut": 2, "recovered": 2}
    assert books(stocked)["charged_calls"] == PICTURES
    assert max(books(stocked)["sold"].values()) == 1
    assert tickets(stocked) == []
    (dead,) = again.earlier
    assert (dead.outcomes, dead.money.charged) == ({"deferred": PICTURES}, 0)
    assert dead.money.uncertain > 0
    rows = again.report[again.report["outcome"] == "recovered"]
    assert set(rows["fingerprint"]) == set(waiting)
    assert (set(rows["charged"]), set(rows["paid_before"])) == ({0.0}, {played.price})
    assert stocked.night().summary.outcomes == {"unchanged": PICTURES}


@pytest.mark.parametrize(
    "short", [{}, {"keep_credits": 1_000}, {"max_credits": 0.5}], ids=["empty", "floor", "cap"]
)
def test_what_is_paid_for_is_collected_when_nothing_can_be_bought(
    stocked: Shop, short: dict[str, float], tmp_path: Path
) -> None:
    """It costs nothing: only what would have to be bought is deferred."""
    move_to(stocked, next(played for played in FETCHED if played.name == "bgeraser"))
    waiting = die_waiting(stocked, tmp_path / "scratch")
    if not short:
        stocked.market.state.change({"bgeraser": {"balance": 0}})
    night_after = stocked.night(**short)
    assert night_after.summary.outcomes == {"recovered": 2, "deferred": 2}
    rows = night_after.report[night_after.report["outcome"] == "recovered"]
    assert set(rows["fingerprint"]) == set(waiting)
    assert (books(stocked)["charged_calls"], tickets(stocked)) == (2, [])
    codes = set(night_after.report["reason_code"].dropna())
    assert codes <= {"no_credits", "keep_credits", "max_credits"}


def test_a_result_that_has_expired_meanwhile_is_said_and_bought_later(
    stocked: Shop, tmp_path: Path
) -> None:
    """Not in the same night: it was paid for, and somebody should know."""
    waiting = die_waiting(stocked, tmp_path / "scratch")
    stocked.market.state.change({"backgroundcut": {"result_seconds": 0.01}})
    time.sleep(0.1)
    night_after = stocked.night(only=keys_of(stocked, waiting))
    assert "result_gone" in set(night_after.report["reason_code"].dropna())
    assert books(stocked)["charged_calls"] == 2
    assert tickets(stocked) == []
    lost = attempts(stocked, night_after)
    assert list(lost["code"]) == ["result_gone"] * 2
    assert set(lost["fingerprint"]) == set(waiting)
    assert (set(lost["charged"]), set(lost["uncertain"])) == ({0.0}, {0.0})
    (dead,) = night_after.earlier
    assert dead.money.uncertain == 2 * 0.5
    stocked.market.state.change({"backgroundcut": {"result_seconds": None}})
    again = stocked.night(retry=True, only=keys_of(stocked, waiting))
    assert again.summary.outcomes == {"cut": 2, "deferred": 2}


def test_a_lost_result_is_not_bought_for_another_product_the_same_night(
    stocked: Shop, tmp_path: Path
) -> None:
    """Two products show the same picture: what was paid for and is gone is gone for both."""
    for number in range(2):
        stocked.draw(f"twin-{number}.png", colour=number, size=SIZE)
    names = ("0", "1", "twin-0", "twin-1")
    stocked.list(*(stocked.row(name, f"{name}.png") for name in names))
    die_waiting(stocked, tmp_path / "scratch")
    stocked.market.state.change({"backgroundcut": {"result_seconds": 0.01}})
    time.sleep(0.1)
    night_after = stocked.night()
    codes = list(night_after.report["reason_code"])
    assert (codes.count("result_gone"), codes.count("unanswered_before")) == (2, 2)
    assert books(stocked)["charged_calls"] == 2


def test_a_job_that_is_not_ready_in_time_is_left_for_the_next_run(stocked: Shop) -> None:
    """It is uncertain tonight, asked for by nobody twice, and found tomorrow."""
    stocked.list(stocked.row("0", "0.png"))
    fail_results(stocked, "status_503", 1000)
    slow = {"calls_at_once": 2, "workers": 4, "item_seconds": 10}
    tonight = stocked.night(limits=slow)
    assert tonight.summary.outcomes == {"failed": 1}
    assert list(tonight.report["reason_code"]) == ["not_ready"]
    assert (tonight.summary.money.charged, tonight.summary.money.uncertain) == (0, 0.5)
    assert (books(stocked)["charged_calls"], len(tickets(stocked))) == (1, 1)
    stocked.market.state.faults.clear()
    tomorrow = stocked.night(retry=True)
    assert tomorrow.summary.outcomes == {"recovered": 1}
    assert (books(stocked)["charged_calls"], tickets(stocked)) == (1, [])
    assert past_runs.read_summary(stocked.job()).money.paid_before == 0.5


@pytest.mark.parametrize(
    ("played_so", "code"),
    [
        ({"result_bytes": 100_000_001}, "result_too_large"),
        ({"result_location": "ftp://example.com/a.png"}, "result_address_refused"),
        ({"result_location": "http://[odd"}, "result_address_refused"),
    ],
    ids=["large", "ftp", "odd"],
)
def test_a_result_that_will_never_be_fetched_is_settled(
    stocked: Shop, played_so: dict[str, Any], code: str
) -> None:
    """Charged, said, and left alone by later nights."""
    stocked.list(stocked.row("0", "0.png"))
    stocked.market.state.change({"backgroundcut": played_so})
    try:
        tonight = stocked.night()
        stocked.later(days=1)
        tomorrow = stocked.night()
    finally:
        stocked.market.state.change({"backgroundcut": dict.fromkeys(played_so)})
    assert tonight.summary.outcomes == tomorrow.summary.outcomes == {"rejected": 1}
    assert list(tonight.report["reason_code"]) == [code]
    assert "it has been charged" in tonight.report["reason"][0]
    money = tonight.summary.money
    assert (money.charged, money.uncertain, tomorrow.summary.calls) == (0.5, 0, 0)
    assert (books(stocked)["charged_calls"], books(stocked)["fetched_results"]) == (1, 1)
    assert tickets(stocked) == []


def test_a_429_for_a_result_makes_everybody_wait(stocked: Shop) -> None:
    """As one for a call does: nothing more is sent before the provider's time is over."""
    fail_results(stocked, "status_429", 1, retry_after=4)
    summary = stocked.night(limits={"calls_at_once": 1, "workers": 4}).summary
    assert summary.outcomes == {"cut": PICTURES}
    assert summary.waits["pause"] > 2
    assert books(stocked)["charged_calls"] == PICTURES


def test_a_ticket_that_nobody_needs_does_not_stay(stocked: Shop, tmp_path: Path) -> None:
    """It goes with its own catalog's other private inputs; a younger one is kept."""
    die_waiting(stocked, tmp_path / "scratch")
    old, young = tickets(stocked)
    kept = json.loads(old.read_text())
    old.write_text(json.dumps(kept | {"given_at": "2020-01-01T00:00:00Z"}))
    stocked.list()
    other = stocked.neighbour("other")
    other.list()
    other.night(keep_private_days=1)
    assert set(tickets(stocked)) == {old, young}
    stocked.night(max_gone_share=1.0)
    assert tickets(stocked) == [young]


def test_a_ticket_that_cannot_be_read_is_told_and_keeps_its_picture_from_being_bought(
    stocked: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has paid for it; the sentence names the file and what to do with it."""
    die_waiting(stocked, tmp_path / "scratch")
    damaged, _ = tickets(stocked)
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:40])
    night_after = stocked.night()
    assert night_after.summary.outcomes == {"cut": 2, "recovered": 1, "failed": 1}
    assert dict(night_after.summary.top_errors) == {"ticket_unreadable": 1}
    (row,) = night_after.report[night_after.report["outcome"] == "failed"].to_dict("records")
    assert str(damaged) in row["reason"]
    assert "restore" in row["reason"]
    assert str(damaged) in caplog.text
    assert (books(stocked)["charged_calls"], tickets(stocked)) == (PICTURES, [damaged])
    damaged.write_bytes(whole)
    restored = stocked.night(retry=True)
    assert restored.summary.outcomes == {"recovered": 1, "unchanged": 3}
    assert books(stocked)["charged_calls"] == PICTURES
    assert list(stocked.state.glob("tickets*/*")) == []


def test_a_ticket_that_cannot_be_read_has_its_time_too(stocked: Shop, tmp_path: Path) -> None:
    """It begins with the night that found it; afterwards the picture is bought."""
    die_waiting(stocked, tmp_path / "scratch")
    damaged, _ = tickets(stocked)
    damaged.write_bytes(b"{")
    stocked.night()
    (found,) = stocked.state.glob("tickets-unreadable/*")
    found.write_text("2020-01-01T00:00:00+00:00")
    again = stocked.night(retry=True)
    assert again.summary.outcomes == {"cut": 1, "unchanged": 3}
    assert list(stocked.state.glob("tickets*/*")) == []
