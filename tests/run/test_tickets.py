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
from tests.providers.contract import PROVIDERS
from tests.run.nights import KEY, Shop
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
    return dict(shop.market.state.snapshot()["providers"]["backgroundcut"])


def tickets(shop: Shop) -> list[Path]:
    """Jobs that are under way."""
    return list(shop.state.glob("tickets/*.json"))


def fail_results(shop: Shop, kind: str, times: int, **more: float) -> None:
    """Let the next results that are asked for go wrong."""
    fault = {"kind": kind, "times": times, "on": "backgroundcut_result", **more}
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
    over = stocked.night(provider="local", provider_url=None, insist=True)
    codes = list(over.report["reason_code"])
    assert codes.count("sent_elsewhere") == len(waiting) > 0


def test_a_run_that_is_killed_while_it_waits_pays_once(stocked: Shop, tmp_path: Path) -> None:
    """The next one collects what is paid for; both reports say so."""
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
    assert (set(rows["charged"]), set(rows["paid_before"])) == ({0.0}, {0.5})
    assert stocked.night().summary.outcomes == {"unchanged": PICTURES}


def test_a_job_that_was_under_way_when_its_run_was_killed_is_paid_once(
    shop: Shop, tmp_path: Path
) -> None:
    """It has no result yet, and no address: the next run asks until it has."""
    played = next(each for each in PROVIDERS if each.settings.get("mode") == "async")
    shop.market.pass_for_real()
    shop.market.state.change({"leonardo": {"balance": 100.0, "pending_polls": 4}})
    shop.settings = {
        "provider": played.name,
        "provider_url": played.address(shop.market),
        "provider_settings": {played.name: dict(played.settings)},
        "limits": {"calls_at_once": 2, "workers": 4},
        "max_credits": 50,
        "spool": str(shop.folder / "spool"),
    }
    for number in range(PICTURES):
        shop.draw(f"{number}.png", colour=number, size=SIZE)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(PICTURES)))
    with night(shop.job(), KEY, tmp_path / "scratch") as process:
        wait_for(process, "on record")
        soon(lambda: len(tickets(shop)) == 2, 30, "two jobs under way")
        take_away(process)
    assert played.charged(shop.market)[0] == 2
    again = shop.night()
    assert again.summary.outcomes == {"cut": PICTURES - 2, "recovered": 2}
    assert played.charged(shop.market)[0] == PICTURES
    assert tickets(shop) == []
    assert again.earlier[0].money.uncertain == pytest.approx(2 * played.price)


def test_a_result_that_has_expired_meanwhile_is_said_and_bought_later(
    stocked: Shop, tmp_path: Path
) -> None:
    """Not in the same night: it was paid for, and somebody should know."""
    waiting = die_waiting(stocked, tmp_path / "scratch")
    stocked.market.state.change({"backgroundcut": {"result_seconds": 0.01}})
    time.sleep(0.1)
    night_after = stocked.night(only=keys_of(stocked, waiting))
    assert "result_gone" in set(night_after.report["reason_code"].dropna())
    run = stocked.state / stocked.catalog / "runs" / night_after.summary.run_id
    lost = pd.read_parquet(run / "attempts.parquet")
    assert list(lost["code"]) == ["result_gone"] * 2
    assert (sum(lost["charged"]), sum(lost["uncertain"])) == (0, 0)
    assert books(stocked)["charged_calls"] == 2
    assert tickets(stocked) == []
    stocked.market.state.change({"backgroundcut": {"result_seconds": None}})
    again = stocked.night(retry=True, only=keys_of(stocked, waiting))
    assert again.summary.outcomes == {"cut": 2, "deferred": 2}


def test_what_is_paid_for_is_collected_though_nothing_may_be_spent(
    stocked: Shop, tmp_path: Path
) -> None:
    """A run that stands still before its first call takes the results that wait."""
    waiting = die_waiting(stocked, tmp_path / "scratch")
    after = stocked.night(max_credits=0.1)
    assert after.summary.outcomes == {"recovered": 2, "deferred": 2}
    assert set(after.report[after.report["outcome"] == "recovered"]["fingerprint"]) == set(waiting)
    assert (books(stocked)["charged_calls"], tickets(stocked)) == (2, [])


def test_a_ticket_that_cannot_be_read_is_no_leave_to_buy(stocked: Shop, tmp_path: Path) -> None:
    """The report names the file; without it the picture is bought."""
    die_waiting(stocked, tmp_path / "scratch")
    for file in tickets(stocked):
        file.write_text(file.read_text()[:20])
    after = stocked.night()
    assert after.summary.outcomes == {"cut": 2, "failed": 2}
    failed = after.report[after.report["outcome"] == "failed"]
    assert set(failed["reason_code"]) == {"ticket_unreadable"}
    assert all(any(str(file) in reason for file in tickets(stocked)) for reason in failed["reason"])
    assert books(stocked)["charged_calls"] == PICTURES
    for file in tickets(stocked):
        file.unlink()
    assert stocked.night(retry=True).summary.outcomes == {"cut": 2, "unchanged": 2}


def test_a_provider_that_is_asked_too_often_for_results_is_left_alone(stocked: Shop) -> None:
    """Nobody calls while it wants to be left alone, whichever of us it told."""
    fail_results(stocked, "status_429", 1, retry_after=2.0)
    tonight = stocked.night()
    assert tonight.summary.outcomes == {"cut": PICTURES}
    assert tonight.summary.waits["pause"] > 0.5


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


def test_a_ticket_that_nobody_needs_does_not_stay(stocked: Shop, tmp_path: Path) -> None:
    """It goes with the other private inputs; a younger one is kept."""
    die_waiting(stocked, tmp_path / "scratch")
    old, young = tickets(stocked)
    kept = json.loads(old.read_text())
    old.write_text(json.dumps(kept | {"given_at": "2020-01-01T00:00:00Z"}))
    stocked.list()
    stocked.night(max_gone_share=1.0)
    assert tickets(stocked) == [young]
