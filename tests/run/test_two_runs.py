"""Runs that are at work at the same time, each in a process of its own."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run.nights import KEY, Shop
from tests.run.processes import night, wait_for

pytestmark = pytest.mark.slow

PICTURES = 12
LEFT = 2
"""Pictures that the run which takes over leaves alone."""
SHORT_LEASE = 3.0
"""Nobody waits for a minute; the lease of a run that is not a test lasts one."""


@pytest.fixture
def stocked(shop: Shop) -> Iterator[Shop]:
    """Twelve pictures, and a provider that takes a second for each."""
    shop.market.pass_for_real()
    shop.settings = {"limits": {"workers": 2, "calls_at_once": 2, "item_seconds": 10}}
    for number in range(PICTURES):
        shop.draw(f"{number:02d}.png", colour=number)
    shop.list(*(shop.row(f"{number:02d}", f"{number:02d}.png") for number in range(PICTURES)))
    shop.market.state.change({"latency_seconds": 1.0})
    yield shop
    shop.market.state.change({"latency_seconds": 0.0})


def outcomes(shop: Shop) -> dict[str, int]:
    """How the items of the newest published run ended."""
    newest = max(shop.state.glob(f"{shop.catalog}/runs/*/summary.json"))
    found: dict[str, int] = json.loads(newest.read_text())["outcomes"]
    return found


def in_flight(shop: Shop) -> int:
    """Calls that the provider has not answered yet."""
    return int(shop.market.state.snapshot()["open_calls"])


def until_two_calls_are_out(shop: Shop) -> None:
    """Some pictures are bought by now, and as many calls are in flight as may be."""
    until = time.monotonic() + 20
    while not (shop.market.state.posts >= 2 and in_flight(shop) == 2):
        assert time.monotonic() < until, "two calls in flight: not within 20 s"
        time.sleep(0.01)


def test_a_run_that_was_frozen_past_its_lease_buys_nothing_more(
    stocked: Shop, tmp_path: Path
) -> None:
    """Another has taken over; what was in flight is kept when it wakes, and is bought once."""
    state = stocked.market.state
    with night(stocked.job(), KEY, tmp_path / "scratch", lease_seconds=SHORT_LEASE) as frozen:
        wait_for(frozen, "on record")
        until_two_calls_are_out(stocked)
        frozen.send_signal(signal.SIGSTOP)
        time.sleep(SHORT_LEASE + 0.5)
        assert in_flight(stocked) == 0
        answered = state.posts
        assert answered < PICTURES
        state.change({"latency_seconds": 0.0})
        successor = stocked.night(only=[f"{number:02d}" for number in range(PICTURES - LEFT)])
        assert [run.interrupted for run in successor.earlier] == [True]
        assert successor.seen.posts == PICTURES - LEFT - answered
        codes = list(successor.report["reason_code"])
        assert codes.count("claimed_elsewhere") == 2
        posts = state.posts
        frozen.send_signal(signal.SIGCONT)
        wait_for(frozen, "LeaseLost")
    assert state.posts == posts
    last = stocked.night()
    assert (last.seen.posts, last.summary.outcomes["cut"]) == (LEFT, LEFT)
    assert set(last.outcomes.values()) <= {"cut", "unchanged", "reused", "recovered"}
    assert set(state.identities.values()) == {1}
    assert state.credits_charged == PICTURES


def test_two_catalogs_in_two_processes_buy_a_picture_once(stocked: Shop, tmp_path: Path) -> None:
    """They share a state, begin at the same time and come from both ends of the same pictures."""
    stocked.market.state.change({"latency_seconds": 0.3})
    other = stocked.neighbour("outlet")
    backwards = reversed(range(PICTURES))
    other.list(*(other.row(f"b{number}", f"{number:02d}.png") for number in backwards))
    with (
        night(stocked.job(), KEY, tmp_path / "one") as one,
        night(other.job(), KEY, tmp_path / "two") as two,
    ):
        for process in (one, two):
            wait_for(process, "published")
    assert set(stocked.market.state.identities.values()) == {1}
    assert len(stocked.market.state.identities) == stocked.market.state.posts == PICTURES
    ours, theirs = outcomes(stocked), outcomes(other)
    assert set(ours) | set(theirs) == {"cut", "reused"}
    assert ours["cut"] + theirs["cut"] == ours["reused"] + theirs["reused"] == PICTURES
