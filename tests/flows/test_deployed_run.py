"""The deployments as an operator has them: a real server, a real worker, real processes."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.exits import Exit
from packshot.providers.registry import PROVIDERS
from packshot.sandbox.server import Sandbox
from tests.cli.desk import PACKSHOT
from tests.flows.catalogs import Catalog, calling, drawn
from tests.flows.served import Prefect, Row, soon

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployments")]

SAMPLE_NIGHTS = [
    "13 cut, 3 rejected, 2 skipped, 1 failed, 1 reused; nothing charged",
    "14 unchanged, 3 rejected, 2 skipped, 1 deferred; nothing charged",
    "14 unchanged, 3 rejected, 2 skipped, 1 failed; nothing charged",
]
"""The sample catalog cut out, looked at again, and its failures retried."""


@pytest.fixture(scope="module")
def night(prefect: Prefect, tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, Row]:
    """An on-demand run with other places than the deployment's, once it has ended."""
    catalog = drawn(tmp_path_factory.mktemp("night"))
    return catalog, prefect.ended(prefect.start("packshot/on-demand", **catalog.asked()))


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

    def mine_of(events: list[Row]) -> list[Row]:
        return [one for one in events if str(catalog.folder) in one["payload"]["report"]]

    (mine,) = soon(lambda: mine_of(prefect.events("packshot.run.finished")), 20, "the event")
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
    assert run["state"]["message"] == "There is nothing at `nowhere.csv`; check the path."
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
    assert fields["provider"]["enum"] == list(PROVIDERS)
    assert there["description"]
    assert there["concurrency_limit"] is None
    assert there["global_concurrency_limit"] is None
    schedules = [each["schedule"] for each in there["schedules"] if each["active"]]
    assert [(each["cron"], each["timezone"]) for each in schedules] == (
        [("30 2 * * *", "UTC")] if deployment == "packshot/nightly" else []
    )


def test_prefect_has_made_the_next_nightly_runs(prefect: Prefect) -> None:
    """A schedule that stands there and makes no runs would be a night that never comes."""
    nightly = prefect.deployment("packshot/nightly")["id"]
    asked = {
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        "deployments": {"id": {"any_": [nightly]}},
        "sort": "EXPECTED_START_TIME_ASC",
    }
    runs = soon(lambda: prefect.ask("POST", "/flow_runs/filter", asked), 90, "scheduled runs")
    starts = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    assert starts[0] - datetime.now(UTC) < timedelta(days=1)
    assert {f"{start:%H:%M %Z}" for start in starts} == {"02:30 UTC"}


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


def test_one_of_command_and_worker_runs(
    prefect: Prefect, catalog: Catalog, slow_api: Sandbox
) -> None:
    """Whoever comes second is told who is at work and since when, and buys nothing."""
    run_id = calling(prefect, catalog, slow_api, stop_seconds=1)
    holder = catalog.lease()
    since = datetime.fromisoformat(holder["since"])
    named = f"is being worked on by run {holder['run_id']} on "
    command = typed(prefect, catalog)
    said = " ".join(command.stderr.split())
    assert (command.returncode, named in said) == (Exit.BUSY, True), said
    assert f"since {since:%Y-%m-%d %H:%M:%S} UTC" in said
    second = prefect.ended(prefect.start("packshot/on-demand", **catalog.asked()))["state"]
    assert (second["name"], named in second["message"]) == ("CatalogBusy", True)
    assert catalog.lease()["run_id"] == holder["run_id"]
    cancel(prefect, run_id)
    assert typed(prefect, catalog).returncode == Exit.DONE
