"""Flows in a process of their own, on a real server: how they end, and what they put aside."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.flows.served import ROOT, Prefect, soon
from tests.run.nights import KEY, Market, Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("flows")]

FLOWS = """
import json, os, sys
from packshot.run import stopping
from flows.cut_catalog import cut_catalog
from flows.plan_only import plan_only
from flows.retry_failures import retry_failures
flows = {flow.name: flow for flow in (cut_catalog, plan_only, retry_failures)}
until = stopping.seconds_until
for line in sys.stdin:
    flow, job, home, seconds = json.loads(line)
    os.environ["HOME"] = home
    stopping.seconds_until = (lambda clock: seconds) if seconds else until  # nobody waits a minute
    state = flows[flow](**job, return_state=True)
    print(json.dumps([state.name, state.message]), flush=True)
"""

STORE = """
from prefect.blocks.system import Secret
Secret(value="{address}").save("shop-manifest", overwrite=True)
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A provider and a picture host."""
    with Market(tmp_path_factory.mktemp("cdn")) as market:
        yield market


@pytest.fixture
def shop(market: Market, tmp_path: Path) -> Shop:
    """Twelve pictures."""
    market.open_anew()
    shop = Shop(market, tmp_path, name=tmp_path.name)
    for number in range(12):
        shop.draw(f"{number:02d}.png", colour=number)
    shop.list(*(shop.row(f"{number:02d}", f"{number:02d}.png") for number in range(12)))
    return shop


@pytest.fixture(scope="module")
def flows(server: Prefect, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Popen[str]]:
    """A process that runs one flow after the other, as it is told."""
    log = tmp_path_factory.mktemp("flows") / "log"
    with (
        log.open("w") as said,
        Popen(
            [sys.executable, "-c", FLOWS],
            cwd=ROOT,
            env=server.environment | {"REMOVEBG_API_KEY": KEY},
            stdin=PIPE,
            stdout=PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield process
            process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, log.read_text()


def run(
    flows: Popen[str],
    shop: Shop,
    *,
    flow: str = "packshot",
    manifest: str | None = None,
    seconds_until_finish: float | None = None,
    **changes: object,
) -> tuple[str, str]:
    """Run the flow with this job; its state's name and sentence."""
    job = shop.job(**changes).model_dump(mode="json")
    job["manifest"] = manifest or job["manifest"]
    return ask(flows, [flow, job, str(shop.folder), seconds_until_finish])


def ask(flows: Popen[str], asked: list[object]) -> tuple[str, str]:
    """Run a flow with these parameters, right or wrong."""
    assert flows.stdin is not None
    assert flows.stdout is not None
    print(json.dumps(asked), file=flows.stdin, flush=True)
    name, message = json.loads(flows.stdout.readline())
    return name, message


def summary(shop: Shop) -> dict[str, Any]:
    """Of the newest run that was published."""
    newest = max(shop.state.glob(f"{shop.catalog}/runs/*/summary.json"))
    return dict(json.loads(newest.read_text()))


def recorded(shop: Shop) -> list[dict[str, Any]]:
    """The jobs of all runs, as they are on record for a retry by whoever it may be."""
    files = sorted(shop.state.glob(f"{shop.catalog}/runs/*/run.json"))
    return [json.loads(file.read_text())["job"] for file in files]


def test_at_the_time_to_finish_by_calls_in_flight_land(flows: Popen[str], shop: Shop) -> None:
    """No new call leaves, none is cut off, the rest is put off and the report is published."""
    shop.market.state.change({"latency_seconds": 12.0})
    try:
        name, message = run(
            flows,
            shop,
            seconds_until_finish=10.0,
            finish_by="05:30",
            limits={"calls_at_once": 4},
        )
    finally:
        shop.market.state.change({"latency_seconds": 0.0})
    assert name == "Completed", message
    said = summary(shop)
    assert said["stop_code"] == "finish_by"
    assert said["outcomes"] == {"deferred": 8, "cut": 4}
    assert said["money"]["uncertain"] == 0
    assert shop.market.state.credits_charged == said["money"]["charged"] == 4
    assert run(flows, shop)[0] == "Completed"
    assert summary(shop)["outcomes"] == {"cut": 8, "unchanged": 4}


def test_a_run_fails_beyond_the_share_that_was_set(flows: Popen[str], shop: Shop) -> None:
    """Three of twelve: more than a fifth, and no more than a quarter."""
    for number in range(3):
        shop.put(f"{number:02d}.png", b"no picture")
    name, message = run(flows, shop, max_failed_share=0.2)
    assert (name, message.rpartition("; ")[2]) == ("Failed", "more than 20% did not succeed")
    assert run(flows, shop, max_failed_share=0.25)[0] == "CompletedWithFailures"


