"""The automations as an operator applies them, on a real server."""

import json
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from flows.automations import MISSED
from packshot.sandbox.server import Sandbox
from tests.flows.catalogs import Catalog, calling
from tests.flows.served import Prefect, soon

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("automations")]

WAIT_TEN_SECONDS = """
from datetime import timedelta
from flows.automations import apply, run_again
apply([run_again(timedelta(seconds=10))])
"""


@pytest.fixture(scope="module")
def silent_run(prefect: Prefect) -> tuple[str, str]:
    """Automations applied, and a run that is silent, with its flow."""
    for _ in range(2):
        prefect.command("-m", "flows.automations")
    run, flow = played(prefect, "PENDING", "RUNNING")
    last_heard_of(prefect, run, flow)
    return run, flow


def last_heard_of(prefect: Prefect, run: str, flow: str) -> None:
    """A heartbeat as long ago as the automation waits, less a little.

    The server takes the newest event it has heard of for its clock; a heartbeat of the past alone
    would hold that clock back for as long as nothing else happens.
    """
    now = {
        "id": str(uuid4()),
        "event": "packshot.tests.now",
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": "packshot.tests"},
    }
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
    prefect.ask("POST", "/events", [heartbeat, now])


def played(prefect: Prefect, *states: str) -> tuple[str, str]:
    """A run that no process stands behind, taken through some states; it and its flow."""
    flow = prefect.ask("POST", "/flows/", {"name": "packshot"})["id"]
    run = prefect.ask("POST", "/flow_runs/", {"flow_id": flow})["id"]
    for state in states:
        change = {"state": {"type": state}, "force": True}
        prefect.ask("POST", f"/flow_runs/{run}/set_state", change)
    return str(run), str(flow)


def test_automations_are_there_once(prefect: Prefect, silent_run: tuple[str, str]) -> None:
    """Applied twice, each exists once."""
    del silent_run
    there = prefect.ask("POST", "/automations/filter", {})
    assert sorted(automation["name"] for automation in there) == [
        "packshot: no heartbeat means crashed",
        "packshot: run again once after a crash",
    ]


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
    for _ in range(3):
        with suppress(AssertionError):
            prefect.ended(run, 60)
            break
        last_heard_of(prefect, *silent_run)
    state = prefect.ended(run, 60)["state"]
    assert state["name"] == "Crashed"
    assert state["message"] == "No heartbeat for 180 seconds"
