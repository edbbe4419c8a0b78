"""A machine that goes down: worker and run die together, and nobody is left to tell Prefect."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pandas as pd
import pytest

from tests.flows.served import Prefect, Row, family, soon
from tests.run.nights import Market, Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("automations")]

POOL = "doomed"
PICTURES, EQUAL, AT_ONCE = 16, 4, 3
SOON_AGAIN = """
from datetime import timedelta
from flows.automations import apply, notice_the_dead, run_again
apply([run_again(timedelta(seconds=10)), notice_the_dead(timedelta(seconds=20))])
"""


@pytest.fixture(scope="module")
def pool(prefect: Prefect, stored_key: None) -> Prefect:
    """A work pool whose workers may be killed, with a deployment of its own."""
    del stored_key
    prefect.command("-m", "prefect", "work-pool", "create", POOL, "--type", "process")
    there = prefect.deployment("packshot/on-demand")
    same = ("flow_id", "entrypoint", "path", "pull_steps", "job_variables")
    like = {name: there[name] for name in (*same, "parameter_openapi_schema")}
    prefect.ask("POST", "/deployments/", like | {"name": POOL, "work_pool_name": POOL})
    return prefect


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Sixteen pictures, one of them under four more SKUs, and a provider to wait for."""
    with Market(tmp_path / "cdn") as market:
        shop = Shop(market, tmp_path, name="front")
        for number in range(PICTURES):
            shop.draw(f"{number}.png", colour=number)
        equal = [shop.row(f"equal-{number}", "2.png") for number in range(EQUAL)]
        shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(PICTURES)), *equal)
        market.state.change({"latency_seconds": (0.8, 1.6)})
        yield shop


@contextmanager
def worker(prefect: Prefect) -> Iterator[Popen[bytes]]:
    """A worker of the pool."""
    with prefect.process("-m", "prefect", "worker", "start", "--pool", POOL) as process:
        yield process


def started(prefect: Prefect, shop: Shop) -> str:
    """A run of the shop; its id."""
    spool = str(shop.folder / "spool")
    job = shop.job(limits={"calls_at_once": AT_ONCE}, spool=spool).model_dump(mode="json")
    return prefect.start(f"packshot/{POOL}", **job)


def take_all_away(process: Popen[bytes], run: int) -> None:
    """Worker and run, `kill -9`, the worker first so that it cannot tell of its run."""
    doomed = family(process.pid)
    assert run in doomed
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    process.wait()


def at_work(shop: Shop) -> int:
    """The process that holds the catalog."""
    newest = max(shop.state.glob("shop/lease/*.json"))
    return int(json.loads(newest.read_text())["pid"])


def kept_by(shop: Shop) -> int:
    """How many purchases lie in the state, or as answers on the machine."""
    stored = {file.parent.name for file in shop.state.glob("masters/*/*/*.zip")}
    answers = (shop.folder / "spool").glob("*/*.answer")
    return len(stored | {file.name.split("-")[2].partition(".")[0] for file in answers})


def summaries(shop: Shop) -> list[Row]:
    """Of all published runs, in order."""
    return [
        json.loads(file.read_text()) for file in sorted(shop.state.glob("*/runs/*/summary.json"))
    ]


def test_worker_and_run_are_killed_together(pool: Prefect, shop: Shop) -> None:
    """The run is noticed, run again by another worker, and pays twice for open calls only."""
    state = shop.market.state
    pool.command("-c", SOON_AGAIN)
    with worker(pool) as doomed:
        run_id = started(pool, shop)
        soon(lambda: state.charged_calls > 5, 60, "some purchases")
        take_all_away(doomed, at_work(shop))
        was_open, kept = state.open_calls, kept_by(shop)
    assert 0 < kept < PICTURES
    assert pool.run(run_id)["state"]["type"] == "RUNNING"
    lost = state.charged_calls - kept
    soon(lambda: pool.run(run_id)["state"]["type"] == "CRASHED", 60, "the crash to be noticed")
    with worker(pool):
        run = soon(lambda: pool.run(run_id)["run_count"] == 2 and pool.ended(run_id), 90, "re-run")
    assert run["state"]["name"] == "Completed", pool.logs(run_id)
    dead, whole = summaries(shop)
    assert (dead["interrupted"], whole["interrupted"]) == (True, False)
    assert was_open <= lost <= AT_ONCE
    assert state.charged_calls == PICTURES + lost
    charged = dead["money"]["charged"] + whole["money"]["charged"]
    assert charged <= state.credits_charged <= charged + dead["money"]["uncertain"]
    assert whole["money"]["uncertain"] == 0
    assert whole["money"]["paid_before"] <= kept
    found_again = [whole["outcomes"].get(name, 0) for name in ("recovered", "unchanged")]
    assert sum(found_again) >= kept
    report = pd.read_parquet(max(shop.state.glob("*/runs/*/report.parquet")))
    assert sorted(report["row"]) == list(range(2, PICTURES + EQUAL + 2))
    assert set(report["outcome"]) <= {"cut", "recovered", "reused", "unchanged"}
    assert len(list((shop.folder / "out").rglob("*.png"))) == PICTURES + EQUAL
