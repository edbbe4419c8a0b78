"""What a night costs: never more than allowed, never twice, and every credit is in the books."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from packshot.facts.errors import LeaseLost, NeedsAnswer
from packshot.run import session
from packshot.run.looking import plan_only
from packshot.sandbox.state import Fault
from tests.run.nights import KEY, Night, Shop, transparent

WIDE = {"workers": 16, "calls_at_once": 16}
LARGE = (640, 480)
"""Larger than a preview, so that a preview is less than was asked for."""

Terms = Callable[..., None]


@pytest.fixture
def terms(shop: Shop) -> Iterator[Terms]:
    """Change how the market behaves until the test is over."""
    state, kept = shop.market.state, shop.market.state.settings

    def change(**patch: Any) -> None:  # noqa: ANN401  whatever the sandbox can be set to
        state.change(patch)

    yield change
    change(**kept.model_dump())


@pytest.fixture
def paid(shop: Shop) -> Shop:
    """A shop with real money, sixteen pictures at once."""
    shop.market.pass_for_real()
    shop.settings = {"limits": WIDE}
    return shop


def stock(shop: Shop, pictures: int, *, first_colour: int = 0) -> None:
    """Offer so many different pictures, each under its own SKU."""
    names = [f"{number:03d}" for number in range(pictures)]
    for number, name in enumerate(names):
        shop.draw(f"{name}.png", colour=first_colour + number)
    shop.list(*(shop.row(name, f"{name}.png") for name in names))


def reasons(night: Night, outcome: str = "deferred") -> dict[str, int]:
    """How often each reason code occurs under an outcome."""
    rows = night.report[night.report["outcome"] == outcome]
    return dict(rows["reason_code"].value_counts())


def bought(night: Night) -> list[int]:
    """The rows that were cut, counted from zero."""
    return [int(row) - 2 for row in night.report[night.report["outcome"] == "cut"]["row"]]


def assert_balanced(night: Night) -> None:
    """What the report says was spent is what the provider took; the sums agree everywhere."""
    money, report = night.summary.money, night.report
    assert money.charged + money.uncertain == night.seen.credits
    assert report["charged"].sum() == money.charged
    assert report["uncertain"].sum() == money.uncertain
    assert report["paid_before"].sum() == money.paid_before


# --- limits -------------------------------------------------------------------------------


def test_a_cap_holds_with_sixteen_calls_in_flight(paid: Shop, terms: Terms) -> None:
    """The price of a call is set aside before it leaves, so a cap is reached and not passed."""
    terms(latency_seconds=0.1)
    stock(paid, 30)
    night = paid.night(max_credits=9.5)
    assert night.seen.credits == 9
    assert paid.market.state.max_open > 4
    assert night.summary.outcomes == {"deferred": 21, "cut": 9}
    assert night.summary.stop_code == "max_credits"
    assert reasons(night) == {"max_credits": 21}
    assert_balanced(night)


def test_a_cap_in_money_holds_and_plan_and_report_speak_both(paid: Shop) -> None:
    """At 0.2 a credit, one euro buys five pictures."""
    stock(paid, 8)
    money = {"max_cost": 1.0, "price_per_unit": {"removebg": 0.2}, "currency": "EUR"}
    night = paid.night(**money)
    assert "At most 8 calls for 8 credits (1.60 EUR) in" in night.plan.message
    assert "`max_cost` (1.00 EUR) allows 5: 5 may be spent" in night.plan.message
    assert (night.plan.at_most_cost, night.plan.likely_cost, night.plan.currency) == (
        1.6,
        1.6,
        "EUR",
    )
    assert night.summary.outcomes == {"deferred": 3, "cut": 5}
    assert (night.seen.credits, night.summary.money.cost) == (5, 1.0)
    deferred = night.report[night.report["outcome"] == "deferred"]["reason"].iloc[0]
    assert deferred.startswith("`max_cost` (1.00 EUR) allows 5: 5 are spent")
    assert (night.summary.stop_code, reasons(night)["max_cost"]) == ("max_cost", 3)
    none = paid.night(**money | {"max_cost": 0.1}, when_short="stop")
    assert none.summary.stop_code == "max_cost"
    assert_balanced(night)


def test_a_cap_counts_what_may_have_been_charged(paid: Shop, terms: Terms) -> None:
    """Calls that were never answered use up the cap, for the provider may have taken them."""
    terms(latency_seconds=0.05)
    stock(paid, 16)
    paid.fail_next("reset_after_read", times=4)
    night = paid.night(max_credits=8)
    assert night.seen.credits <= 8
    assert night.summary.money.uncertain == 4
    assert_balanced(night)


def test_a_floor_is_kept(paid: Shop, terms: Terms) -> None:
    """The balance never falls below `keep_credits`."""
    terms(latency_seconds=0.05, subscription=20)
    stock(paid, 16)
    night = paid.night(keep_credits=12.5)
    assert night.seen.credits == 7
    assert paid.market.state.credits == 13
    assert reasons(night) == {"keep_credits": 9}
    assert night.summary.stop_code == "keep_credits"


def test_an_empty_account_defers_everything(paid: Shop, terms: Terms) -> None:
    """Without credits nothing is called, and the next run with credits buys it all."""
    terms(subscription=0)
    stock(paid, 8)
    night = paid.night()
    assert night.seen.posts == 0
    assert reasons(night) == {"no_credits": 8}
    assert night.summary.stop_code == "no_credits"
    terms(subscription=100)
    assert paid.night().seen.credits == 8


def test_the_run_after_a_short_one_pays_for_the_rest_only(paid: Shop, terms: Terms) -> None:
    """Running again is how a run is taken up; nothing is paid twice."""
    terms(subscription=7)
    stock(paid, 16)
    short = paid.night()
    assert short.plan.verdict == "partly"
    assert short.summary.outcomes == {"deferred": 9, "cut": 7}
    assert reasons(short) == {"no_credits": 9}
    assert short.summary.stop_code == "no_credits"
    terms(subscription=100)
    rest = paid.night()
    assert rest.summary.outcomes == {"cut": 9, "unchanged": 7}
    assert set(paid.market.state.identities.values()) == {1}
    assert_balanced(rest)


def test_stop_when_short_buys_nothing(paid: Shop, terms: Terms) -> None:
    """With `when_short: stop` a run that cannot pay for everything pays for nothing."""
    terms(subscription=7)
    stock(paid, 8)
    night = paid.night(when_short="stop")
    assert night.seen.posts == 0
    assert reasons(night) == {"no_credits": 8}


@pytest.mark.parametrize("limits", [{"workers": 1}, WIDE, {"workers": 3, "calls_at_once": 16}])
def test_a_partial_run_buys_in_the_order_of_the_manifest(
    paid: Shop, terms: Terms, limits: dict[str, int]
) -> None:
    """The money goes to the first rows, however many are worked on side by side."""
    terms(latency_seconds=0.03, subscription=5)
    stock(paid, 30)
    assert bought(paid.night(limits=limits)) == [0, 1, 2, 3, 4]


def test_what_costs_nothing_passes_its_money_on(paid: Shop, terms: Terms) -> None:
    """Rows that turn out free leave their share to the next ones in order, and to no others."""
    terms(latency_seconds=0.03, subscription=5)
    stock(paid, 30)
    paid.put("001.png", transparent())
    paid.put("003.png", b"not a picture")
    paid.put("004.png", (paid.pictures / "000.png").read_bytes())
    night = paid.night()
    equal = {0, 4}  # either is bought, and the other finds it
    assert set(bought(night)) - equal == {2, 5, 6, 7}
    assert len(bought(night)) == 5
    assert reasons(night, "skipped") == {"already_transparent": 1}
    assert night.summary.outcomes["reused"] == 1
    assert_balanced(night)


def test_a_cheaper_row_waits_for_its_turn_too(paid: Shop, terms: Terms) -> None:
    """A preview for a quarter does not take the money of a row above it."""
    terms(latency_seconds=0.03, subscription=2.25)
    for number in range(4):
        paid.draw(f"{number}.png", colour=number, size=LARGE)
    paid.list(
        paid.row("a", "0.png"),
        paid.row("b", "1.png", resolution="preview"),
        paid.row("c", "2.png"),
        paid.row("d", "3.png", resolution="preview"),
    )
    assert bought(paid.night()) == [0, 1, 2]


def test_what_is_asked_again_waits_for_no_money(paid: Shop, terms: Terms) -> None:
    """Known pictures are re-asked whoever else is waiting for credits."""
    stock(paid, 6)
    paid.night()
    paid.later(days=8)
    stock(paid, 16)
    terms(latency_seconds=0.03, subscription=2)
    night = paid.night()
    assert night.summary.outcomes == {"deferred": 8, "unchanged": 6, "cut": 2}
    assert bought(night) == [6, 7]
    assert night.seen.not_modified == 6


# --- stops --------------------------------------------------------------------------------


def test_an_account_that_runs_dry_stops_the_run(paid: Shop, terms: Terms) -> None:
    """After a 402 no new call leaves; who waits for a call is deferred for the same reason."""
    terms(subscription=6, account_lag_seconds=999, latency_seconds=0.05)
    stock(paid, 24)
    night = paid.night(limits={"workers": 16, "calls_at_once": 4})
    assert night.plan.balance == 10_000
    assert night.seen.credits == 6
    assert night.seen.posts <= 6 + 4
    assert night.summary.outcomes == {"deferred": 18, "cut": 6}
    assert reasons(night) == {"no_credits": 18}
    assert night.summary.stop_code == "no_credits"
    assert_balanced(night)


def test_a_refused_key_stops_the_run(paid: Shop, terms: Terms) -> None:
    """After a 403 what is in flight lands, and the rest waits for a good key."""
    terms(latency_seconds=0.2)
    stock(paid, 20)
    paid.fail_next("status_403")
    night = paid.night(limits={"workers": 16, "calls_at_once": 4})
    assert night.seen.posts <= 4
    assert set(reasons(night)) == {"key_rejected"}
    assert night.summary.stop_code == "key_rejected"
    assert_balanced(night)
    assert night.seen.credits + paid.night().seen.credits == 20


def test_a_call_that_was_stopped_at_the_door_is_not_uncertain(paid: Shop, terms: Terms) -> None:
    """A declared call that never left is not in the books as one that may have been charged."""
    terms(latency_seconds=0.02)
    stock(paid, 16)
    shop, _ = session.begin(paid.job(), KEY)
    declare = shop.intents.declare

    def declare_and_stop(call: Any) -> None:  # noqa: ANN401
        declare(call)
        session.stop(shop, "the house is on fire")

    shop.intents.declare = declare_and_stop  # type: ignore[method-assign]
    try:
        for stage in (session.read_manifest, session.detect_changes, session.check_credits):
            stage(shop)
        session.run_in_threads(shop)
        summary = session.publish_report(shop)
    finally:
        shop.close()
    assert paid.market.state.posts == 0
    assert (summary.money.uncertain, summary.calls) == (0, 0)


def test_free_work_goes_on_when_the_money_is_gone(paid: Shop, terms: Terms) -> None:
    """A stop for lack of credits defers purchases; what costs nothing is still done."""
    stock(paid, 8)
    paid.night()
    terms(subscription=2, account_lag_seconds=999, latency_seconds=0.05)
    paid.later(days=8)
    known = [paid.row(f"{number:03d}", f"{number:03d}.png") for number in range(8)]
    for number in range(8, 20):
        paid.draw(f"{number}.png", colour=number)
    paid.list(*(paid.row(f"new{n}", f"{n}.png") for n in range(8, 20)), *known)
    night = paid.night(limits={"workers": 8, "calls_at_once": 2})
    assert night.summary.outcomes == {"deferred": 10, "unchanged": 8, "cut": 2}
    assert reasons(night, "unchanged") == {"asked": 8}


# --- guards -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "asks"), [({}, True), ({"yes": 51}, False), ({"max_credits": 3}, False)]
)
def test_more_than_fifty_paid_calls_want_an_answer(
    paid: Shop, changes: dict[str, Any], *, asks: bool
) -> None:
    """Nobody spends by accident: a large purchase has a cap or somebody's yes to its number."""
    paid.list(*(paid.row(f"{n}", f"{n}.png") for n in range(51)))
    shop, _ = session.begin(paid.job(**changes), KEY)
    try:
        session.read_manifest(shop)
        session.detect_changes(shop)
        if asks:
            with pytest.raises(NeedsAnswer, match="51 paid calls"):
                session.check_credits(shop)
        else:
            session.check_credits(shop)
        assert shop.head.open_runs == ([] if asks else [shop.run_id])
    finally:
        shop.close()


