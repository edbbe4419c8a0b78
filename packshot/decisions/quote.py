"""Can this run be paid for, and how long does it take? Sums over facts already in hand."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from packshot.facts.errors import NeedsAnswer
from packshot.facts.money import Cap, Tariff
from packshot.facts.purchase import Account

CALLS_WITHOUT_ASKING = 50
USUAL_MEGAPIXELS = 4.0
"""A shop's picture, where its size is not known yet."""
USUAL_CALL_SECONDS = 2.5


def weight_of(megapixels: float) -> float:
    """What a picture counts for at a pace that goes by megapixels: rounded up, one at least."""
    return max(1.0, math.ceil(megapixels))


Limit = Literal["balance", "cap", "floor"]
"""What the money of a run ends at."""


class Pace(Protocol):
    """What a quote needs of a provider's declared pace."""

    @property
    def per_window(self) -> float:
        """Megapixel-images, or calls where `weighs_megapixels` is false."""
        ...

    @property
    def window_seconds(self) -> float:
        """Length of a window."""
        ...

    @property
    def calls_at_once(self) -> int:
        """Calls in flight."""
        ...

    @property
    def weighs_megapixels(self) -> bool:
        """Whether a large picture counts for more than one."""
        ...


@dataclass(frozen=True, slots=True)
class Demand:
    """What a plan asks for. Amounts are sums over all its calls, in the provider's unit."""

    calls: int
    """Calls at most."""
    at_most: float
    likely: float
    likely_calls: int
    megapixels_likely: float | None
    """Of the likely calls together, each rounded up as the provider does; None if unknown."""
    cheapest: float = math.inf
    """What the cheapest of the calls costs at most; no end where there are none."""
    megapixels_spared: float = 0.0
    """So many more the likely calls would weigh if no source were shrunk before it is sent."""
    largest: float = math.inf
    """Megapixels that no picture exceeds when it is sent."""


@dataclass(frozen=True, slots=True)
class Funds:
    """What may be spent."""

    account: Account
    cap: Cap | None
    keep_credits: float | None
    tariff: Tariff | None = None

    @property
    def spendable(self) -> float:
        """The account's total less what is kept, and no more than the cap."""
        left = self.account.total - (self.keep_credits or 0.0)
        return max(0.0, left if self.cap is None else min(left, self.cap.amount))

    def in_money(self, amount: float) -> str:
        """The money to be said behind an amount, where its price is known."""
        return self.tariff.beside(amount) if self.tariff else ""

    def limit(self, wanted: float) -> Limit:
        """What keeps `wanted` from being spent."""
        if self.cap is not None and self.cap.amount <= self.spendable:
            return "cap"
        return "floor" if self.keep_credits and wanted <= self.account.total else "balance"


