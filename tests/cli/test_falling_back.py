"""A night that another provider finishes, where the first one cannot."""

import json
from typing import Any

import httpx
import pandas as pd
import pytest

from cli.exits import Exit
from packshot.sandbox.state import Fault
from tests.cli.desk import Desk
from tests.run.nights import photo

pytestmark = pytest.mark.slow

FREE = ("--set=fallback.0=local", "--set=fallback_free=true")


def night(desk: Desk, manifest: str, *more: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run with `--json`: exit code, the summaries, and what was said beside them."""
    done = desk.do("run", manifest, "out", *desk.sandboxed, "--json", *more)
    found = json.loads(done.out) if done.out else []
    return done.code, found if isinstance(found, list) else [found], done.err


def rows(desk: Desk, run: dict[str, Any]) -> pd.DataFrame:
    """The report of a run."""
    return pd.read_parquet(desk.folder / f"out-state/out/runs/{run['run_id']}/report.parquet")


def test_free_cutouts_stand_in_until_the_paid_provider_is_back(desk: Desk) -> None:
    """An empty account: two pictures are paid for, two cut out here, and those bought later."""
    desk.market.pass_for_real()
    desk.market.state.change({"subscription": 2.0})
    manifest = desk.catalog(4)
    code, (first, then), _ = night(desk, manifest, *FREE)
    assert code == Exit.DONE
    assert (first["provider"], first["outcomes"]) == ("removebg", {"deferred": 2, "cut": 2})
    assert (then["provider"], then["outcomes"].get("cut")) == ("local", 2)
    table = rows(desk, then)
    assert set(table[table["outcome"] == "cut"]["purchase_class"]) == {"free"}
    assert len(list(desk.folder.glob("out/*/*.png"))) == 4
    desk.market.state.change({"subscription": 10.0})
    code, (again,), _ = night(desk, manifest, *FREE)
    assert (code, again["provider"]) == (Exit.DONE, "removebg")
    assert again["outcomes"] == {"cut": 2, "unchanged": 2}
    assert (desk.charged, max(desk.sold.values())) == (4, 1)


def test_free_cutouts_stand_in_only_where_they_may(desk: Desk) -> None:
    """Nobody gets less than was asked for without having said so; nothing is begun."""
    manifest = desk.catalog(1)
    code, found, said = night(desk, manifest, "--set=fallback.0=local")
    assert (code, said, desk.charged) == (Exit.WRONG_USAGE, "", 0)
    assert "or let it with `fallback_free`" in found[0]["message"]


def test_a_cap_that_nobody_could_hold_to_is_refused_before_anything_is_bought(desk: Desk) -> None:
    """Not only once the outage is there; so is a setting that the other provider does not know."""
    desk.environment = {**desk.environment, "PHOTOROOM_API_KEY": "any"}
    manifest = desk.catalog(1)
    other = ("--set=fallback.0=photoroom", f"--set=provider_urls.photoroom={desk.market.url}")
    money = ("--max-cost=1", "--set=price_per_unit.removebg=0.2")
    code, (found,), _ = night(desk, manifest, *other, *money)
    assert (code, desk.charged) == (Exit.WRONG_USAGE, 0)
    assert "say what one costs with `price_per_unit.photoroom`" in found["message"]
    wrong = ("--set=price_per_unit.photoroom=0.1", "--set=provider_settings.photoroom.edit=yes")
    code, (found,), _ = night(desk, manifest, *other, *money, *wrong)
    assert (code, desk.charged) == (Exit.WRONG_USAGE, 0)
    assert "photoroom" in found["message"].lower()


def test_what_is_not_among_the_causes_stays(desk: Desk) -> None:
    """A refused picture moves on only where that was asked for; the report says who cut it."""
    manifest = desk.catalog(2)
    refused = {"kind": "error_code:unknown_foreground", "times": 1}
    desk.market.state.add_fault(Fault.model_validate(refused))
    code, runs, _ = night(desk, manifest, *FREE)
    assert (code, [run["outcomes"] for run in runs]) == (
        Exit.SOME_FAILED,
        [{"rejected": 1, "cut": 1}],
    )
    desk.market.state.add_fault(Fault.model_validate(refused | {"times": 2}))
    other = ("--set=catalog=other", "--recut=all", '--set=fallback_on=["refused"]')
    code, runs, _ = night(desk, manifest, *FREE, *other)
    assert code == Exit.DONE
    assert [run["provider"] for run in runs] == ["removebg", "local"]
    assert runs[1]["outcomes"].get("cut") == 2


def test_a_provider_that_is_away_before_the_night_is_stood_in_for(desk: Desk) -> None:
    """The balance cannot be asked for, so the other one does it all."""
    manifest = desk.catalog(2)
    nobody = ("--provider-url=http://127.0.0.1:9/v1.0", *FREE)
    done = desk.do("run", manifest, "out", *desk.sandboxed, *nobody, "--json")
    (only,) = json.loads(done.out)
    assert (done.code, only["provider"], only["outcomes"]) == (Exit.DONE, "local", {"cut": 2})


def test_the_next_in_the_list_comes_where_one_cannot(desk: Desk) -> None:
    """One without a key is passed over, and what the first has spent is counted once."""
    desk.market.pass_for_real()
    desk.market.state.change({"subscription": 1.0, "photoroom": {"balance": 100.0}})
    desk.environment = {**desk.environment, "PHOTOROOM_API_KEY": "any"}
    for number in range(3):
        desk.put(f"{number}.png", photo(number, (800, 600)))
    order = ("--set=fallback.0=leonardo", "--set=fallback.1=photoroom")
    money = (
        "--max-cost=0.45",
        "--set=price_per_unit.removebg=0.2",
        "--set=price_per_unit.photoroom=0.1",
        f"--set=provider_urls.photoroom={desk.market.url}",
    )
    code, runs, said = night(desk, desk.list("0.png", "1.png", "2.png"), *order, *money)
    assert code == Exit.DONE, said
    assert [run["provider"] for run in runs] == ["removebg", "photoroom"]
    assert runs[0]["outcomes"] == {"deferred": 2, "cut": 1}
    assert runs[1]["outcomes"].get("cut") == 2
    assert runs[1]["money"]["cost"] == 0.2


def test_a_wrong_address_at_the_start_moves_the_list_on(desk: Desk) -> None:
    """Where that was asked for: the API is not there any more, and nothing has begun."""
    manifest = desk.catalog(2)
    moved = (f"--provider-url={desk.market.url}/elsewhere", "--json", *FREE)
    stays = desk.do("run", manifest, "out", *desk.sandboxed, *moved)
    assert (stays.code, "check `--provider-url`" in stays.out) == (Exit.WRONG_USAGE, True)
    closed = '--set=fallback_on=["closed"]'
    done = desk.do("run", manifest, "out", *desk.sandboxed, *moved, closed)
    (only,) = json.loads(done.out)
    assert (done.code, only["provider"], only["outcomes"]) == (Exit.DONE, "local", {"cut": 2})
    assert desk.charged == 0


def test_a_provider_that_only_says_to_wait_is_stood_in_for(desk: Desk) -> None:
    """Also for what never had its turn; nobody waits longer than a picture may take."""
    told = {"kind": "status_429", "times": 1000, "retry_after": 600}
    desk.market.state.add_fault(Fault.model_validate(told))
    short = ("--set=limits.item_seconds=10", "--set=limits.calls_at_once=1")
    code, (first, then), _ = night(desk, desk.catalog(2), *FREE, *short)
    assert (code, first["outcomes"], first["calls"]) == (Exit.DONE, {"deferred": 2}, 1)
    assert (then["provider"], then["outcomes"], desk.charged) == ("local", {"cut": 2}, 0)


def test_an_outage_of_the_shops_own_host_is_none_of_the_providers(desk: Desk) -> None:
    """No other one would get its pictures either, and nobody was called for them."""
    manifest = desk.catalog(2)
    rows_of = (desk.folder / manifest).read_text()
    port = httpx.URL(desk.market.url).port
    (desk.folder / manifest).write_text(rows_of.replace(f":{port}/cdn", ":9/cdn"))
    code, (only,), _ = night(desk, manifest, *FREE)
    assert (code, only["provider"], only["outcomes"]) == (
        Exit.SOME_FAILED,
        "removebg",
        {"failed": 2},
    )
    assert only["top_errors"] == [["unreachable", 2]]


def test_an_account_that_is_empty_from_the_start_is_stood_in_for(desk: Desk) -> None:
    """Nothing is called; all of it moves on."""
    desk.market.state.change({"subscription": 0.0})
    code, (first, then), _ = night(desk, desk.catalog(2), *FREE)
    assert (code, first["stop_code"], first["outcomes"]) == (
        Exit.DONE,
        "no_credits",
        {"deferred": 2},
    )
    assert (then["provider"], then["outcomes"], first["calls"]) == ("local", {"cut": 2}, 0)
    assert desk.charged == 0


def test_what_may_be_paid_for_does_not_move_on(desk: Desk) -> None:
    """Calls that were never answered: another provider would be the second to be paid."""
    fault = {"kind": "reset_after_read", "times": 2}
    desk.market.state.add_fault(Fault.model_validate(fault))
    code, (only,), _ = night(desk, desk.catalog(1), *FREE)
    assert (code, only["provider"], only["outcomes"]) == (
        Exit.SOME_FAILED,
        "removebg",
        {"failed": 1},
    )
    assert (only["money"]["charged"], only["money"]["uncertain"], desk.charged) == (0, 2, 2)


def test_what_may_be_paid_for_stays_though_its_last_call_was_refused(desk: Desk) -> None:
    """One call is never answered, and the next one hears that the account is empty."""
    for kind in ("reset_after_read", "status_402"):
        desk.market.state.add_fault(Fault(kind=kind, times=1))
    code, (only,), _ = night(desk, desk.catalog(1), *FREE)
    assert (code, only["provider"]) == (Exit.STOPPED, "removebg")
    assert (only["outcomes"], only["stop_code"]) == ({"deferred": 1}, "no_credits")
    assert (only["money"]["uncertain"], desk.charged) == (1, 1)


def test_a_picture_whose_ticket_waits_does_not_move_on(desk: Desk) -> None:
    """The others do; the next night collects it, though the account is empty."""
    desk.market.state.change({"bgeraser": {"balance": 1.0}})
    desk.market.state.add_fault(Fault(kind="status_503", times=1000, on="bgeraser_result"))
    desk.environment = {**desk.environment, "BGERASER_API_KEY": "any"}
    slow = (
        "--set=limits.workers=1",
        "--set=limits.calls_at_once=1",
        "--set=limits.item_seconds=10",
    )
    there = (f"--provider-url={desk.market.url}", "--provider=bgeraser", "--set=insist=true")
    for number in range(2):
        desk.put(f"{number}.png", photo(number, (800, 600)))
    manifest = desk.list("0.png", "1.png")
    _, (first, then), _ = night(desk, manifest, *FREE, *there, *slow)
    assert first["outcomes"] == {"failed": 1, "deferred": 1}
    assert first["top_errors"] == [["not_ready", 1]]
    assert (then["provider"], then["outcomes"].get("cut")) == ("local", 1)
    desk.market.state.faults.clear()
    _, (again, *_), _ = night(desk, manifest, *FREE, *there, *slow)
    assert (again["provider"], again["outcomes"]["recovered"]) == ("bgeraser", 1)
    books = desk.market.state.snapshot()["providers"]["bgeraser"]
    assert books["charged_calls"] == 1
