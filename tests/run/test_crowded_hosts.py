"""Pictures of a crowded host come later, and none is lost on the way."""

import dataclasses
import threading
from collections.abc import Iterator

import pytest

from packshot.decisions.delta import PlanState
from packshot.facts.outcome import Knowledge
from packshot.facts.paid_options import PaidOptions
from packshot.run import crowded_hosts
from packshot.run.crowded_hosts import as_hosts_have_room
from packshot.run.work import WorkItem

FIRST = WorkItem(
    0, PlanState.NEW, "", "", "", PaidOptions(), is_known=False, known=Knowledge(key="")
)


def items(hosts: str) -> Iterator[WorkItem]:
    """Pictures, one per letter, of the host that the letter names."""
    return (
        dataclasses.replace(FIRST, number=number, url=f"https://{host}/{number}")
        for number, host in enumerate(hosts)
    )


def test_those_of_a_crowded_host_come_when_it_has_room() -> None:
    """The others go first, and each comes once."""
    crowded, seen = {"b"}, []
    for item in as_hosts_have_room(items("abab"), crowded.__contains__, lambda: None):
        seen.append(item.number)
        if item.number == 2:
            crowded.clear()
    assert seen == [0, 2, 1, 3]


def test_a_stop_waits_for_no_host() -> None:
    """What is left is told at once; the run itself says what becomes of it."""
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    told = as_hosts_have_room(items("bab"), "b".__contains__, stop.is_set)
    assert [item.number for item in told] == [1, 0, 2]


def test_few_are_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a catalog is not felt: beyond a bound the batch waits for the host."""
    monkeypatch.setattr(crowded_hosts, "MOST_PASSED_OVER", 2)
    crowded, drawn = {"b"}, []

    def catalog() -> Iterator[WorkItem]:
        for item in items("bbba"):
            drawn.append(item.number)
            yield item

    threading.Timer(0.3, lambda: (drawn.append("room"), crowded.clear())).start()
    told = [item.number for item in as_hosts_have_room(catalog(), crowded.__contains__, never)]
    assert drawn == [0, 1, "room", 2, 3]
    assert sorted(told) == [0, 1, 2, 3]


def never() -> None:
    """The run goes on."""
