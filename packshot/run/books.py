"""The money of a run: reserved before a call leaves, settled by its answer.

The balance is read once and counted on with every charge. It is read again now and then, and two
things make the provider's number differ without anyone being wrong: it lags some seconds behind,
and it may already hold calls whose answers we have not seen. So a reported balance is believed
when it is *lower* than our count less all that is reserved or uncertain (someone else is
spending), and when it is *higher* and the last charge is more than ten seconds old (someone has
paid in). Anything between leaves our own count standing.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from packshot.facts.errors import (
    CapReached,
    FloorReached,
    OutOfCredits,
    PackshotError,
    StopRun,
)
from packshot.facts.money import MAX_CREDITS, Cap

LAG_SECONDS = 10.0
"""So long a reported balance may not know of a charge."""
NOTHING = Decimal(0)
NO_END = Decimal("Infinity")

State = Literal["open", "settled", "released", "uncertain"]


@dataclass(frozen=True, slots=True)
class BooksSnapshot:
    """What a run has spent, against what the provider says."""

    balance_before: float | None
    balance_counted: float | None
    """`balance_before` less `charged`."""
    balance_reported: float | None
    """The provider's latest word."""
    charged: float
    uncertain: float
    """Reserved for calls that were sent and never answered."""
    calls: int
    """Calls that were charged or may have been."""
    difference: float | None
    """Reported less counted: below zero, more is gone than this run knows of."""


class Reservation:
    """Money set aside for one call; its answer decides what becomes of it."""

    def __init__(self, books: "Books", at_most: Decimal) -> None:
        self._books = books
        self.at_most = at_most
        self.state: State = "open"

    def settle(self, charged: float) -> None:
        """The answer says what was charged; an uncertain call may still be answered."""
        self._books._conclude(self, "settled", _exact(charged))  # noqa: SLF001  one unit

    def release(self) -> None:
        """The answer says that nothing was charged, or no call was sent."""
        self._books._conclude(self, "released", NOTHING)  # noqa: SLF001  one unit

    def keep_as_uncertain(self) -> None:
        """The call was sent and never answered, so it may have been charged."""
        self._books._conclude(self, "uncertain", NOTHING)  # noqa: SLF001  one unit


