"""Calls to the provider: allowed, reserved, declared, sent, settled and noted."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

import stamina

from packshot.decisions.patience import BUYING, Hook, buying_again, longest_wait
from packshot.facts.errors import PackshotError, SkipImage, StopRun, Throttled, TryAgain, Uncertain
from packshot.facts.outcome import Seconds
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Result, Source, Ticket
from packshot.run.books import Reservation
from packshot.run.collecting import NOT_READY, broken_result, collect, keep_ticket, ticket_of
from packshot.run.planning import utc_now
from packshot.run.shelf import forget_answer, with_sound_pictures
from packshot.run.workshop import Workshop
from packshot.world.cutouts import LARGEST_RESULT_PIXELS, Cutout, read_cutout
from packshot.world.journal import Call

DOWNLOADS = 3
"""So often a result that cannot be decoded is fetched."""
WAIT_FOR_OTHERS_SECONDS = 30.0
"""Calls in flight may turn out cheaper than what was set aside for them."""


@dataclass(slots=True)
class Spent:
    """What obtaining one purchase took; filled in as it goes, whatever the end."""

    deadline: float
    """When the item's time is up; a value of `time.monotonic`."""
    calls: int = 0
    perhaps_charged: bool = False
    """Whether one of the calls was answered, or sent and never answered."""
    seconds: Seconds = field(default_factory=Seconds)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One purchase that an item needs."""

    key: str
    fingerprint: str
    larger: tuple[str, ...]
    """Fingerprints of larger purchases of the same source, which would do as well."""
    source: Source
    """As it is sent."""
    source_size: tuple[int, int]
    """Width and height of the upright original."""
    source_bytes: int
    """Of the original."""
    options: PaidOptions
    preview: bytes
    """A small JPEG of the source, for the master."""

    @property
    def will_do(self) -> tuple[str, ...]:
        """Every fingerprint whose purchase spares this one, its own first."""
        return (self.fingerprint, *self.larger)


def answer_patiently(
    shop: Workshop,
    wanted: Wanted,
    spent: Spent,
    stack: ExitStack,
    answered: Callable[[Result], None],
) -> tuple[Result, Cutout]:
    """Call until answered or out of patience; a provider that only fails is left alone.

    `answered` is told of every answer before anything else is done with it.
    """
    try:
        answer = _answered(shop, wanted, spent, stack, answered)
    except PackshotError as error:
        if (reason := shop.breaker.heard(error)) is not None:
            _end_buying(shop, reason)
        raise
    shop.breaker.heard()
    return answer


def _answered(
    shop: Workshop,
    wanted: Wanted,
    spent: Spent,
    stack: ExitStack,
    answered: Callable[[Result], None],
) -> tuple[Result, Cutout]:
    """Call until answered or out of patience; being throttled costs time, not tries."""
    for attempt in stamina.retry_context(on=_patience(shop, spent.deadline), **BUYING):
        with attempt:
            while True:
                try:
                    result = _call(shop, wanted, spent, answered)
                except Throttled:
                    continue  # the governor lets it leave again when the provider wants it
                else:
                    return opened(shop, wanted.fingerprint, result, stack, spent.deadline)
    raise AssertionError("stamina returns or raises")


def _patience(shop: Workshop, deadline: float) -> Hook:
    """As `buying_again`, within the item's deadline and while the run goes on."""
    again = buying_again()
    tries = count(1)

    def hook(error: Exception) -> bool | float:
        answer, most = again(error), longest_wait(next(tries))
        wait = most if isinstance(answer, bool) else answer
        in_time = time.monotonic() + wait < deadline
        return answer if in_time and shop.stop.reason is None else False

    return hook


def opened(
    shop: Workshop, fingerprint: str, result: Result, stack: ExitStack, deadline: float
) -> tuple[Result, Cutout]:
    """Decode an answer; one that was charged and is broken is worth one more call.

    Never where its job's ticket is kept: then it is fetched again, tonight and on later nights.
    """
    for left in reversed(range(DOWNLOADS)):
        try:
            return with_sound_pictures(shop, result), _decoded(shop, result, stack)
        except TryAgain as error:
            forget_answer(shop, fingerprint)
            kept = ticket_of(shop, fingerprint)
            if kept is None:
                raise Uncertain(str(error), code="broken_answer") from error
            if not left:
                raise broken_result(shop, kept, error) from error
        result = collect(shop, kept, deadline)
    raise AssertionError("the last download returns or raises")


def _decoded(shop: Workshop, result: Result, stack: ExitStack) -> Cutout:
    with ExitStack() as held:
        held.enter_context(shop.budget.hold(result.width * result.height))
        cutout = read_cutout(result.content, result.format, max_pixels=LARGEST_RESULT_PIXELS)
        stack.push(held.pop_all())
    return cutout