def test_too_many_changed_pictures_stop_the_run(paid: Shop, terms: Terms) -> None:
    """When a night's share of changed pictures cannot be explained, a person is asked."""
    terms(latency_seconds=0.02)
    stock(paid, 30)
    paid.night()
    paid.later(days=8)
    stock(paid, 30, first_colour=60)
    night = paid.night()
    assert night.seen.credits <= 20
    assert night.summary.stop_code == "max_changed_share"
    assert set(reasons(night)) == {"max_changed_share"}
    assert "`max_changed_share`" in str(night.summary.stopped)
    assert_balanced(night)
    assert night.seen.credits + paid.night(max_changed_share=1.0).seen.credits == 30


def test_the_share_is_one_of_what_is_asked_again(paid: Shop) -> None:
    """A catalog that is asked again over many nights is not bought anew bit by bit."""
    stock(paid, 60)
    paid.night(yes=60)
    paid.later(days=8)
    stock(paid, 60, first_colour=60)
    night = paid.night(recheck_budget=40, max_changed_share=0.6)
    assert night.seen.credits <= 24
    assert night.summary.stop_code == "max_changed_share"
    assert "of the 40 known pictures" in str(night.summary.stopped)


def test_a_manifest_that_shrank_is_not_believed(paid: Shop, tmp_path: Path) -> None:
    """When too much is gone the run asks before anything is on record; a yes goes through."""
    stock(paid, 10)
    paid.night()
    stock(paid, 7)
    folder = tmp_path / "scratch"
    folder.mkdir()
    planned = plan_only(paid.job(), KEY, folder).plan
    assert planned.verdict == "needs an answer"
    assert "3 of 10 known items" in planned.message
    with pytest.raises(NeedsAnswer, match="3 of 10 known items"):
        paid.night()
    night = paid.night(max_gone_share=0.3)
    assert night.summary.outcomes == {"unchanged": 7}
    assert (night.summary.gone, night.earlier, night.seen.posts) == (3, [], 0)


