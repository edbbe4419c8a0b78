"""Prefect's server is killed under a run: the catalog is finished all the same."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from cli.exits import Exit
from tests.cli.desk import Desk
from tests.flows.served import Prefect, copy_database, free_port, soon
from tests.run.nights import Market

pytestmark = pytest.mark.slow

PICTURES = 12


@pytest.fixture
def prefect(tmp_path: Path, empty_database: Path) -> Prefect:
    """A place for a server that is not running yet."""
    home = tmp_path / "prefect"
    home.mkdir()
    prefect = Prefect(home, free_port())
    copy_database(empty_database, prefect.database)
    return prefect


@pytest.fixture
def desk(prefect: Prefect, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose runs take six seconds; Prefect's client is less patient than it is by itself."""
    for name in ("cdn", "desk"):
        (tmp_path / name).mkdir()
    with Market(tmp_path / "cdn") as market:
        market.state.change({"latency_seconds": 1.0})
        impatient = {"PREFECT_CLIENT_MAX_RETRIES": "1"}
        yield Desk(market, tmp_path / "desk", prefect.environment | impatient)


def begin(desk: Desk) -> Popen[str]:
    """A run that has bought two pictures or more."""
    words = ("run", desk.catalog(PICTURES), "out", *desk.sandboxed, "--recut=all")
    return desk.begin_and_wait(*words, "--set=limits.calls_at_once=2", calls=desk.charged + 2)


def summaries(desk: Desk) -> int:
    """Runs whose report is published."""
    return len(list(desk.folder.glob("out-state/out/runs/*/summary.json")))


def test_a_server_that_dies_holds_up_nothing(prefect: Prefect, desk: Desk) -> None:
    """It comes back and hears how the run ended; or it does not, and the command says so."""
    with prefect.serving("--no-services"):
        going = begin(desk)
    desk.environment = {**desk.environment, "PREFECT_CLIENT_MAX_RETRIES": "5"}
    soon(lambda: summaries(desk) == 1, 25, "the report")
    out, err = going.communicate(timeout=40)
    assert (going.returncode, "12 credits charged" in out) == (Exit.DONE, True), err
    assert "Prefect's server went away (ConnectError) and was not told" in err

    with prefect.serving("--no-services"):
        going = begin(desk)
    with prefect.serving("--no-services"):
        _, err = going.communicate(timeout=150)
        assert (going.returncode, "went away" in err) == (Exit.DONE, False), err
        runs = prefect.ask("POST", "/flow_runs/filter", {"sort": "START_TIME_ASC"})
    assert [run["state"]["name"] for run in runs] == ["Running", "Completed"]
    assert (summaries(desk), desk.charged) == (2, 2 * PICTURES)