def test_what_cannot_be_stored_waits_at_home(flows: Popen[str], shop: Shop) -> None:
    """A run needs not be told of a spool; the next one delivers it, and nothing is bought again."""
    shop.state.mkdir(parents=True)
    (shop.state / "masters").write_text("a file in the way")
    name, message = run(flows, shop, limits={"workers": 4})
    assert (name, str(shop.folder / ".packshot" / "spool") in message) == ("StoreUnavailable", True)
    spooled = sorted((shop.folder / ".packshot" / "spool").glob("*/*.zip"))
    sold = shop.market.state.posts
    assert 1 <= len(spooled) == sold <= 4
    (shop.state / "masters").unlink()
    assert run(flows, shop)[0] == "Completed"
    assert set(shop.market.state.identities.values()) == {1}
    assert summary(shop)["outcomes"] == {"cut": 12 - sold, "recovered": sold}
    assert not list((shop.folder / ".packshot" / "spool").glob("*/*.zip"))
    assert {job["options"]["spool"] for job in recorded(shop)} == {None}


def test_a_spool_that_was_asked_for_is_used_and_stays_on_record(
    flows: Popen[str], shop: Shop
) -> None:
    """A folder that was named is part of the job."""
    shop.state.mkdir(parents=True)
    (shop.state / "masters").write_text("a file in the way")
    named = shop.folder / "named"
    assert run(flows, shop, limit=1, spool=str(named))[0] == "StoreUnavailable"
    assert len(list(named.glob("*/*.zip"))) == 1
    assert [job["options"]["spool"] for job in recorded(shop)] == [str(named)]


def test_a_plan_of_a_manifest_that_shrank_says_what_the_run_says(
    flows: Popen[str], shop: Shop
) -> None:
    """The question that the run would end with is the plan's message."""
    assert run(flows, shop)[0] == "Completed"
    shop.list(*(shop.row(f"{number:02d}", f"{number:02d}.png") for number in range(6)))
    planned = run(flows, shop, flow="packshot-plan")
    assert planned[1].startswith("6 of 12 known items are missing from the manifest")
    assert [planned, run(flows, shop)] == [
        (kind, planned[1]) for kind in ("Completed", "NeedsAnswer")
    ]


def test_a_secret_manifest_address_is_read_from_its_block(
    server: Prefect, flows: Popen[str], shop: Shop
) -> None:
    """Runs and plans find it there; nothing that Prefect or the state keep holds it."""
    shop.put("planted-4c1.csv", shop.manifest.read_bytes())
    store = STORE.format(address=shop.url("planted-4c1.csv?sig=planted-4c1"))
    server.command("-c", store)
    manifest = "secret:shop-manifest"
    planned = run(flows, shop, flow="packshot-plan", manifest=manifest)
    assert planned[0] == "Completed", planned
    done = run(flows, shop, manifest=manifest)
    assert done == ("Completed", "12 cut; 12 credits charged")
    assert [job["manifest"] for job in recorded(shop)] == [manifest]
    shop.take_down("planted-4c1.csv")
    assert run(flows, shop, manifest=manifest) == (
        "BadManifest",
        f"There is nothing at `{manifest}`; check the path.",
    )
    for kind in ("flow_runs", "task_runs", "logs", "artifacts", "events"):
        assert "planted-4c1" not in json.dumps(server.ask("POST", f"/{kind}/filter", {})), kind
    kept = [file for file in shop.state.rglob("*") if file.is_file()]
    assert not [file for file in kept if b"planted-4c1" in file.read_bytes()]


def test_a_block_that_is_not_there_is_named(flows: Popen[str], shop: Shop) -> None:
    """The sentence says where an address is expected."""
    name, message = run(flows, shop, manifest="secret:no-such-block")
    assert name == "BadOption"
    assert message.startswith("manifest: there is no Secret block `no-such-block`")


@pytest.mark.parametrize("flow", ["packshot", "packshot-plan", "packshot-retry"])
def test_wrong_options_end_in_a_sentence(
    server: Prefect, flows: Popen[str], shop: Shop, flow: str
) -> None:
    """No regular expression, no traceback, no list of all parameters: neither state nor log."""
    options = {"variants": [{"format": "jpeg"}], "finish_by": "25:00", "colour": "red"}
    asked = shop.job().model_dump(mode="json") | {"limit": -1, "options": options}
    name, message = ask(flows, [flow, asked, str(shop.folder), None])
    assert name == "BadOption"
    for said in (
        "`limit` must be at least 0, not `-1`; ",
        "`options.variants.0`: variant `cutout`: JPEG has no transparency; give it a background",
        "`options.finish_by` must be a local time from 00:00 to 23:59, such as `05:30`, not `25",
        "`options.colour` does not exist; `options` has catalog, columns",
    ):
        assert said in message
    newest = server.ask("POST", "/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 50})
    (mine,) = [row for row in newest if str(shop.manifest) in json.dumps(row["parameters"])]
    logs = soon(lambda: told_with(message, server.logs(mine["id"])), 30, "the sentence logged")
    assert not [line for line in logs if str(shop.manifest) in line or "Traceback" in line]


def told_with(message: str, logs: list[str]) -> list[str] | None:
    """All the lines, once this one is among them: they arrive a little later."""
    return logs if message in logs else None