# --- paid once ----------------------------------------------------------------------------


def test_one_picture_under_many_skus_is_bought_once(paid: Shop, terms: Terms) -> None:
    """Sixteen workers that meet at one picture make one call."""
    terms(latency_seconds=0.1)
    paid.draw("same.png")
    paid.list(*(paid.row(f"{number}", "same.png") for number in range(24)))
    night = paid.night()
    assert night.seen.posts == 1
    assert night.summary.outcomes == {"reused": 23, "cut": 1}
    assert_balanced(night)


def test_two_catalogs_of_one_state_share_their_purchases(paid: Shop) -> None:
    """What the first catalog bought the second one finds; each has its own finished pictures."""
    stock(paid, 8)
    paid.night()
    other = paid.neighbour("outlet")
    other.list(*(other.row(f"b{number}", f"{number:03d}.png") for number in range(8)))
    night = other.night()
    assert (night.seen.posts, night.summary.outcomes) == (0, {"reused": 8})
    assert night.summary.money.paid_before == 8
    assert len(list((paid.folder / "out" / "outlet").glob("b*/*.png"))) == 8


def test_two_catalogs_at_the_same_time_buy_once(paid: Shop, terms: Terms) -> None:
    """A claim on the purchase decides between two runs that want it at the same moment."""
    terms(latency_seconds=0.2)
    stock(paid, 12)
    other = paid.neighbour("outlet")
    other.list(*(other.row(f"b{number}", f"{number:03d}.png") for number in reversed(range(12))))
    with ThreadPoolExecutor(2) as pool:
        nights = list(pool.map(lambda shop: shop.night(), (paid, other)))
    assert paid.market.state.posts == 12
    assert set(paid.market.state.identities.values()) == {1}
    assert sum(night.summary.money.charged for night in nights) == 12
    assert sum(night.summary.money.paid_before for night in nights) == 12


