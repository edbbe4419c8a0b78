"""A provider's key is in nothing that Prefect keeps or a worker says."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from packshot.sandbox.server import Sandbox
from packshot.sandbox.state import SandboxState, Settings
from tests.flows.catalogs import STORED_KEY, Catalog
from tests.flows.served import Prefect, Row, copy_database, soon

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deployments")]

TABLES = ("flow_run", "flow_run_state", "task_run", "log", "artifact", "events", "block_document")


@pytest.fixture
def api(stored_key: None) -> Iterator[Sandbox]:
    """A provider that answers at once."""
    del stored_key
    with Sandbox(SandboxState(Settings(cutouts="canned"))) as running:
        yield running


def test_key_is_in_nothing_that_is_kept(
    prefect: Prefect, catalog: Catalog, api: Sandbox, tmp_path: Path
) -> None:
    """A run, a plan and two failures at level DEBUG: every table, and all that the worker said."""
    asked = catalog.asked(provider_url=f"{api.url}/v1.0") | {"provider": "removebg"}
    ended(prefect, "packshot-plan/plan-only", asked, "Completed")
    bought = ended(prefect, "packshot/on-demand", asked, "Completed")
    nobody = catalog.asked(provider_url="http://127.0.0.1:1/v1.0") | {"provider": "removebg"}
    ended(prefect, "packshot/on-demand", nobody, "Unreachable")
    wrong = catalog.asked(variants=[{"format": "jpeg"}]) | {"provider": "removebg"}
    ended(prefect, "packshot/on-demand", wrong, "BadOption")
    soon(lambda: prefect.events("packshot.run.finished"), 20, "the event")

    said = (prefect.home / "worker.log").read_text()
    assert "DEBUG" in said
    assert bought["name"] in said
    kept = all_rows(prefect.database, tmp_path / "copy.db")
    for table in TABLES:
        assert f'INSERT INTO "{table}"' in kept
    assert kept.count(bought["id"]) > len(TABLES)
    assert STORED_KEY not in said
    assert STORED_KEY not in kept


def ended(prefect: Prefect, deployment: str, asked: dict[str, object], state: str) -> Row:
    """A run once it has ended in this state and its last words have arrived."""
    run = prefect.ended(prefect.start(deployment, **asked))
    assert run["state"]["name"] == state, prefect.logs(run["id"])
    return run


def all_rows(database: Path, copy: Path) -> str:
    """All that a server knows, as SQL."""
    copy_database(database, copy)
    with closing(sqlite3.connect(copy)) as there:
        return "\n".join(there.iterdump())
