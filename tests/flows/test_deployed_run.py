"""The deployments as an operator has them: a real server, a real worker, real processes."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cli.exits import Exit
from flows.automations import MISSED
from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState, Settings
from tests.cli.desk import PACKSHOT
from tests.flows.catalogs import Catalog, drawn
from tests.flows.served import Prefect, Row, soon

pytestmark = pytest.mark.slow

SAMPLE_NIGHTS = [
    "13 cut, 3 rejected, 2 skipped, 1 failed, 1 reused; nothing charged",
    "14 unchanged, 3 rejected, 2 skipped, 1 deferred; nothing charged",
    "14 unchanged, 3 rejected, 2 skipped, 1 failed; nothing charged",
]
"""The sample catalog cut out, looked at again, and its failures retried."""
STORE_A_KEY = """
from prefect.blocks.system import Secret
Secret(value="planted-key").save("packshot-removebg-key")
"""
WAIT_TEN_SECONDS = """
from datetime import timedelta
from flows.automations import apply, run_again
apply([run_again(timedelta(seconds=10))])
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A new catalog."""
    return drawn(tmp_path)


@pytest.fixture(scope="module")
def silent_run(prefect: Prefect) -> tuple[str, str]:
    """Automations applied, and a run that is silent, with its flow."""
    for _ in range(2):
        prefect.command("-m", "flows.automations")
    run, flow = played(prefect, "PENDING", "RUNNING")
    last_heard_of(prefect, run, flow)
    return run, flow


def last_heard_of(prefect: Prefect, run: str, flow: str) -> None:
    """A heartbeat as long ago as the automation waits, less a little."""
    heartbeat = {
        "id": str(uuid4()),
        "event": "prefect.flow-run.heartbeat",
        "occurred": (datetime.now(UTC) - MISSED + timedelta(seconds=5)).isoformat(),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
        "related": [
            {
                "prefect.resource.id": f"prefect.flow.{flow}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": "packshot",
            }
        ],
    }
    prefect.ask("POST", "/events", [heartbeat])


def played(prefect: Prefect, *states: str) -> tuple[str, str]:
    """A run that no process stands behind, taken through some states; it and its flow."""
    flow = prefect.ask("POST", "/flows/", {"name": "packshot"})["id"]
    run = prefect.ask("POST", "/flow_runs/", {"flow_id": flow})["id"]
    for state in states:
        change = {"state": {"type": state}, "force": True}
        prefect.ask("POST", f"/flow_runs/{run}/set_state", change)
    return str(run), str(flow)


@pytest.fixture(scope="module")
def night(prefect: Prefect, tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, Row]:
    """An on-demand run with other places than the deployment's, once it has ended."""
    catalog = drawn(tmp_path_factory.mktemp("night"))
    return catalog, prefect.ended(prefect.start("packshot/on-demand", **catalog.asked()))


@pytest.fixture(scope="module")
def stored_key(prefect: Prefect) -> None:
    """A key that only the Secret block holds."""
    prefect.command("-c", STORE_A_KEY)


@pytest.fixture
def slow_api(stored_key: None) -> Iterator[Sandbox]:
    """A provider that takes its time."""
    del stored_key
    settings = Settings(latency_seconds=(60.0, 60.0), cutouts="canned")
    with Sandbox(SandboxState(settings)) as running:
        yield running


def calling(prefect: Prefect, catalog: Catalog, api: Sandbox, **limits: object) -> str:
    """A run that waits for the provider with both pictures; its id."""
    asked = catalog.asked(provider_url=f"{api.url}/v1.0", limits=limits)
    run_id = prefect.start("packshot/on-demand", **asked, provider="removebg")
    soon(lambda: api.state.snapshot()["open_calls"] == 2, 60, "two calls to the provider")
    return run_id