# --- the books ----------------------------------------------------------------------------


def test_the_balance_before_and_after_is_told(paid: Shop, terms: Terms) -> None:
    """The summary lays what was charged against the account; a clean night leaves no difference."""
    terms(subscription=100)
    stock(paid, 8)
    money = paid.night().summary.money
    assert (money.balance_before, money.charged, money.balance_after) == (100, 8, 92)
    assert money.difference == 0


def test_someone_else_who_spends_shows_as_a_difference(paid: Shop, terms: Terms) -> None:
    """What left the account without us is printed, not explained away."""
    terms(subscription=100)
    stock(paid, 4)
    shop, _ = session.begin(paid.job(), KEY)
    try:
        for stage in (session.read_manifest, session.detect_changes, session.check_credits):
            stage(shop)
        terms(subscription=90)
        session.run_in_threads(shop)
        money = session.publish_report(shop).money
    finally:
        shop.close()
    assert (money.balance_after, money.difference) == (86, 10)


def test_a_balance_that_others_spend_is_seen_in_the_night(paid: Shop, terms: Terms) -> None:
    """Read again after so many charges, it ends a run that its own count would not end."""
    terms(subscription=100)
    stock(paid, 12)
    shop, _ = session.begin(
        paid.job(account_every=2, limits={"workers": 1, "calls_at_once": 1}), KEY
    )
    try:
        for stage in (session.read_manifest, session.detect_changes, session.check_credits):
            stage(shop)
        terms(subscription=5)
        session.run_in_threads(shop)
        summary = session.publish_report(shop)
    finally:
        shop.close()
    assert summary.outcomes == {"deferred": 7, "cut": 5}
    assert summary.stop_code == "no_credits"
    assert paid.market.state.posts == 5  # a run that only counts would send one more


