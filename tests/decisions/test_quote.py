"""The sum that is done before anything is bought."""

from typing import Any

import pytest

from packshot.decisions.quote import Demand, Funds, Quote, Verdict, decide
from packshot.facts.errors import NeedsAnswer
from packshot.facts.money import MAX_CREDITS, Cap
from packshot.facts.purchase import Account
from packshot.providers.face import Pace

PACE = Pace(per_window=500, window_seconds=60, calls_at_once=40, weighs_megapixels=True)


def quote(  # noqa: PLR0913
    calls: int = 1000,
    at_most: float = 1000,
    *,
    likely: float | None = None,
    total: float = 5000,
    cap: float | None = None,
    keep: float | None = None,
    pace: Pace = PACE,
    megapixels: float | None = None,
    cheapest: float = 1,
    spared: float = 0,
) -> Quote:
    """A quote whose likely calls cost what they cost at most, unless said otherwise."""
    likely = at_most if likely is None else likely
    likely_calls = int(calls * likely / at_most) if at_most else calls
    demand = Demand(calls, at_most, likely, likely_calls, megapixels, cheapest, spared)
    said = None if cap is None else Cap(cap, MAX_CREDITS)
    return Quote(demand, Funds(Account(unit="credits", total=total), said, keep), pace)


def judge(asked: Quote, **changes: Any) -> Verdict:  # noqa: ANN401
    """The verdict on an approved paid run."""
    terms: dict[str, Any] = {"when_short": "partial", "paid": True, "yes": 10_000, "cap": None}
    return decide(asked, **(terms | changes))


def test_enough_is_enough() -> None:
    """A run that the account covers goes."""
    assert judge(quote()).decision == "go"


@pytest.mark.parametrize(
    ("funds", "affordable", "short_by"),
    [
        ({"total": 400}, 400, 600),
        ({"total": 400.75}, 400, 599.25),
        ({"total": 5000, "cap": 300}, 300, 700),
        ({"total": 700, "keep": 500}, 200, 800),
        ({"total": 700, "keep": 500, "cap": 150}, 150, 850),
        ({"total": 100, "keep": 500}, 0, 1000),
        ({"total": float("inf")}, 1000, 0),
    ],
)
def test_the_sum(funds: dict[str, float], affordable: int, short_by: float) -> None:
    """The account less what is kept, and no more than the cap."""
    asked = quote(**funds)  # type: ignore[arg-type]
    assert asked.affordable == affordable
    assert asked.short_by == short_by


def test_quarters_are_counted_exactly() -> None:
    """Previews at a quarter of a credit divide without a rest."""
    assert quote(1000, 250, total=100.25).affordable == 401


def test_short_of_credits_buys_as_far_as_it_goes() -> None:
    """`partial` names what is missing and how far the money goes."""
    verdict = judge(quote(total=400))
    assert verdict.decision == "partly"
    assert "600 credits more" in verdict.message
    assert "400 of 1,000 calls" in verdict.message


def test_stop_when_short_buys_nothing() -> None:
    """`stop` is all or nothing."""
    verdict = judge(quote(total=400), when_short="stop")
    assert verdict.decision == "stop"
    assert "nothing is bought" in verdict.message


def test_without_money_for_one_call_there_is_no_part() -> None:
    """An empty account stops a `partial` run too; one that pays for a cheap call does not."""
    assert judge(quote(total=0.5)).decision == "stop"
    assert judge(quote(total=0.5, cheapest=0.25)).decision == "partly"


@pytest.mark.parametrize(
    ("funds", "limit"),
    [
        ({"total": 0.5}, "balance"),
        ({"total": 5000, "cap": 0.5}, "cap"),
        ({"total": 5000, "keep": 5000}, "floor"),
        ({"total": 500, "keep": 500}, "balance"),
        ({"total": 5000, "keep": 4999.5, "cap": 0.5}, "cap"),
    ],
)
def test_a_stop_says_what_the_money_ends_at(funds: dict[str, float], limit: str) -> None:
    """A cap is no empty account, and neither is a floor that keeps what would be enough."""
    verdict = judge(quote(**funds))  # type: ignore[arg-type]
    assert (verdict.decision, verdict.limit) == ("stop", limit)


@pytest.mark.parametrize("when_short", ["partial", "stop"])
def test_likely_decides(when_short: str) -> None:
    """Pictures that are merely asked again do not stop a run that can pay for the likely ones."""
    verdict = judge(quote(20_000, 20_000, likely=50, total=400), when_short=when_short, cap=400)
    assert verdict.decision == "go"
    assert "likely to be enough" in verdict.message


