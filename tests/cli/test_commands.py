"""The command as its user runs it: real processes, a real sandbox, a real Prefect server."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from cli.exits import Exit
from packshot.providers.registry import PROVIDERS
from tests.cli.desk import Desk
from tests.flows.served import Prefect, soon
from tests.run.nights import photo

pytestmark = pytest.mark.slow


# --- looking only ---------------------------------------------------------------------


def test_plan_spends_nothing_and_leaves_nothing(plain_desk: Desk) -> None:
    """Not one call, not one file; the numbers are on stdout."""
    manifest = plain_desk.catalog(3)
    done = plain_desk.do("plan", manifest, "out", *plain_desk.sandboxed)
    assert done.code == Exit.DONE
    assert "At most 3 calls for 3 credits" in done.out
    assert (plain_desk.charged, plain_desk.left_behind) == (0, {manifest})


def test_plan_that_fetches_is_exact(plain_desk: Desk) -> None:
    """Equal, transparent and broken pictures are known before anything is bought."""
    plain_desk.catalog(2)
    plain_desk.put("same.png", photo(0))
    plain_desk.put("broken.png", b"no picture")
    plain_desk.put_transparent("cut.png")
    manifest = plain_desk.list("0.png", "1.png", "same.png", "broken.png", "cut.png", "none.png")
    done = plain_desk.do("plan", manifest, "out", *plain_desk.sandboxed, "--fetch", "--json")
    plan = done.document
    assert (plan["exact"], plan["calls_at_most"], plan["at_most"]) == (True, 2, 2.0)
    assert "1 of the fetched pictures: equal to another new picture" in plan["unknowns"]
    assert (plain_desk.charged, plain_desk.left_behind) == (0, {manifest})


def test_plan_that_fetches_shows_how_far_it_is(plain_desk: Desk) -> None:
    """At a terminal a bar moves on stderr; for machines there is none."""
    plain_desk.market.state.change({"cdn_latency_seconds": 0.6})
    words = ("plan", plain_desk.catalog(4), "out", *plain_desk.sandboxed, "--fetch")
    slowly = ("--set=limits.fetches_at_once=2",)
    done = plain_desk.do_at_terminal(*words, *slowly)
    assert done.code == Exit.DONE
    assert "fetching pictures" in done.err
    assert re.search("[1-3]/4", done.err)
    assert "/4" not in done.out
    assert plain_desk.do_at_terminal(*words, "--json").err == ""


@pytest.mark.parametrize("flag", ["--limit=2", "--sample=2", "--only=SKU-0.png"])
def test_plan_of_a_part_counts_that_part(plain_desk: Desk, flag: str) -> None:
    """What is not chosen is shown as such, and priced at nothing."""
    plan = plain_desk.do(
        "plan", plain_desk.catalog(4), "out", *plain_desk.sandboxed, flag, "--json"
    ).document
    chosen = 1 if "only" in flag else 2
    assert plan["states"] == {"new": chosen, "not selected": 4 - chosen}
    assert plan["calls_at_most"] == chosen


def test_more_than_fifty_paid_calls_need_a_yes(plain_desk: Desk) -> None:
    """Where money is real the plan says which words approve it."""
    plain_desk.market.pass_for_real()
    manifest = plain_desk.catalog(51)
    asked = plain_desk.do("plan", manifest, "out", *plain_desk.sandboxed, "--json").document
    assert asked["verdict"] == "needs an answer"
    assert "--max-credits 51" in asked["message"]
    assert "--yes 51" in asked["message"]
    said = plain_desk.do("plan", manifest, "out", *plain_desk.sandboxed, "--yes=51", "--json")
    assert said.document["verdict"] == "go"


def test_plan_of_a_manifest_that_shrank_asks_as_the_run_does(desk: Desk) -> None:
    """Plan and run put the same question; the plan is done all the same, the run is not begun."""
    manifest = desk.catalog(4)
    assert desk.do("run", manifest, "out", *desk.sandboxed).code == Exit.DONE
    desk.catalog(2)
    words = (manifest, "out", *desk.sandboxed)
    planned, run = desk.do("plan", *words, "--json"), desk.do("run", *words)
    assert (planned.code, run.code) == (Exit.DONE, Exit.STOPPED)
    assert planned.document["verdict"] == "needs an answer"
    assert "2 of 4 known items are missing from the manifest" in planned.document["message"]
    assert planned.document["message"] in run.err
    assert planned.document["message"] in desk.do("plan", *words).out.replace("\n", " ")
    raised = desk.do("plan", *words, "--max-gone-share=0.5", "--json").document
    assert (raised["verdict"], raised["gone"]) == ("go", 2)


def test_account_shows_the_balance(plain_desk: Desk) -> None:
    """The account is read over the wire; a refused key is a stop."""
    url = plain_desk.sandboxed[3]
    done = plain_desk.do("account", "--provider-url", url, "--json")
    assert done.document["total"] == plain_desk.market.state.credits
    refused = plain_desk.do("account", "--provider-url", url, key="invalid")
    assert (refused.code, refused.out) == (Exit.STOPPED, "")
    assert "refuses the API key" in refused.err


def test_sandbox_says_that_its_port_is_taken(plain_desk: Desk) -> None:
    """A port that somebody uses is named, with what to do."""
    port = plain_desk.market.url.rpartition(":")[2]
    done = plain_desk.do("sandbox", "--port", port)
    assert done.code == Exit.WRONG_USAGE
    assert f"--port {port} cannot be used" in done.err


def test_sandbox_ends_with_ctrl_c(plain_desk: Desk) -> None:
    """It takes a free port, says where it is, and its end is no error."""
    going = plain_desk.begin("sandbox", "--port", "0")
    assert going.stderr is not None
    assert ":0/" not in going.stderr.readline() + going.stderr.readline()
    assert plain_desk.end(going, signal.SIGINT).code == Exit.DONE


def test_sandbox_says_to_machines_where_it_is(plain_desk: Desk) -> None:
    """One document while it serves; its addresses answer."""
    going = plain_desk.begin("sandbox", ".", "--port", "0", "--json")
    assert going.stdout is not None
    lines = list(iter(lambda: going.stdout and going.stdout.readline().rstrip(), "}"))
    told = json.loads("\n".join([*lines, "}"]))
    assert told.keys() == {"provider_url", "others", "cdn", "state"}
    assert told["others"]["leonardo"].endswith("/api/rest")
    assert told["others"].keys() == PROVIDERS.keys() - {"local", "rembg", "removebg"}
    assert soon(lambda: answers(told["state"]), 20, "the sandbox's state")
    assert plain_desk.end(going, signal.SIGINT).code == Exit.DONE


def answers(url: str) -> bool | None:
    """Whether something is served there; None while nobody listens."""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return None


def test_prefect_server_that_is_down_is_named(plain_desk: Desk) -> None:
    """It is no defect of the command's; one line says what to do."""
    down = "http://127.0.0.1:1/api"
    plain_desk.environment = {**plain_desk.environment, "PREFECT_API_URL": down}
    done = plain_desk.do("run", plain_desk.catalog(1), "out", *plain_desk.sandboxed)
    assert (done.code, done.out, plain_desk.charged) == (Exit.STOPPED, "", 0)
    assert f"Prefect's server at {down} does not answer (ConnectError)" in done.err
    assert "start the server or unset PREFECT_API_URL" in done.err
    assert done.err.count("\n") == 1