def _call(
    shop: Workshop, wanted: Wanted, spent: Spent, answered: Callable[[Result], None]
) -> Result:
    """One call: allowed, reserved, declared, sent, settled and noted."""
    price = shop.provider.price(wanted.options, wanted.source.megapixels).at_most
    waiting = time.monotonic()
    with shop.governor.slot(
        wanted.source.megapixels, deadline=spent.deadline, stopped=shop.stop.check
    ):
        call = Call(token_hex(6), wanted.key, wanted.fingerprint, price)
        reservation = _reserve(shop, call)
        sent = time.monotonic()
        spent.calls += 1
        spent.seconds.wait += sent - waiting
        try:
            result = _submitted(shop, wanted, spent)
        except PackshotError as error:
            spent.perhaps_charged |= isinstance(error, Uncertain)
            spent.seconds.call += time.monotonic() - sent
            _settle_failure(shop, reservation, error)
            _note(shop, wanted, call, time.monotonic() - sent, _Heard(failure=error))
            raise
        spent.perhaps_charged = True
        answered(result)  # before another call may leave in its place
        shop.governor.learn(*result.pace)
        reservation.settle(result.charged)
    spent.seconds.call += time.monotonic() - sent
    _note(shop, wanted, call, time.monotonic() - sent, _Heard(result=result))
    return result


def _reserve(shop: Workshop, call: Call) -> Reservation:
    """Set the price aside and declare the intent; nothing may stand in the way after this."""
    reservation = shop.books.reserve(call.price, wait_seconds=WAIT_FOR_OTHERS_SECONDS)
    try:
        shop.intents.declare(call)
        _pass_gate(shop, call)
    except BaseException:
        reservation.release()
        raise
    return reservation


def _pass_gate(shop: Workshop, call: Call) -> None:
    """Ask once more whether a declared call may leave; one that may not is taken back."""
    try:
        shop.gate()
    except StopRun:
        shop.journal.record({"kind": "withdrawn", "call": call.call_id})
        raise


def _submitted(shop: Workshop, wanted: Wanted, spent: Spent) -> Result:
    """Send one call; a defect on the way back leaves its charge in the dark."""
    try:
        answer = shop.provider.submit(wanted.source, wanted.options)
        if isinstance(answer, Ticket):
            return _collected(shop, wanted, spent, answer)
    except PackshotError:
        raise
    except Exception as error:
        raise Uncertain(
            f"an unexpected {type(error).__name__} while reading the answer; report it, and "
            "compare the account's balance with the report",
            code="unexpected",
        ) from error
    return answer


def _collected(shop: Workshop, wanted: Wanted, spent: Spent, ticket: Ticket) -> Result:
    """Take the result of a job that is paid for; whatever keeps it back, its price is set aside."""
    kept = keep_ticket(shop, wanted.fingerprint, wanted.key, ticket)
    try:
        return collect(shop, kept, spent.deadline)
    except (Uncertain, SkipImage):
        raise
    except PackshotError as error:
        if isinstance(error, StopRun):
            _end_buying(shop, error)
        raise Uncertain(
            f"the picture was sent, and its result cannot be taken: {error} The next run takes it "
            "and does not buy it again",
            code=NOT_READY,
        ) from error


def _settle_failure(shop: Workshop, reservation: Reservation, error: PackshotError) -> None:
    """Keep the books after a call that failed; one that was never answered may be charged."""
    if isinstance(error, Uncertain):
        reservation.keep_as_uncertain()
        return
    if error.charged is not None:
        reservation.settle(error.charged)
        return
    reservation.release()
    if isinstance(error, StopRun):
        _end_buying(shop, error)


def _end_buying(shop: Workshop, reason: StopRun) -> None:
    shop.books.closed(reason)
    shop.stop.set(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What became of one call."""

    result: Result | None = None
    failure: PackshotError | None = None
    paid_before: bool = False
    """Whether another run's books hold what it cost."""


def note_lost(shop: Workshop, wanted: Wanted, error: PackshotError, seconds: float) -> None:
    """Note a job of an earlier run that brings nothing; what it cost stands in that run's books."""
    asked = Call(token_hex(6), wanted.key, wanted.fingerprint, 0.0)
    _note(shop, wanted, asked, seconds, _Heard(failure=error, paid_before=True))


def _note(shop: Workshop, wanted: Wanted, call: Call, seconds: float, heard: _Heard) -> None:
    result, failure = heard.result, heard.failure
    shop.journal.record(
        {
            "kind": "attempt",
            "call": call.call_id,
            "key": wanted.key,
            "fingerprint": wanted.fingerprint,
            "provider": shop.provider.name,
            "megapixels": round(wanted.source.megapixels, 3),
            "answered_at": utc_now(),
            "seconds": round(seconds, 4),
            "http_status": result.status if result else failure and failure.http_status,
            "code": failure.code if failure else "ok",
            "message": str(failure) if failure else None,
            "body_excerpt": getattr(failure, "body_excerpt", None),
            "charged": 0.0 if heard.paid_before else _charged(result or failure),
            "uncertain": call.price if isinstance(failure, Uncertain) else 0.0,
        }
    )


def _charged(heard: Result | PackshotError | None) -> float:
    return (heard and heard.charged) or 0.0
