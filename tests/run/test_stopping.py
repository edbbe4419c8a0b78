"""A stop is a stop, and the reason that stops most is the one that counts."""

from datetime import UTC, datetime, timedelta

import pytest

from packshot.facts.errors import LeaseLost, OutOfCredits, StopRequested, StopRun
from packshot.run.stopping import StopFlag, seconds_until

BROKE = OutOfCredits("The account is empty.")
CANCELLED = StopRequested("Someone pressed Cancel.")
LOST = LeaseLost("Another run has taken over.")


def test_nothing_stops_a_run_that_was_not_stopped() -> None:
    """Checking is free."""
    flag = StopFlag()
    flag.check()
    assert (flag.reason, flag.said()) == (None, None)


@pytest.mark.parametrize(
    ("reasons", "counts"),
    [
        ([BROKE, OutOfCredits("Again.")], BROKE),
        ([CANCELLED, LOST], CANCELLED),
        ([CANCELLED, BROKE], CANCELLED),
        ([BROKE, CANCELLED], CANCELLED),
    ],
)
def test_the_first_reason_stays_unless_a_later_one_stops_more(
    reasons: list[StopRun], counts: StopRun
) -> None:
    """Cancelling also ends a run that is out of credits and goes on with what is free."""
    flag = StopFlag()
    for reason in reasons:
        flag.set(reason)
    assert flag.said() == str(counts)
    with pytest.raises(type(counts)) as raised:
        flag.check()
    assert (str(raised.value), raised.value.code) == (str(counts), counts.code)
    assert raised.value is not counts


@pytest.mark.parametrize("before", [None, BROKE])
def test_the_time_to_finish_by_stops_everything(
    monkeypatch: pytest.MonkeyPatch, before: StopRun | None
) -> None:
    """Whether or not buying had ended before."""
    monkeypatch.setattr("packshot.run.stopping.seconds_until", lambda _: 0.0)
    flag = StopFlag("05:30")
    if before is not None:
        flag.set(before)
    assert flag.reason is not None
    assert (flag.reason.code, flag.reason.everything) == ("finish_by", True)


@pytest.mark.parametrize(
    ("clock", "seconds"), [("04:00", 3600), ("03:01", 60), ("03:00", 86_400), ("02:59", 86_340)]
)
def test_a_time_of_day_is_the_next_one(clock: str, seconds: int) -> None:
    """A night may end on the next day."""
    assert seconds_until(clock, datetime(2026, 1, 2, 3, tzinfo=UTC)) == seconds


def test_a_time_of_day_is_local() -> None:
    """Without being told, it is this machine's clock."""
    soon = (datetime.now().astimezone() + timedelta(minutes=5)).strftime("%H:%M")
    assert 200 < seconds_until(soon) <= 300
