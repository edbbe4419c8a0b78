"""A provider that fails for one picture after the other is left alone until the next run."""

from collections.abc import Iterator

import pytest
import stamina

from packshot.facts.errors import ImageRefused, PackshotError, Throttled, Uncertain, Unreachable
from packshot.run.breaker import FAILURES_IN_A_ROW, Breaker
from tests.run.nights import Shop

MANY = 30
FAILED = Uncertain("removebg did not answer.")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Tries happen; their pauses do not."""
    with stamina.set_testing(True, attempts=9, cap=True):
        yield


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """Thirty pictures, real money, four at once."""
    shop.market.pass_for_real()
    shop.settings = {"yes": MANY, "limits": {"workers": 4, "calls_at_once": 4}}
    for number in range(MANY):
        shop.draw(f"{number}.png", colour=number)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(MANY)))
    return shop


@pytest.mark.parametrize(
    ("kind", "calls"), [("status_503", 5), ("truncated_zip", 2), ("status_409", 1)]
)
def test_many_failures_in_a_row_end_the_buying(stocked: Shop, kind: str, calls: int) -> None:
    """Doubtful calls stay few; the rest is deferred with the reason, and the next run buys it."""
    stocked.fail_next(kind, times=999)
    night = stocked.night()
    failed, deferred = night.summary.outcomes["failed"], night.summary.outcomes["deferred"]
    assert FAILURES_IN_A_ROW <= failed < FAILURES_IN_A_ROW + 4
    assert (failed + deferred, night.seen.posts) == (MANY, pytest.approx(failed * calls, abs=12))
    assert night.summary.stop_code == "provider_failing"
    assert "`removebg` failed for 20 pictures in a row" in str(night.summary.stopped)
    rest = night.report[night.report["outcome"] == "deferred"]
    assert set(rest["reason_code"]) == {"provider_failing"}
    stocked.market.state.faults.clear()
    assert stocked.night().summary.outcomes == {"deferred": failed, "cut": deferred}


def test_refused_and_missing_pictures_stop_nothing(stocked: Shop) -> None:
    """A catalog full of poor pictures is no outage."""
    stocked.fail_next("error_code:unknown_foreground", times=22)
    night = stocked.night()
    assert night.summary.outcomes == {"rejected": 22, "cut": 8}
    for number in range(MANY):
        stocked.take_down(f"{number}.png")
    missing = stocked.night(recut="all", recheck_after_days=0)
    assert missing.summary.outcomes == {"failed": 30}
    assert (night.summary.stop_code, missing.summary.stop_code) == (None, None)


@pytest.mark.parametrize("good", [None, ImageRefused("no product in it")])
def test_an_answer_in_good_order_begins_the_count_anew(good: PackshotError | None) -> None:
    """Now and then one gets through: that is a bad night and no outage."""
    breaker = Breaker("removebg")
    for _ in range(3):
        assert not any(breaker.heard(FAILED) for _ in range(FAILURES_IN_A_ROW - 1))
        assert breaker.heard(good) is None
    assert [bool(breaker.heard(FAILED)) for _ in range(FAILURES_IN_A_ROW)][-2:] == [False, True]


def test_who_was_told_to_wait_does_not_count() -> None:
    """Neither being throttled nor waiting in vain for a turn says that the provider fails."""
    breaker = Breaker("removebg")
    waits = (Throttled("slow down"), Unreachable("no turn came", code="deadline"))
    assert not any(breaker.heard(wait) for wait in waits * FAILURES_IN_A_ROW)


def test_refusals_that_are_charged_are_failures() -> None:
    """Nothing is bought for long that only costs."""
    breaker, refused = Breaker("leonardo"), ImageRefused("no")
    refused.charged = 0.1
    assert [breaker.heard(refused) for _ in range(FAILURES_IN_A_ROW - 1)].count(None) == 19
    assert "20 pictures in a row" in str(breaker.heard(refused))