def typed(prefect: Prefect, catalog: Catalog) -> subprocess.CompletedProcess[str]:
    """The same catalog at a shell."""
    return subprocess.run(
        [PACKSHOT, "run", "catalog.csv", "shoes", "--allow-local"],
        cwd=catalog.folder,
        env=prefect.environment | {"HOME": str(catalog.folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def cancel(prefect: Prefect, run_id: str) -> Row:
    """Cancel a run as the UI does; the state it ends in."""
    cancelling = {"state": {"type": "CANCELLING"}}
    prefect.ask("POST", f"/flow_runs/{run_id}/set_state", cancelling)
    return dict(prefect.ended(run_id, 40)["state"])


def test_a_run_with_other_places_is_complete(prefect: Prefect, night: tuple[Catalog, Row]) -> None:
    """State, sentence, pictures and report are there."""
    catalog, run = night
    assert run["state"]["name"] == "Completed", prefect.logs(run["id"])
    assert run["state"]["message"] == "2 cut; nothing charged"
    assert len(list(catalog.folder.glob("shoes/*/*.png"))) == 2
    (report,) = catalog.state.glob("runs/*/report.html")
    assert "RED" in report.read_text()


@pytest.mark.long
def test_one_parameter_is_changed_and_the_others_stay(prefect: Prefect, tmp_path: Path) -> None:
    """Each deployment that cuts out takes the sample catalog from `prefect.yaml`, and does it."""
    destination = str(tmp_path / "sample")
    states = [
        prefect.ended(prefect.start(name, destination=destination), 120)["state"]
        for name in ("packshot/on-demand", "packshot/nightly", "packshot-retry/retry-failures")
    ]
    assert {state["name"] for state in states} == {"CompletedWithFailures"}, states
    assert [state["message"] for state in states] == SAMPLE_NIGHTS
    assert len(list(tmp_path.glob("sample/*/*.png"))) == 14


def test_plan_and_retry_are_about_the_nightly_catalog(prefect: Prefect) -> None:
    """On demand has pictures and memory of its own."""
    nightly = prefect.deployment("packshot/nightly")["parameters"]
    assert nightly["destination"] == "demo/nightly"
    for name in ("packshot-plan/plan-only", "packshot-retry/retry-failures"):
        assert prefect.deployment(name)["parameters"] == nightly
    on_demand = prefect.deployment("packshot/on-demand")["parameters"]
    assert on_demand == nightly | {"destination": "demo/on-demand"}


def test_a_run_shows_its_summary_and_progress(prefect: Prefect, night: tuple[Catalog, Row]) -> None:
    """The artifact links to the report; the bar is full."""
    catalog, run = night
    shown = prefect.artifacts(run["id"])
    (report,) = catalog.state.glob("runs/*/report.html")
    assert f"]({report.as_uri()})" in shown["markdown"]["data"]
    assert shown["markdown"]["key"] == "packshot-shoes"
    assert shown["progress"]["data"] == 100


def test_a_run_is_told_as_an_event(prefect: Prefect, night: tuple[Catalog, Row]) -> None:
    """Automations can wait for it and read its numbers."""
    catalog, _ = night
    told = soon(lambda: prefect.events("packshot.run.finished"), 20, "the event")
    (mine,) = [event for event in told if str(catalog.folder) in event["payload"]["report"]]
    assert mine["resource"]["prefect.resource.id"] == "packshot.catalog.shoes"
    assert mine["payload"]["outcomes"] == {"cut": 2}


def test_a_plan_writes_nothing(prefect: Prefect, catalog: Catalog) -> None:
    """Neither pictures nor state, only an artifact."""
    before = set(catalog.folder.iterdir())
    run = prefect.ended(prefect.start("packshot-plan/plan-only", **catalog.asked()))
    assert run["state"]["name"] == "Completed", prefect.logs(run["id"])
    assert set(catalog.folder.iterdir()) == before
    assert "| new | 2 |" in prefect.artifacts(run["id"])["markdown"]["data"]


def test_a_refusal_is_a_sentence(prefect: Prefect, catalog: Catalog) -> None:
    """The state is named after the error, and nobody has to read a traceback."""
    asked = catalog.asked() | {"manifest": "nowhere.csv"}
    run = prefect.ended(prefect.start("packshot/on-demand", **asked))
    assert run["state"]["name"] == "BadManifest"
    assert run["state"]["message"] == "There is nothing at `nowhere.csv`."
    said = "\n".join(prefect.logs(run["id"]))
    assert "Traceback" not in said
    assert "NoneType" not in said


@pytest.mark.parametrize(
    "deployment",
    [
        "packshot/nightly",
        "packshot/on-demand",
        "packshot-plan/plan-only",
        "packshot-retry/retry-failures",
    ],
)
def test_the_form_explains_every_field(prefect: Prefect, deployment: str) -> None:
    """What the UI shows has descriptions and bounds, options included."""
    there = prefect.deployment(deployment)
    schema = there["parameter_openapi_schema"]
    fields, models = schema["properties"], schema["definitions"]
    for name, field in (fields | models["Options"]["properties"]).items():
        behind = models[field["$ref"].rsplit("/", 1)[-1]] if "$ref" in field else {}
        assert field.get("description") or behind.get("description"), name
    for name in ("max_credits", "keep_credits", "limit"):
        assert fields[name]["anyOf"][0]["minimum"] == 0
    assert there["description"]
    assert there["concurrency_limit"] is None
    assert there["global_concurrency_limit"] is None
    schedules = [each["schedule"] for each in there["schedules"] if each["active"]]
    assert [(each["cron"], each["timezone"]) for each in schedules] == (
        [("30 2 * * *", "UTC")] if deployment == "packshot/nightly" else []
    )


def test_automations_are_there_once(prefect: Prefect, silent_run: tuple[str, str]) -> None:
    """Applied twice, each exists once."""
    del silent_run
    there = prefect.ask("POST", "/automations/filter", {})
    assert sorted(automation["name"] for automation in there) == [
        "packshot: no heartbeat means crashed",
        "packshot: run again once after a crash",
    ]


def test_a_cancelled_run_ends_and_lets_go(
    prefect: Prefect, catalog: Catalog, slow_api: Sandbox
) -> None:
    """It waits for calls in flight as long as it may, then gives the catalog back."""
    run_id = calling(prefect, catalog, slow_api, stop_seconds=2)
    state = cancel(prefect, run_id)
    assert state["name"] == "Cancelled"
    assert "asked to stop by SIGTERM" in state["message"]
    assert catalog.lease()["released"]
    assert list(catalog.state.glob("runs/*/stopped.json"))
    assert "Traceback" not in "\n".join(prefect.logs(run_id))


@pytest.mark.long
def test_calls_of_a_cancelled_run_land(
    prefect: Prefect, catalog: Catalog, slow_api: Sandbox
) -> None:
    """They are recorded, and the next run publishes what was done and pays for nothing again."""
    slow_api.state.change({"latency_seconds": (6.0, 6.0)})
    run_id = calling(prefect, catalog, slow_api, calls_at_once=2)
    assert cancel(prefect, run_id)["name"] == "Cancelled"
    assert (slow_api.state.posts, catalog.lease()["released"]) == (2, True)
    asked = catalog.asked(provider_url=f"{slow_api.url}/v1.0")
    run = prefect.ended(prefect.start("packshot/on-demand", **asked, provider="removebg"))
    assert run["state"]["message"] == "2 unchanged; nothing charged"
    summaries = [json.loads(f.read_text()) for f in sorted(catalog.state.glob("runs/*/summary.*"))]
    assert [each["outcomes"] for each in summaries] == [{"cut": 2}, {"unchanged": 2}]
    assert [each["money"]["charged"] for each in summaries] == [2, 0]


@pytest.mark.long
def test_one_of_command_and_worker_runs(
    prefect: Prefect, catalog: Catalog, slow_api: Sandbox
) -> None:
    """Whoever comes second is told who is at work and since when, and buys nothing."""
    run_id = calling(prefect, catalog, slow_api, stop_seconds=1)
    holder = catalog.lease()
    since = datetime.fromisoformat(holder["since"])
    named = f"is being worked on by run {holder['run_id']} on "
    words = ("run", "catalog.csv", "shoes", "--allow-local")
    told = prefect.environment | {"HOME": str(catalog.folder)}
    command = subprocess.run(
        [PACKSHOT, *words],
        cwd=catalog.folder,
        env=told,
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(command.stderr.split())
    assert (command.returncode, named in said) == (Exit.BUSY, True), said
    assert f"since {since:%Y-%m-%d %H:%M:%S} UTC" in said
    second = prefect.ended(prefect.start("packshot/on-demand", **catalog.asked()))["state"]
    assert (second["name"], named in second["message"]) == ("CatalogBusy", True)
    assert catalog.lease()["run_id"] == holder["run_id"]
    cancel(prefect, run_id)
    assert typed(prefect, catalog).returncode == Exit.DONE


def test_a_killed_run_is_run_again_once(
    prefect: Prefect, silent_run: tuple[str, str], catalog: Catalog, slow_api: Sandbox
) -> None:
    """The run starts a second time and finishes; one that crashed twice is left alone."""
    del silent_run
    prefect.command("-c", WAIT_TEN_SECONDS)
    crashed_twice, _ = played(
        prefect, "PENDING", "RUNNING", "CRASHED", "PENDING", "RUNNING", "CRASHED"
    )
    run_id = calling(prefect, catalog, slow_api)
    os.kill(catalog.lease()["pid"], signal.SIGKILL)
    soon(lambda: prefect.run(run_id)["state"]["type"] == "CRASHED", 20, "the crash")
    slow_api.state.change({"latency_seconds": (0.0, 0.0)})
    soon(lambda: prefect.run(run_id)["run_count"] == 2, 60, "the re-run")
    run = prefect.ended(run_id)
    assert run["state"]["name"] == "Completed", prefect.logs(run_id)
    assert run["state"]["message"].startswith("2 cut; 2 credits charged")
    tries = [json.loads(file.read_text()) for file in catalog.state.glob("runs/*/run.json")]
    assert [each["flow_run"] for each in tries] == [run_id, run_id]
    assert prefect.run(crashed_twice)["state"]["type"] == "CRASHED"
    assert prefect.run(crashed_twice)["run_count"] == 2


def test_a_silent_run_has_crashed(prefect: Prefect, silent_run: tuple[str, str]) -> None:
    """Without heartbeats a run does not stay Running for ever.

    The server takes events in later than states; a state that it hears of after the heartbeat
    breaks the silence, so the heartbeat is told again.
    """
    run, _ = silent_run
    for _ in range(4):
        with suppress(AssertionError):
            state = prefect.ended(run, 20)["state"]
            break
        last_heard_of(prefect, *silent_run)
    assert state["name"] == "Crashed"
    assert state["message"] == "No heartbeat for 180 seconds"