def test_the_message_does_the_sum() -> None:
    """Costs, balance, what is kept, the cap and what may be spent stand in one place."""
    said = judge(quote(total=700, keep=500, cap=150), cap=150).message
    for part in ("1,000 calls", "1,000 credits", "holds 700", "keeps 500", "allows 150"):
        assert part in said
    assert "150 may be spent" in said


def test_a_large_paid_run_needs_an_answer() -> None:
    """The question names both ways to answer it, with numbers that can be typed as they are."""
    with pytest.raises(NeedsAnswer, match=r"`--max-credits 1000`.*`--yes 1000`"):
        judge(quote(), yes=None)


def test_a_yes_to_fewer_calls_is_no_yes() -> None:
    """An approval counts for the number it names."""
    with pytest.raises(NeedsAnswer, match="`--yes 999` covers fewer"):
        judge(quote(), yes=999)


@pytest.mark.parametrize(
    ("calls", "answer"),
    [
        (50, {"yes": None}),
        (51, {"yes": 51}),
        (51, {"yes": None, "cap": 20.0}),
        (51, {"yes": None, "paid": False}),
    ],
)
def test_nobody_is_asked_needlessly(calls: int, answer: dict[str, Any]) -> None:
    """Small runs, approved runs, capped runs and runs that cost nothing just go."""
    assert judge(quote(calls, calls), **answer).decision == "go"


def test_a_run_that_stops_asks_nothing() -> None:
    """There is no point in approving what cannot be paid for."""
    assert judge(quote(total=0), yes=None).decision == "stop"


def test_minutes_follow_the_pace() -> None:
    """Megapixels over the window: 1,000 pictures of 4 MP take eight minutes at 500 a minute."""
    asked = quote(2000, 2000, likely=1000, megapixels=4000)
    assert asked.minutes_likely == pytest.approx(8)
    assert asked.minutes_at_most == pytest.approx(16)


def test_unknown_sizes_are_taken_as_usual_ones() -> None:
    """A picture nobody has fetched yet counts as four megapixels."""
    assert quote(1000).minutes_at_most == pytest.approx(8)


def test_a_provider_that_counts_calls_is_not_asked_for_megapixels() -> None:
    """A minute holds so many calls, whatever their size."""
    pace = Pace(per_window=500, window_seconds=60, calls_at_once=40, weighs_megapixels=False)
    assert quote(1000, megapixels=25_000, pace=pace).minutes_at_most == pytest.approx(2)


def test_few_calls_at_once_take_longer_than_the_pace() -> None:
    """One call after another is slower than most providers allow."""
    pace = Pace(per_window=1e9, window_seconds=60, calls_at_once=1, weighs_megapixels=False)
    assert quote(48, pace=pace).minutes_at_most == pytest.approx(2)


def test_free_runs_have_no_end_of_money() -> None:
    """An account without an end says so, and is never short."""
    verdict = judge(quote(at_most=0, total=float("inf")), paid=False)
    assert verdict.decision == "go"
    assert "holds what the provider does not tell" in verdict.message


def test_megapixels_that_are_not_sent_save_time() -> None:
    """Eight megapixels less for each of a thousand calls, at 500 a minute."""
    asked = quote(1000, megapixels=1000, spared=8000)
    assert (asked.minutes_likely, asked.minutes_saved) == pytest.approx((2, 16))
    assert "`purchase_megapixels` saves about 16 min." in asked.sum_up()
    assert "saves less than a minute" in quote(10, 10, megapixels=10, spared=80).sum_up()


def test_a_pace_that_counts_calls_is_not_helped_by_less() -> None:
    """Nothing is promised where a large picture weighs no more than a small one."""
    pace = Pace(per_window=60, window_seconds=60, calls_at_once=40, weighs_megapixels=False)
    asked = quote(1000, megapixels=1000, spared=8000, pace=pace)
    assert asked.minutes_saved == 0
    assert "purchase_megapixels" not in asked.sum_up()
    assert quote(1000).minutes_saved == 0


def test_what_is_not_known_is_no_larger_than_what_is_sent() -> None:
    """A night of checks counts on the usual size, or on less where all are shrunk to less."""
    demand = Demand(1000, 1000, 0, 0, None, largest=1)
    funds = Funds(Account(unit="credits", total=5000), None, None)
    assert Quote(demand, funds, PACE).minutes_at_most == pytest.approx(2)