class Books:
    """Thread-safe: what may still be spent, and what was."""

    def __init__(
        self,
        *,
        balance: float | None,
        cap: Cap | None,
        floor: float | None,
        refresh: Callable[[], float | None],
        refresh_every: int = 50,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._before = self._held = _maybe(balance)
        self._cap, self._floor = _maybe(cap and cap.amount), _maybe(floor)
        self.cap_option = cap.option if cap else MAX_CREDITS
        self._cap_said = cap.said if cap else ""
        self._refresh, self._refresh_every = refresh, refresh_every
        self._clock = clock
        self._changed = threading.Condition()
        self._reserved = self._charged = self._uncertain = NOTHING
        self._reported: Decimal | None = None
        self._last_charge = -LAG_SECONDS
        self._charges = self._calls = 0
        self._due = False
        self._reason: StopRun | None = None

    def reserve(self, at_most: float, *, wait_seconds: float = 0.0) -> Reservation:
        """Set money aside for one call, or raise why it may not leave.

        With `wait_seconds` a refusal that is only due to other reservations waits for these to
        be settled: they may turn out cheaper. Raises `CapReached`, `FloorReached`,
        `OutOfCredits`, and whatever closed the books.
        """
        price = _exact(at_most)
        end = self._clock() + wait_seconds
        with self._changed:
            while (refusal := self._refusal(price)) is not None:
                left = end - self._clock()
                hopeless = self._refusal(price, reserved=NOTHING) is not None
                if hopeless or left <= 0:
                    raise refusal
                self._changed.wait(left)
            self._reserved += price
        return Reservation(self, price)

    def money_left(self) -> float:
        """What may still be spent if every open reservation were given back; no end without one."""
        with self._changed:
            gone = self._uncertain
            limits = (
                None if self._cap is None else self._cap - self._charged - gone,
                None if self._held is None else self._held - gone - (self._floor or NOTHING),
            )
            return float(min((limit for limit in limits if limit is not None), default=NO_END))

    def closed(self, reason: StopRun) -> None:
        """Let no further call leave; the first reason stays."""
        with self._changed:
            self._reason = self._reason or reason
            self._changed.notify_all()

    def read_balance_when_due(self) -> None:
        """Ask for the balance if enough was charged since; once nothing waits for this thread."""
        with self._changed:
            due, self._due = self._due, False
        if due:
            self.read_balance()

    def read_balance(self) -> None:
        """Ask the provider for the balance now."""
        try:
            answer = self._refresh()
        except StopRun as reason:
            self.closed(reason)
            return
        except PackshotError:
            return  # the count goes on without it
        if (reported := _maybe(answer)) is not None:
            with self._changed:
                self._believe(reported)
                self._changed.notify_all()

    def snapshot(self) -> BooksSnapshot:
        """The books as they stand."""
        with self._changed:
            before, reported = self._before, self._reported
            counted = None if before is None else before - self._charged
            known = counted is not None and reported is not None
            return BooksSnapshot(
                balance_before=_plain(before),
                balance_counted=_plain(counted),
                balance_reported=_plain(reported),
                charged=float(self._charged),
                uncertain=float(self._uncertain),
                calls=self._calls,
                difference=float((reported or NOTHING) - (counted or NOTHING)) if known else None,
            )

    def _refusal(self, price: Decimal, *, reserved: Decimal | None = None) -> StopRun | None:
        """Why a call of this price may not leave; one that costs nothing needs no money."""
        if self._reason is not None:
            return type(self._reason)(self._reason.message, self._reason.code)
        if not price:
            return None
        pending = self._uncertain + (self._reserved if reserved is None else reserved)
        aside = f" {_say(pending)} are set aside for calls not settled," if pending else ""
        if self._cap is not None and self._charged + pending + price > self._cap:
            return CapReached(
                f"{self._cap_said} allows {_say(self._cap)}: {_say(self._charged)} are spent,"
                f"{aside} and the next call costs up to {_say(price)}; raise it to go on.",
                self.cap_option,
            )
        return self._short(price, pending, aside)

    def _short(self, price: Decimal, pending: Decimal, aside: str) -> StopRun | None:
        if self._held is None:
            if self._floor:
                return FloorReached(
                    f"`keep_credits` is {_say(self._floor)}, but the provider does not say what"
                    " the account holds; leave `keep_credits` out or use `max_credits`."
                )
            return None
        after = self._held - pending - price
        holds = f"The account holds {_say(self._held)},{aside}"
        costs = f" and the next call costs up to {_say(price)}"
        if after < 0:
            return OutOfCredits(f"{holds}{costs}; buy {_say(-after)} more or wait.")
        if self._floor is not None and after < self._floor:
            return FloorReached(
                f"{holds}{costs}; `keep_credits` keeps {_say(self._floor)}; lower it or buy some."
            )
        return None

    def _conclude(self, reservation: Reservation, state: State, charged: Decimal) -> None:
        with self._changed:
            if reservation.state == "open":
                self._reserved -= reservation.at_most
            elif reservation.state == "uncertain" and state != "uncertain":
                self._uncertain -= reservation.at_most
                self._calls -= 1
            else:
                raise RuntimeError(f"a reservation that was {reservation.state} cannot be {state}")
            reservation.state = state
            self._calls += state != "released"
            if state == "uncertain":
                self._uncertain += reservation.at_most
            if state == "settled" and charged:
                self._charge(charged)
            self._changed.notify_all()

    def _charge(self, charged: Decimal) -> None:
        self._charged += charged
        if self._held is not None:
            self._held -= charged
        self._last_charge = self._clock()
        self._charges += 1
        if self._held is not None and self._charges % self._refresh_every == 0:
            self._due = True

    def _believe(self, reported: Decimal) -> None:
        self._reported = reported
        if self._held is None:
            return
        explained = self._held - self._reserved - self._uncertain
        quiet = self._clock() - self._last_charge >= LAG_SECONDS
        if reported < explained or (reported > self._held and quiet):
            self._held = reported


def _exact(amount: float) -> Decimal:
    return Decimal(str(amount))


def _maybe(amount: float | None) -> Decimal | None:
    """No number and no end are both nothing to count down from."""
    return None if amount is None or not math.isfinite(amount) else _exact(amount)


def _plain(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _say(amount: Decimal) -> str:
    return f"{amount.normalize():,f}"
