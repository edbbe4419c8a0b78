"""A run that is asked to stop: what is in flight lands, nothing new leaves, the rest waits."""

import json
import os
import signal
import time
from typing import Any

import pytest

from cli.exits import Exit
from tests.cli.desk import Desk, Done
from tests.flows.served import soon

pytestmark = pytest.mark.slow

AT_ONCE = 2


def words(desk: Desk, pictures: int, *more: str) -> tuple[str, ...]:
    """A run that calls for two pictures at once."""
    manifest = desk.catalog(pictures)
    return ("run", manifest, "out", *desk.sandboxed, f"--set=limits.calls_at_once={AT_ONCE}", *more)


def calls_out(desk: Desk) -> int:
    """Calls that have been declared so far; those of other tests may still be in flight."""
    files = desk.folder.glob("out-state/out/runs/*/intents/*")
    return sum(len(file.read_text().splitlines()) for file in files)


def bought(desk: Desk) -> int:
    """Pictures that are finished."""
    return len(list(desk.folder.glob("out/*/*.png")))


def leases(desk: Desk) -> list[dict[str, Any]]:
    """Whoever has held the catalog, as far as it has not been tidied up."""
    return [json.loads(file.read_text()) for file in desk.folder.glob("out-state/out/lease/*")]


def outcomes_of_runs(desk: Desk) -> list[dict[str, int]]:
    """How the items ended, run by run."""
    files = sorted(desk.folder.glob("out-state/out/runs/*/summary.json"))
    return [json.loads(file.read_text())["outcomes"] for file in files]


def stopped(desk: Desk, number: signal.Signals, *more: str) -> tuple[Done, float]:
    """A run of eight that is stopped with two calls in flight; how it ended, and in what time."""
    going = desk.begin(*words(desk, 8, *more))
    soon(lambda: calls_out(desk) == AT_ONCE or going.poll() is not None, 60, "two calls")
    time.sleep(0.5)  # from the declaration to the wire
    asked = time.monotonic()
    done = desk.end(going, number)
    return done, time.monotonic() - asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_calls_in_flight_land_and_none_follows(desk: Desk, number: signal.Signals) -> None:
    """They are paid for, so they are waited for; the next run publishes and goes on."""
    desk.market.state.change({"latency_seconds": 3})
    done, seconds = stopped(desk, number)
    assert (done.code, done.out) == (Exit.INTERRUPTED, "")
    assert f"asked to stop by {number.name}" in done.err
    assert seconds < 20
    assert desk.market.state.posts == desk.charged == AT_ONCE
    assert [lease["released"] for lease in leases(desk)] == [True]
    desk.market.state.change({"latency_seconds": 0})
    if number == signal.SIGINT:
        told = desk.do("report", "out", "--json").document
        assert told["interrupted"]
        assert (told["money"]["charged"], told["money"]["uncertain"]) == (AT_ONCE, 0)
    assert desk.do(*words(desk, 8)).code == Exit.DONE
    assert outcomes_of_runs(desk) == [{"deferred": 6, "cut": 2}, {"cut": 6, "unchanged": 2}]
    assert (desk.charged, max(desk.sold.values())) == (8, 1)


def test_second_ctrl_c_ends_at_once(desk: Desk) -> None:
    """What was done before is on record; calls in flight are named as uncertain."""
    desk.market.state.change({"latency_seconds": 1})
    going = desk.begin_and_wait(*words(desk, 8), calls=AT_ONCE)
    desk.market.state.change({"latency_seconds": 30})
    soon(lambda: 2 <= bought(desk) == calls_out(desk) - AT_ONCE, 40, "calls that take long")
    time.sleep(0.5)  # from the picture to the note
    cut = bought(desk)
    os.kill(going.pid, signal.SIGINT)
    time.sleep(1)
    asked = time.monotonic()
    done = desk.end(going, signal.SIGINT)
    assert (done.code, time.monotonic() - asked < 5) == (-signal.SIGINT, True), done
    told = desk.do("report", "out", "--json").document
    assert told["outcomes"] == {"deferred": 8 - cut, "cut": cut}
    money = told["money"]
    assert (money["charged"], money["uncertain"]) == (cut, AT_ONCE)


def test_calls_that_do_not_land_in_time_are_left(desk: Desk) -> None:
    """Whoever stops a run waits for so long and no longer; the calls are named as uncertain."""
    desk.market.state.change({"latency_seconds": 30})
    done, seconds = stopped(desk, signal.SIGINT, "--set=limits.stop_seconds=2")
    assert (done.code, seconds < 25) == (Exit.INTERRUPTED, True), (done, seconds)
    assert [lease["released"] for lease in leases(desk)] == [True]
    told = desk.do("report", "out", "--json").document
    assert told["outcomes"] == {"deferred": 8}
    assert told["money"]["uncertain"] == AT_ONCE