@dataclass(frozen=True, slots=True)
class Quote:
    """A plan's demand laid against funds and pace."""

    demand: Demand
    funds: Funds
    pace: Pace

    @property
    def affordable(self) -> int:
        """Calls that the funds pay for at the average price; one, if only the cheapest."""
        calls, at_most, spendable = self.demand.calls, self.demand.at_most, self.funds.spendable
        if at_most <= spendable:
            return calls
        average = math.floor(Decimal(str(spendable)) * calls / Decimal(str(at_most)))
        return max(average, int(self.demand.cheapest <= spendable))

    @property
    def short_by(self) -> float:
        """Missing to pay for every call that could become necessary."""
        return _less(self.demand.at_most, self.funds.spendable)

    @property
    def likely_short_by(self) -> float:
        """Missing to pay for the likely calls; this is what a run is judged by."""
        return _less(self.demand.likely, self.funds.spendable)

    @property
    def minutes_at_most(self) -> float:
        """Time at the provider's pace if every call becomes necessary."""
        return self._minutes(self.demand.calls)

    @property
    def minutes_likely(self) -> float:
        """Time at the provider's pace for the likely calls."""
        return self._minutes(self.demand.likely_calls)

    @property
    def minutes_saved(self) -> float:
        """Time at the provider's pace that shrinking sources saves the likely calls."""
        if not self.pace.weighs_megapixels or not self.demand.likely_calls:
            return 0.0
        spared = self.demand.megapixels_spared / self.demand.likely_calls
        return self._minutes(self.demand.likely_calls, spared) - self.minutes_likely

    def sum_up(self) -> str:
        """The sum in front of the reader."""
        demand, funds, unit = self.demand, self.funds, self.funds.account.unit
        if not demand.at_most and not funds.account.total:
            return (
                f"At most {demand.calls:,} pictures in about {said_minutes(self.minutes_at_most)}, "
                "for nothing."
            )
        wanted = (
            f"At most {_calls(demand.calls)} for {_say(demand.at_most)} {unit}"
            f"{funds.in_money(demand.at_most)} in about {said_minutes(self.minutes_at_most)}; "
            f"likely {demand.likely_calls:,} for {_say(demand.likely)}"
            f"{funds.in_money(demand.likely)} in about {said_minutes(self.minutes_likely)}."
        )
        if self.demand.megapixels_spared and self.pace.weighs_megapixels:
            wanted += f" `purchase_megapixels` saves {_saved(self.minutes_saved)}."
        told = math.isfinite(funds.account.total)
        holds = _say(funds.account.total) if told else "what the provider does not tell"
        limits = [f"The account holds {holds}"]
        if funds.keep_credits:
            limits.append(f"`keep_credits` keeps {_say(funds.keep_credits)}")
        if funds.cap is not None:
            limits.append(f"{funds.cap.said} allows {_say(funds.cap.amount)}")
        return f"{wanted} {', '.join(limits)}: {_say(funds.spendable)} may be spent."

    def _minutes(self, calls: int, spared: float = 0.0) -> float:
        known, of = self.demand.megapixels_likely, self.demand.likely_calls
        usual = min(USUAL_MEGAPIXELS, self.demand.largest)
        each = spared + (usual if known is None or not of else max(1.0, known / of))
        weight = calls * each if self.pace.weighs_megapixels else calls
        by_pace = weight / self.pace.per_window * self.pace.window_seconds
        by_width = calls * USUAL_CALL_SECONDS / self.pace.calls_at_once
        return max(by_pace, by_width) / 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to buy, and the sum behind it."""

    decision: Literal["go", "partly", "stop"]
    message: str
    limit: Limit = "balance"
    """What the money ends at, where it is short."""


def decide(
    quote: Quote,
    *,
    when_short: Literal["partial", "stop"],
    paid: bool,
    yes: int | None,
    cap: float | None,
) -> Verdict:
    """Go, go partly, or stop. Raises `NeedsAnswer` before a large purchase nobody approved.

    Funds are short when they do not cover what is *likely*: a plan's `at most` holds every
    known picture that is merely asked again tonight, and would stop most nights for nothing.
    """
    verdict = _weigh(quote, when_short)
    if verdict.decision != "stop" and paid:
        _ask_before_spending(quote.demand, yes, cap)
    return verdict


def _weigh(quote: Quote, when_short: Literal["partial", "stop"]) -> Verdict:
    said, unit, calls = quote.sum_up(), quote.funds.account.unit, quote.demand.calls
    rest = f"the money is sure to pay for {quote.affordable:,} of {_calls(calls)}"
    if not quote.short_by:
        return Verdict("go", said)
    if not quote.likely_short_by:
        return Verdict("go", f"{said} This is likely to be enough; {rest}.")
    short = f"{said} What is likely needs {_say(quote.likely_short_by)} {unit} more"
    if quote.affordable and when_short == "partial":
        return Verdict("partly", f"{short}: {rest}, and a later run takes up the others.")
    why = "`when_short` is `stop`" if quote.affordable else "not one call can be paid for"
    limit = quote.funds.limit(quote.demand.likely)
    return Verdict("stop", f"{short}: {why}, so nothing is bought.", limit)


def _ask_before_spending(demand: Demand, yes: int | None, cap: float | None) -> None:
    calls = demand.calls
    if calls <= CALLS_WITHOUT_ASKING or cap is not None or (yes is not None and yes >= calls):
        return
    given = "" if yes is None else f" `--yes {yes}` covers fewer than that."
    raise NeedsAnswer(
        f"This run may make up to {calls:,} paid calls, for up to {_say(demand.at_most)}.{given}"
        f" Set a limit with `--max-credits {demand.at_most:g}`, or approve with `--yes {calls}`."
    )


def _less(wanted: float, had: float) -> float:
    return float(max(Decimal(0), Decimal(str(wanted)) - Decimal(str(had))))


def _say(amount: float) -> str:
    return f"{amount:,.2f}".rstrip("0").rstrip(".") if math.isfinite(amount) else "no end"


def _calls(number: int) -> str:
    return f"{number:,} call" if number == 1 else f"{number:,} calls"


def _saved(minutes: float) -> str:
    return "less than a minute" if minutes < 1 else f"about {said_minutes(minutes)}"


def said_minutes(minutes: float) -> str:
    """A time at a pace, for people."""
    if minutes < 1:
        return "a minute"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