def test_a_run_that_has_lost_its_catalog_buys_nothing_more(paid: Shop, terms: Terms) -> None:
    """Another run took over meanwhile: calls in flight land, and none leaves after them."""
    terms(latency_seconds=0.3)
    stock(paid, 12)
    shop, _ = session.begin(paid.job(limits={"workers": 2, "calls_at_once": 2}), KEY)
    try:
        for stage in (session.read_manifest, session.detect_changes, session.check_credits):
            stage(shop)
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(session.run_in_threads, shop)
            while paid.market.state.posts < 2:
                time.sleep(0.01)
            shop.place.state.create(f"{shop.job.catalog}/lease/{shop.lease.number + 1}.json", b"{}")
            shop.lease.renew()
            work.result()
        assert isinstance(shop.stop.reason, LeaseLost)
        assert paid.market.state.posts <= 4
        with pytest.raises(LeaseLost):
            session.publish_report(shop)
    finally:
        shop.close()


def test_the_most_a_plan_says_is_the_most(paid: Shop) -> None:
    """With a price by size, a picture that is asked again may have become a larger one."""
    stock(paid, 2)
    options = {"paid": {"resolution": "auto"}}
    paid.night(**options)
    paid.later(days=8)
    for number in range(2):
        paid.draw(f"{number:03d}.png", colour=80 + number, size=LARGE)
    night = paid.night(**options)
    assert night.seen.credits <= night.plan.at_most