# --- running --------------------------------------------------------------------------


def test_saved_plan_is_carried_out_and_nothing_else(desk: Desk) -> None:
    """What came into the manifest after the plan is not bought, nor more than `at most`."""
    manifest = desk.catalog(3)
    saved = desk.do("plan", manifest, "out", *desk.sandboxed, "--limit=2", "--save=p")
    assert "packshot run --plan p" in saved.out
    assert (desk.folder / "p").stat().st_mode & 0o077 == 0
    desk.catalog(5)
    done = desk.do("run", manifest, "out", "--plan=p", "--json")
    assert (done.code, done.document["rows"], desk.charged) == (Exit.DONE, 3, 2)


def test_run_shows_how_far_it_is(desk: Desk) -> None:
    """At a terminal a bar counts pictures, and what became of them."""
    desk.market.state.change({"latency_seconds": 0.6})
    slowly = ("--set=limits.calls_at_once=2",)
    done = desk.do_at_terminal("run", desk.catalog(6), "out", *desk.sandboxed, *slowly)
    assert done.code == Exit.DONE
    assert "starting Prefect" in done.err
    assert re.search("[1-5] cut .*[1-5]/6", done.err)


def test_report_of_a_dead_run_shows_that_it_is_made(desk: Desk) -> None:
    """Publishing takes its time, too."""
    desk.market.state.change({"latency_seconds": 1})
    desk.catalog(6)
    many = desk.list(*(f"{number}.png" for number in range(40_000)))  # or it is made at once
    words = ("run", many, "out", *desk.sandboxed, "--limit=6", "--set=limits.calls_at_once=2")
    desk.end(desk.begin_and_wait(*words, calls=1), signal.SIGKILL)
    done = desk.do_at_terminal("report", "out")
    assert done.code == Exit.DONE
    assert re.search("publishing reports of earlier runs .*0/1", done.err)


def test_failures_are_told_and_retried_alone(desk: Desk) -> None:
    """A broken picture gives exit code 1; mended, `retry` cuts just that one."""
    desk.catalog(2)
    desk.put("sad.png", b"no picture")
    done = desk.do("run", desk.list("0.png", "1.png", "sad.png"), "out", *desk.sandboxed)
    assert done.code == Exit.SOME_FAILED
    assert done.err.index("SKU from column `sku`") < done.err.index("At most 3 calls")
    desk.put("sad.png", photo(9))
    (desk.folder / "elsewhere").mkdir()
    again = desk.do("retry", "out", "--json")
    assert (again.code, again.document["outcomes"]) == (Exit.DONE, {"unchanged": 2, "cut": 1})
    assert (desk.charged, max(desk.sold.values())) == (3, 1)
    assert desk.do("report", "out", "--json").document == again.document


