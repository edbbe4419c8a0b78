"""A run may be taken away at any moment: nothing is lost, and what was paid for is found again."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from PIL import Image

from packshot.facts.errors import StoreUnavailable
from packshot.facts.outcome import Outcome
from packshot.run import past_runs, session
from packshot.run.workshop import new_run_id
from packshot.world.holders import Holder, created
from packshot.world.ledger import Head
from packshot.world.store import LocalStore
from tests.run.nights import CATALOG, KEY, Shop
from tests.run.processes import die_before_keeping, die_writing, night, take_away, wait_for

DIFFERENT, EQUAL, WORKERS = 40, 8, 12
ITEMS = DIFFERENT + EQUAL
ENDED = {str(outcome) for outcome in Outcome}


@pytest.fixture
def stocked(shop: Shop) -> Iterator[Shop]:
    """A shop with forty pictures, one of them under eight more SKUs, and a provider to wait for."""
    shop.market.pass_for_real()
    shop.settings = {
        "limits": {"workers": WORKERS, "calls_at_once": WORKERS // 2},
        "spool": str(shop.folder / "spool"),
    }
    for number in range(DIFFERENT):
        shop.draw(f"{number}.png", colour=number)
    equal = [shop.row(f"equal-{number}", "7.png") for number in range(EQUAL)]
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(DIFFERENT)), *equal)
    shop.market.state.change({"latency_seconds": (0.02, 0.25)})
    yield shop
    shop.market.state.change({"latency_seconds": 0.0})


def killed(shop: Shop, scratch: Path, *, after: str | None, seconds: float) -> int:
    """Take a run away so many seconds after it has come so far; answers its open calls."""
    before = set(runs_of(shop))
    with night(shop.job(), KEY, scratch) as process:
        if after is not None:
            wait_for(process, after)
        time.sleep(seconds)
        take_away(process)
    return sum(open_calls(shop, run) for run in set(runs_of(shop)) - before)


def runs_of(shop: Shop) -> list[Path]:
    """The folders of all runs that are on record, in order."""
    return sorted(file.parent for file in shop.state.glob("*/runs/*/run.json"))


def open_calls(shop: Shop, run: Path) -> int:
    """Calls that a run has declared and whose purchase is not stored."""
    lines = [line for file in run.glob("intents/*") for line in file.read_text().splitlines()]
    wanted = [json.loads(line)["fingerprint"] for line in lines]
    return sum(not list(shop.state.glob(f"masters/*/{name}/*.zip")) for name in wanted)


def summaries(shop: Shop) -> list[dict[str, Any]]:
    """Of all runs that are on record, in order; each must have one."""
    return [json.loads((run / "summary.json").read_text()) for run in runs_of(shop)]


def assert_every_item_ended_once(report: pd.DataFrame) -> None:
    """One row and one outcome per item, whatever happened to the run."""
    assert sorted(report["row"]) == list(range(2, ITEMS + 2))
    assert report["key"].is_unique
    assert set(report["outcome"]) <= ENDED


def assert_paid_for(shop: Shop, runs: list[dict[str, Any]], lost: int) -> None:
    """At most the calls that were open are lost, and these are named in the books."""
    state = shop.market.state
    assert state.charged_calls <= DIFFERENT + lost
    assert len(state.identities) == DIFFERENT
    charged = sum(run["money"]["charged"] for run in runs)
    uncertain = sum(run["money"]["uncertain"] for run in runs)
    assert charged <= state.credits_charged <= charged + uncertain


def assert_tidy(place: Path) -> None:
    """Nothing lies about half written, and nobody claims a picture any more."""
    assert not [file for file in place.rglob("*.partial*") if file.is_file()]
    assert not [file for file in place.rglob("claims/**/*") if file.is_file()]


def assert_pictures_are_whole(shop: Shop, report: pd.DataFrame) -> None:
    """Every path of the report leads to a picture that decodes and has something cut out."""
    paths = [one["path"] for pictures in report["pictures"] for one in pictures]
    assert len(paths) == ITEMS
    for path in paths:
        with Image.open(shop.folder / "out" / shop.catalog / path) as picture:
            least, most = picture.getchannel("A").getextrema()
        assert least < most, path


def test_a_run_that_is_killed_again_and_again(stocked: Shop, tmp_path: Path) -> None:
    """Every dead run has its report, every item ends well, and no picture is bought twice over."""
    moments = [random.uniform(0.05, 0.5) for _ in range(7)]  # noqa: S311
    kills: list[tuple[str | None, float]] = [
        (None, random.uniform(0.3, 1.0)),  # noqa: S311
        *(("on record", moment) for moment in moments),
    ]
    lost = [
        killed(stocked, tmp_path / "scratch", after=after, seconds=seconds)
        for after, seconds in kills
    ]
    assert max(lost) <= WORKERS
    last = stocked.night()
    runs = summaries(stocked)
    assert not last.summary.interrupted
    assert any(run["interrupted"] for run in runs), kills
    finished = [run for run in runs if not run["interrupted"]]
    assert not any("deferred" in run["outcomes"] for run in finished), kills
    for folder in runs_of(stocked):
        assert_every_item_ended_once(pd.read_parquet(folder / "report.parquet"))
    assert set(last.outcomes.values()) <= {"cut", "recovered", "reused", "unchanged"}, kills
    assert_paid_for(stocked, runs, sum(lost))
    assert_tidy(tmp_path)
    assert_pictures_are_whole(stocked, last.report)
    assert (head(stocked).open_runs, head(stocked).unknown_purchases) == ([], [])
    again = stocked.night()
    assert (again.seen.posts, again.summary.outcomes) == (0, {"unchanged": ITEMS})


def test_a_purchase_that_no_item_knew_is_recovered(stocked: Shop) -> None:
    """What a dead run bought and could not note is on a list, until an item learns of it."""
    stocked.dead_night(limit=10)
    (dead,) = past_runs.publish_open_runs(stocked.job())
    assert (dead.interrupted, dead.money.charged, dead.money.uncertain) == (True, 10, 0)
    assert dead.outcomes == {"deferred": ITEMS}
    assert len(head(stocked).unknown_purchases) == 10
    night = stocked.night()
    assert night.summary.outcomes["recovered"] == 10 + EQUAL
    assert night.summary.money.paid_before == 10
    assert head(stocked).unknown_purchases == []
    assert stocked.market.state.charged_calls == DIFFERENT


def capped(shop: Shop, cap: float, *, flow_run: str) -> tuple[int, dict[str, int]]:
    """A night with this cap: calls that were charged, and how items ended."""
    night = shop.night(max_credits=cap, flow_run=flow_run)
    return night.seen.posts, night.summary.outcomes


def test_a_flow_run_that_is_run_again_spends_its_cap_once(stocked: Shop) -> None:
    """What its dead tries have spent counts, whoever published them; another run has its own."""
    stocked.dead_night(max_credits=3, flow_run="0198-first")
    past_runs.publish_open_runs(stocked.job())
    stocked.dead_night(max_credits=5, flow_run="0198-first")
    assert stocked.market.state.charged_calls == 5
    again = capped(stocked, 6, flow_run="0198-first")
    assert again == (1, {"deferred": ITEMS - 6, "recovered": 5, "cut": 1})
    (*_, last) = runs_of(stocked)
    assert json.loads((last / "run.json").read_text())["job"]["max_credits"] == 6
    assert capped(stocked, 3, flow_run="0198-other-first")[0] == 3


def test_a_try_without_a_report_may_have_spent_everything(stocked: Shop) -> None:
    """Where nobody knows what is left of the cap, nothing is."""
    stocked.dead_night(max_credits=2, flow_run="0198-first")
    past_runs.publish_open_runs(stocked.job())
    (run,) = runs_of(stocked)
    (run / "summary.json").unlink()
    assert capped(stocked, 9, flow_run="0198-first")[0] == 0


def test_a_flow_run_that_died_after_its_report_spends_its_cap_once(stocked: Shop) -> None:
    """Prefect never heard that it had ended and runs it again; a run that is new may go on."""
    assert capped(stocked, 2, flow_run="0198-first")[0] == 2
    assert capped(stocked, 2, flow_run="0198-first")[0] == 0
    assert capped(stocked, 5, flow_run="0198-first")[0] == 3
    assert capped(stocked, 2, flow_run="0198-other")[0] == 2


def with_photoroom(shop: Shop) -> dict[str, Any]:
    """What another provider needs to stand in."""
    shop.market.state.change({"photoroom": {"balance": 100.0}})
    return {"provider": "photoroom", "provider_url": shop.market.url}


@pytest.mark.parametrize("part", ["ended", "died"])
def test_a_cap_in_money_holds_for_all_providers_of_a_flow_run(stocked: Shop, part: str) -> None:
    """Whichever part of the night spent it, in whichever try, and whether it lived to say so."""
    stocked.settings |= {
        "max_cost": 1.0,
        "price_per_unit": {"removebg": 0.2, "photoroom": 0.1},
        "insist": True,
    }
    first = {"only": ["0", "1", "2"], "flow_run": "0198-first"}
    if part == "died":
        stocked.dead_night(**first)
    else:
        stocked.night(**first)
    then = stocked.night(flow_run="0198-first", **with_photoroom(stocked))
    assert (then.summary.calls, then.summary.money.cost) == (4, 0.4)
    assert "`max_cost` (" in str(then.summary.stopped)
    tried_again = stocked.night(flow_run="0198-first")
    assert tried_again.summary.calls == 0
    assert stocked.night(flow_run="0198-other").summary.calls == 5


def test_what_one_provider_may_be_paid_for_another_does_not_buy_in_that_flow_run(
    stocked: Shop,
) -> None:
    """For no other product that shows the same picture; a later night may."""
    keys = {"only": ["equal-0", "8"]}
    stocked.fail_next("reset_after_read", times=2)
    stocked.night(only=["7"], flow_run="0198-first")
    then = stocked.night(flow_run="0198-first", **keys, **with_photoroom(stocked))
    assert dict(then.summary.top_errors) == {"unanswered_before": 1}
    assert then.outcomes["8#1"] == "cut"
    later = stocked.night(flow_run="0198-next", retry=True, **keys, **with_photoroom(stocked))
    assert (then.summary.calls, later.summary.calls) == (1, 1)


def test_a_run_killed_before_its_report_loses_no_work(stocked: Shop, tmp_path: Path) -> None:
    """What was noted counts: the report of a run that was through says what it had done."""
    stocked.market.state.change({"latency_seconds": 0.0})
    killed(stocked, tmp_path / "scratch", after="worked", seconds=0)
    last = stocked.night()
    (dead,) = last.earlier
    assert dead.interrupted
    assert dead.money.charged == DIFFERENT
    assert last.seen.posts == 0
    assert set(last.outcomes.values()) <= {"recovered", "reused", "unchanged"}


def test_a_run_killed_when_its_report_was_written(stocked: Shop) -> None:
    """A run whose report was there and whose ledger was not moved is published anew, the same."""
    stocked.market.state.change({"latency_seconds": 0.0})
    work, _ = session.begin(stocked.job(), KEY)
    try:
        session.read_manifest(work)
        session.detect_changes(work)
        session.check_credits(work)
        unmoved = head_file(stocked)
        session.run_in_threads(work)
        first = session.publish_report(work)
    finally:
        work.close()
    moved = head_file(stocked)
    assert moved != unmoved
    moved.unlink()
    (again,) = stocked.night().earlier
    assert (again.run_id, again.outcomes) == (first.run_id, first.outcomes)
    assert (again.money.charged, again.calls) == (DIFFERENT, DIFFERENT)


def test_an_answer_that_was_not_stored_yet_is_not_lost(stocked: Shop, tmp_path: Path) -> None:
    """The copy on this machine outlives its run; the next one stores it and pays nothing twice."""
    stocked.settings = {"limits": {"workers": 1}, "spool": str(tmp_path / "spool")}
    die_before_keeping(stocked.job(limit=1), KEY)
    assert stocked.market.state.charged_calls == 1
    assert not list(stocked.state.glob("masters/*/*/*.zip"))
    night = stocked.night(limit=3)
    (dead,) = night.earlier
    assert (dead.money.charged, dead.money.uncertain) == (1, 0)
    assert stocked.market.state.charged_calls == 3
    assert night.summary.outcomes["recovered"] == 1
    assert night.last_of("0")["box_computed_width"] == night.last_of("1")["box_computed_width"]
    assert not [file for file in (tmp_path / "spool").rglob("*") if file.is_file()]


def test_what_only_a_dead_process_knew_is_swept_up(stocked: Shop, tmp_path: Path) -> None:
    """Scratch space and claims of the dead are gone, though nobody asks for those pictures."""
    stocked.market.state.change({"latency_seconds": 0.0})
    scratch = tmp_path / "scratch"
    killed(stocked, scratch, after="worked", seconds=0)
    kept = next(stocked.state.glob("masters/*/*/removebg.zip"))
    dead = Holder.myself("dead", CATALOG, 3600).model_copy(update={"pid": 2**22 + 1})
    claim = f"claims/{kept.parts[-3]}/{kept.parts[-2]}.removebg"
    assert created(LocalStore(str(stocked.state)), claim, 1, dead)
    assert list(scratch.iterdir())
    with night(stocked.job(), KEY, scratch) as process:
        wait_for(process, "published")
        process.wait()
    assert not list(scratch.iterdir())
    assert not list(stocked.state.glob("claims/*/*"))


def test_a_damaged_ledger_does_not_hide_a_dead_run(stocked: Shop) -> None:
    """While a file of the ledger is missing nothing begins; restored, the dead run is published."""
    stocked.night(limit=2)
    stocked.dead_night(limit=4)
    (file,) = stocked.state.glob("*/ledger/state-*.parquet")
    aside = file.rename(file.with_suffix(".lost"))
    with pytest.raises(StoreUnavailable, match="restore it"):
        stocked.night()
    aside.rename(file)
    assert [run.interrupted for run in stocked.night().earlier] == [True]


def test_what_was_half_written_is_swept_up(stocked: Shop, tmp_path: Path) -> None:
    """A write that a kill cut off leaves a file aside; the next run removes it."""
    for place in (stocked.state, stocked.folder / "out" / stocked.catalog):
        die_writing(place)
        assert [file for file in place.rglob("*.partial") if file.is_file()]
    stocked.night(limit=1)
    assert_tidy(tmp_path)


def test_a_run_on_object_storage_that_is_killed(
    stocked: Shop, bucket_url: str, tmp_path: Path
) -> None:
    """On S3 the same holds: the next process finds the dead run, its purchases and its lease."""
    places = {"destination": f"{bucket_url}/shop", "state": f"{bucket_url}/state"}
    job = stocked.job().model_copy(update=places)
    with night(job, KEY, tmp_path / "scratch") as process:
        wait_for(process, "on record")
        time.sleep(0.8)
        take_away(process)
    with night(job, KEY, tmp_path / "scratch") as process:
        wait_for(process, "published")
    runs = list(runs_on_s3(bucket_url))
    assert [run["interrupted"] for run in runs] == [True, False]
    assert [sum(run["outcomes"].values()) for run in runs] == [ITEMS, ITEMS]
    assert not {"failed", "deferred", "rejected"} & set(runs[1]["outcomes"])
    assert_paid_for(stocked, runs, WORKERS)


def runs_on_s3(bucket_url: str) -> Iterator[dict[str, Any]]:
    """Summaries in the order of the runs."""
    bucket = boto3.resource("s3").Bucket(bucket_url.removeprefix("s3://"))
    for thing in bucket.objects.filter(Prefix="state/shop/runs/"):
        if thing.key.endswith("/summary.json"):
            yield json.loads(thing.get()["Body"].read())


def head(shop: Shop) -> Head:
    """Where the ledger stands."""
    return Head.model_validate_json(head_file(shop).read_bytes())


def head_file(shop: Shop) -> Path:
    """What says where the ledger stands."""
    heads = shop.state / shop.catalog / "ledger" / "heads"
    return max(heads.iterdir(), key=lambda file: int(file.stem))


def test_parts_of_a_flow_run_have_names_of_their_own() -> None:
    """A fallback's may begin in the same second; all tell which flow run they belong to."""
    names = {new_run_id("0198-first") for _ in range(50)}
    assert len(names) == 50
    in_turn = []
    for _ in range(20):
        in_turn.append(new_run_id("0198-first"))
        time.sleep(0.001)
    assert in_turn == sorted(in_turn)
    assert all(name.endswith("-first") for name in names)