@pytest.mark.parametrize(
    ("limit", "code"),
    [({"max_credits": 2}, "max_credits"), ({"keep_credits": 100}, "keep_credits")],
)
def test_a_stop_before_buying_names_what_stopped_it(
    paid: Shop, terms: Terms, limit: dict[str, float], code: str
) -> None:
    """An account that holds enough is not called empty."""
    terms(subscription=100)
    stock(paid, 4)
    night = paid.night(when_short="stop", **limit)
    assert (night.seen.posts, night.summary.stop_code) == (0, code)
    assert set(reasons(night)) == {code}


def test_the_books_hold_whatever_went_wrong(paid: Shop) -> None:
    """Refusals cost nothing, lost answers are uncertain, broken ones too: all sums agree."""
    stock(paid, 12)
    for kind in ("reset_after_read", "status_503", "error_code:unknown_foreground"):
        paid.fail_next(kind)
    for kind in ("truncated_zip", "missing_charge_header"):
        paid.fail_next(kind)
    night = paid.night()
    assert night.summary.outcomes == {"cut": 11, "rejected": 1}
    money = night.summary.money
    assert (money.charged, money.uncertain) == (11, 2)
    assert money.difference == money.uncertain
    assert_balanced(night)
    again = paid.night()
    assert (again.seen.posts, again.summary.money.charged) == (0, 0)


def test_what_is_found_again_stands_apart(paid: Shop) -> None:
    """Purchases of a run that died are paid for once, and not charged to the run that finds them.

    Each counts once, however many items show it.
    """
    stock(paid, 6)
    paid.draw("006.png", colour=5)
    paid.list(*(paid.row(f"{number:03d}", f"{number:03d}.png") for number in range(7)))
    paid.dead_night()
    night = paid.night()
    assert night.seen.posts == 0
    assert night.summary.outcomes == {"recovered": 7}
    dead, money = night.earlier[0].money, night.summary.money
    assert (dead.charged, dead.uncertain, dead.paid_before) == (6, 0, 0)
    assert (money.charged, money.uncertain, money.paid_before) == (0, 0, 6)
    assert night.report["paid_before"].sum() == 6


def test_a_charge_that_was_not_stated_is_our_estimate(paid: Shop) -> None:
    """Without the provider's word the price list counts, and the report says so."""
    stock(paid, 2)
    paid.fail_next("missing_charge_header")
    night = paid.night()
    assert sorted(night.report["charge_stated"]) == [False, True]
    assert list(night.report["charged"]) == [1, 1]
    assert_balanced(night)


def test_an_unanswered_call_is_worth_one_more_at_most(paid: Shop) -> None:
    """Two lost answers are enough: both are uncertain, and the item waits for another night."""
    stock(paid, 1)
    paid.fail_next("reset_after_read", times=9)
    night = paid.night()
    assert night.seen.posts == 2
    assert night.summary.outcomes == {"failed": 1}
    money = night.summary.money
    assert (money.charged, money.uncertain) == (0, 2)
    assert (money.balance_after, money.difference) == (9_998, 2)
    assert paid.night().seen.posts == 0