def test_signed_manifest_stays_here_and_is_named_again_for_a_retry(
    desk: Desk, server: Prefect
) -> None:
    """Neither Prefect nor the state learn the signature; `retry` says what it needs."""
    desk.put("list.csv", (desk.folder / desk.catalog(1)).read_bytes())
    signed = f"{desk.market.url}/cdn/{desk.name}/list.csv?sig=planted-7f3"
    assert desk.do("run", signed, "out", *desk.sandboxed).code == Exit.DONE
    assert "planted-7f3" not in json.dumps(server.ask("POST", "/flow_runs/filter", {}))
    assert b"planted" not in b"".join(
        file.read_bytes() for file in (desk.folder / "out-state").rglob("*.json")
    )
    refused = desk.do("retry", "out")
    assert refused.code == Exit.WRONG_USAGE
    assert "list.csv with a query or a login, which are not kept" in refused.err
    assert desk.do("retry", "out", "--manifest", signed).code == Exit.DONE


def test_only_that_names_nothing_is_refused(desk: Desk) -> None:
    """A typing mistake is no run well done; nothing is bought."""
    done = desk.do("run", desk.catalog(1), "out", *desk.sandboxed, "--only=SKU-7", "--json")
    assert (done.code, desk.charged) == (Exit.WRONG_USAGE, 0)
    assert "--only SKU-7: the manifest has no such" in done.document["message"]


def test_empty_account_stops(desk: Desk) -> None:
    """Without credits a run ends with exit code 3, and its report says why."""
    desk.market.state.balance["subscription"] = 0
    done = desk.do("run", desk.catalog(2), "out", *desk.sandboxed, "--json")
    assert (done.code, done.document["stop_code"]) == (Exit.STOPPED, "no_credits")
    assert desk.charged == 0


def test_run_that_is_stopped_and_killed_is_finished_by_the_next(desk: Desk) -> None:
    """Ctrl-C ends with 130 and a sentence, a killed run is published, each picture is sold once.

    Calls that nobody could wait for are the exception: they are named as uncertain.
    """
    desk.market.state.change({"latency_seconds": 1})
    words = ("run", desk.catalog(14), "out", *desk.sandboxed, "--set=limits.calls_at_once=2")
    stopped = desk.end(desk.begin_and_wait(*words, calls=2), signal.SIGINT)
    assert (stopped.code, stopped.out) == (Exit.INTERRUPTED, "")
    assert "packshot: asked to stop by SIGINT" in stopped.err
    assert max(desk.sold.values()) == 1

    killed = desk.begin_and_wait(*words, calls=desk.charged + 3)
    desk.market.state.change({"latency_seconds": 60})  # it is at work for as long as it is asked
    for busy in (desk.do("retry", "out", "--json"), desk.do("retry", "out")):
        assert busy.code == Exit.BUSY
    assert "is being worked on by run" in busy.err
    desk.end(killed, signal.SIGKILL)
    told = desk.do("report", "out", "--json")
    assert (told.code, told.document["interrupted"]) == (Exit.DONE, True)

    desk.market.state.change({"latency_seconds": 0})
    done = desk.do(*words, "--json")
    assert (done.code, len(desk.sold)) == (Exit.DONE, 14)
    assert desk.charged <= 14 + told.document["money"]["uncertain"] <= 16


@pytest.fixture
def _storage(desk: Desk) -> Iterator[None]:
    """Object storage without any bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    desk.environment = {
        **desk.environment,
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    yield
    server.stop()


@pytest.mark.usefixtures("_storage")
def test_missing_bucket_stops_before_anything_is_bought(desk: Desk) -> None:
    """The bucket is named in one line."""
    done = desk.do("run", desk.catalog(1), "s3://nowhere/out", *desk.sandboxed)
    assert (done.code, done.out, desk.charged) == (Exit.STOPPED, "", 0)
    assert "s3://nowhere/out" in done.err
    assert "no such bucket" in done.err
    assert done.err.count("\n") == 1


def test_demo_costs_nothing_and_succeeds(desk: Desk) -> None:
    """Broken samples are part of the show: the demo ends well all the same."""
    done = desk.do("demo", "--json")
    assert (done.code, done.document["purchase_class"]) == (Exit.DONE, "free")
    assert Path(done.document["report"]).is_relative_to(desk.folder / "demo")


def test_inspect_says_what_a_manifest_is_taken_for(plain_desk: Desk) -> None:
    """For people and for machines, with the certainty."""
    file = plain_desk.folder / "any.txt"
    file.write_text("Handle,Image Src,Image Position\nmug,https://img.example/1.jpg,1\n")
    said = plain_desk.do("inspect", "any.txt").out
    assert "Shopify, delimited by comma, utf-8" in said
    assert "sure: the header has `Handle`, `Image Src`" in said
    document = plain_desk.do("inspect", "any.txt", "--json").document
    assert (document["sure"], document["pictures"]) == ("sure", 1)
    assert document["because"] == "the header has `Handle`, `Image Src`"
    named = ("--key", "Handle", "--images", "Image Src", "--format", "table")
    plain = plain_desk.do("inspect", "any.txt", *named, "--json").document
    assert (plain["sure"], plain["pictures"]) == ("as asked", 1)
