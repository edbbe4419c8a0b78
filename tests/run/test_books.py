"""The money of a run is reserved before a call leaves."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from packshot.facts.errors import (
    CapReached,
    FloorReached,
    KeyRejected,
    OutOfCredits,
    StopRun,
    Unreachable,
)
from packshot.facts.money import MAX_CREDITS, Cap
from packshot.run.books import Books, Reservation


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        """The time a test has set."""
        return self.now


def books(**changes: Any) -> Books:  # noqa: ANN401
    """Books with a balance of a hundred and no limits, unless said otherwise."""
    terms: dict[str, Any] = {"balance": 100, "cap": None, "floor": None, "refresh": lambda: None}
    said = terms | changes
    cap = None if said["cap"] is None else Cap(said["cap"], MAX_CREDITS)
    return Books(**said | {"cap": cap})


def spend(account: Books, *charges: float) -> None:
    """Reserve a credit and settle what was charged, again and again."""
    for charged in charges:
        account.reserve(1).settle(charged)
        account.read_balance_when_due()


def at_once(threads: int, work: Callable[[], None]) -> None:
    """Let threads do the same work at the same moment."""
    barrier = threading.Barrier(threads)

    def start() -> None:
        barrier.wait()
        work()

    crew = [threading.Thread(target=start) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()


def test_sixteen_threads_do_not_exceed_a_cap() -> None:
    """What all of them have reserved counts, not what has been charged."""
    account = books(balance=1000, cap=33.5)
    granted: list[Reservation] = []

    def grab() -> None:
        for _ in range(20):
            try:
                granted.append(account.reserve(1))
            except CapReached:
                return

    at_once(16, grab)
    assert len(granted) == 33
    for reservation in granted:
        reservation.settle(1)
    assert account.snapshot().charged == 33


def test_a_cheaper_answer_makes_room() -> None:
    """A reservation that is settled for less gives the rest back."""
    account = books(cap=1)
    spend(account, 0.25)
    with pytest.raises(CapReached, match=r"`max_credits` allows 1: 0.25 are spent"):
        account.reserve(1)
    account.reserve(0.75).settle(0.75)


def test_who_waits_gets_what_others_give_back() -> None:
    """A refusal that is only due to calls in flight can be waited out."""
    account = books(cap=1)
    first = account.reserve(1)
    threading.Timer(0.05, first.release).start()
    account.reserve(1, wait_seconds=5).settle(1)
    with pytest.raises(CapReached):
        account.reserve(1, wait_seconds=5)


def test_quarters_add_up() -> None:
    """Ten thousand tenths and quarters end on the cent."""
    account = books(balance=5000)
    spend(account, *[0.25, 0.1] * 10_000)
    assert account.snapshot().charged == 3500
    assert account.snapshot().balance_counted == 1500


def test_the_floor_holds() -> None:
    """`keep_credits` is kept, calls in flight included."""
    account = books(balance=12, floor=10)
    account.reserve(1)
    account.reserve(1)
    with pytest.raises(FloorReached, match=r"holds 12, 2 are set aside.*`keep_credits` keeps 10"):
        account.reserve(0.25)


def test_a_floor_without_a_balance_cannot_be_kept() -> None:
    """What nobody can check is refused."""
    with pytest.raises(FloorReached, match="does not say"):
        books(balance=None, floor=5).reserve(1)


def test_an_empty_account_says_the_sum() -> None:
    """The sentence names what the account holds, what the call costs and what is missing."""
    account = books(balance=0.75)
    with pytest.raises(OutOfCredits, match=r"holds 0.75, and .* up to 1; buy 0.25 more"):
        account.reserve(1)


def test_what_costs_nothing_needs_no_money() -> None:
    """A free call may leave with an empty account and a cap that is reached."""
    books(balance=0, cap=0, floor=10).reserve(0).settle(0)


def test_released_money_is_there_again() -> None:
    """An answer that was not charged leaves no trace."""
    account = books(cap=1)
    account.reserve(1).release()
    account.reserve(1).release()
    assert (account.snapshot().charged, account.snapshot().calls) == (0, 0)


def test_uncertain_money_stays_set_aside() -> None:
    """A call that may have been charged counts against the cap and is shown apart."""
    account = books(cap=1.5)
    account.reserve(1).keep_as_uncertain()
    with pytest.raises(CapReached, match="1 are set aside"):
        account.reserve(1)
    shown = account.snapshot()
    assert (shown.charged, shown.uncertain, shown.calls) == (0, 1, 1)


def test_an_uncertain_call_may_still_be_answered() -> None:
    """A late answer turns doubt into a charge, once."""
    account = books()
    late = account.reserve(1)
    late.keep_as_uncertain()
    late.settle(1)
    shown = account.snapshot()
    assert (shown.charged, shown.uncertain, shown.calls) == (1, 0, 1)
    with pytest.raises(RuntimeError):
        late.release()


def test_closed_books_stay_closed_for_the_first_reason() -> None:
    """After a refused key nobody reserves, and everyone hears the same."""
    account = books()
    account.closed(KeyRejected("the key was refused", "auth_failed"))
    account.closed(StopRun("something later"))
    with pytest.raises(KeyRejected, match="the key was refused") as raised:
        account.reserve(0)
    assert raised.value.code == "auth_failed"


def test_the_balance_is_read_again_now_and_then() -> None:
    """Once per so many charges; answers that cost nothing do not count."""
    reads: list[int] = []
    account = books(refresh=lambda: reads.append(1), refresh_every=3)
    spend(account, 1, 0, 1, 1, 1, 1, 1, 1)
    assert len(reads) == 2


def test_a_lagging_balance_is_not_believed() -> None:
    """Soon after a charge a higher report is old news; later someone has paid in."""
    clock = Clock()
    account = books(balance=2, refresh=lambda: 50, clock=clock)
    spend(account, 1, 1)
    account.read_balance()
    with pytest.raises(OutOfCredits):
        account.reserve(1)
    clock.now += 10
    account.read_balance()
    account.reserve(1)


def test_a_balance_that_others_spend_is_believed() -> None:
    """A report below what our own calls in flight explain is taken at once."""
    account = books(balance=100, refresh=lambda: 3)
    spend(account, 1)
    account.read_balance()
    with pytest.raises(OutOfCredits, match="holds 3"):
        account.reserve(4)
    shown = account.snapshot()
    assert (shown.balance_counted, shown.balance_reported, shown.difference) == (99, 3, -96)


def test_a_balance_that_knows_calls_in_flight_changes_nothing() -> None:
    """What is reserved may have been charged already, and is not taken off twice."""
    account = books(balance=10, refresh=lambda: 8)
    flying = [account.reserve(1), account.reserve(1)]
    account.read_balance()
    for reservation in flying:
        reservation.settle(1)
    account.reserve(8)


def test_a_refused_refresh_does_not_harm_an_answer() -> None:
    """A paid answer is settled whatever the account page says; a refused key closes the books."""
    answers: list[Exception] = [KeyRejected("blocked"), Unreachable("502")]

    def refresh() -> float | None:
        raise answers.pop()

    account = books(refresh=refresh, refresh_every=1)
    spend(account, 1)
    assert account.snapshot().charged == 1
    spend(account, 1)
    with pytest.raises(KeyRejected):
        account.reserve(1)


def test_an_endless_balance_is_no_balance() -> None:
    """A free engine's account has no end and no difference."""
    account = books(balance=float("inf"), refresh=lambda: float("inf"))
    spend(account, 1)
    account.read_balance()
    assert account.snapshot().balance_before is None
    assert account.snapshot().difference is None