def test_an_unanswered_picture_is_not_called_again_for_another_sku(paid: Shop) -> None:
    """The one more call is per picture and night, not per item that shows it."""
    paid.draw("same.png")
    paid.list(*(paid.row(f"{number}", "same.png") for number in range(6)))
    paid.fail_next("reset_after_read", times=12)
    night = paid.night()
    assert night.seen.posts == 2
    assert night.summary.outcomes == {"failed": 6}
    assert_balanced(night)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        (Fault(kind="status_429", times=30, retry_after=0), {("deferred", "deadline")}),
        (Fault(kind="status_500", times=30), {("failed", "unreachable")}),
    ],
    ids=lambda told: told.kind if isinstance(told, Fault) else None,
)
def test_a_call_that_cannot_have_cost_anything_is_not_called_unanswered(
    paid: Shop, fault: Fault, ends: set[tuple[str, str]]
) -> None:
    """Another SKU of the picture ends as its own calls did."""
    paid.draw("same.png")
    paid.list(paid.row("one", "same.png"), paid.row("two", "same.png"))
    paid.market.state.add_fault(fault)
    night = paid.night(limits={"workers": 2, "item_seconds": 10})
    assert set(zip(night.report["outcome"], night.report["reason_code"], strict=True)) == ends
    assert night.summary.money.uncertain == 0
    paid.market.state.faults.clear()
    paid.later(days=1)
    assert paid.night().summary.outcomes == {"cut": 1, "reused": 1}


def test_a_worse_answer_is_marked_and_asked_again_on_a_later_night_only(paid: Shop) -> None:
    """A degraded purchase is published for review; tonight nobody buys it again."""
    paid.draw("mug.png", size=LARGE)
    paid.list(paid.row("mug", "mug.png"), paid.row("cup", "mug.png"))
    paid.fail_next("degraded")
    row = paid.night().last_of("mug")
    assert row is not None
    assert (row["purchase_class"], row["needs_review"], row["review_code"]) == (
        "degraded",
        True,
        "smaller_than_asked",
    )
    assert paid.night().seen.posts == 0
    paid.later(days=1)
    better = paid.night()
    assert better.seen.credits == 1
    assert set(better.report["purchase_class"]) == {"paid"}
    assert not better.report["needs_review"].any()


# --- politeness ---------------------------------------------------------------------------


def test_a_storm_of_refusals_makes_everyone_wait(paid: Shop, terms: Terms) -> None:
    """After a 429 no worker calls before the provider's time has passed, and no call is lost."""
    terms(latency_seconds=0.05)
    stock(paid, 24)
    paid.market.state.add_fault(Fault(kind="status_429", times=8, retry_after=2))
    night = paid.night()
    assert night.summary.outcomes == {"cut": 24}
    assert (night.seen.posts, night.summary.throttled) == (32, 8)
    calls = paid.market.state.calls
    for refused in (call.time for call in calls if call.status == 429):
        assert not [call for call in calls if refused + 0.7 < call.time < refused + 1.9]
    assert night.summary.waits["pause"] > 2
    assert_balanced(night)


def test_a_rehearsal_leaves_a_degraded_purchase_alone(paid: Shop) -> None:
    """What came back smaller was paid for; a test, larger or not, does not lie in its place."""
    paid.draw("shoe.png", size=LARGE)
    paid.list(paid.row("shoe", "shoe.png"))
    paid.fail_next("degraded")
    paid.night()
    (master,) = paid.state.glob("masters/*/*/removebg.zip")
    bought = master.read_bytes()
    paid.market.open_anew()  # answers as a sandbox from here on
    rehearsal = paid.night(recut="all")
    assert rehearsal.seen.posts == 1
    assert master.read_bytes() == bought


def test_a_picture_whose_time_is_up_while_it_waits_is_put_off(shop: Shop, terms: Terms) -> None:
    """No leave to call came in time: nothing was tried, so nothing failed."""
    terms(latency_seconds=6)
    stock(shop, 3)
    night = shop.night(limits={"calls_at_once": 1, "item_seconds": 10})
    assert night.summary.outcomes == {"cut": 2, "deferred": 1}
    assert reasons(night) == {"deadline": 1}
    terms(latency_seconds=0)
    assert shop.night().summary.outcomes == {"unchanged": 2, "cut": 1}
