"""Obtain the purchase behind a fingerprint: find it, or buy it once.

The order is the proof: lock → purchase there already? → intent → call → master.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex

import stamina

from packshot.decisions.patience import BUYING, Hook, buying_again
from packshot.facts.alpha import AlphaFacts, in_source_pixels
from packshot.facts.errors import (
    PackshotError,
    SkipImage,
    StopRun,
    StoreUnavailable,
    Throttled,
    TryAgain,
    TryTomorrow,
    Uncertain,
)
from packshot.facts.outcome import Outcome, Seconds
from packshot.facts.paid_options import PaidOptions, content_hash
from packshot.facts.purchase import Box, Receipt
from packshot.providers.face import Result, Source, Ticket
from packshot.run.books import Reservation
from packshot.run.planning import utc_now
from packshot.run.workshop import Workshop
from packshot.world.claims import claimed
from packshot.world.cutouts import Cutout, alpha_of, measure_alpha, read_cutout
from packshot.world.journal import Call
from packshot.world.masters import choose, pack

LARGEST_RESULT_PIXELS = 60_000_000
WAIT_FOR_OTHERS_SECONDS = 30.0
"""Calls in flight may turn out cheaper than what was set aside for them."""


@dataclass(slots=True)
class Spent:
    """What obtaining one purchase took; filled in as it goes, whatever the end."""

    deadline: float
    """When the item's time is up; a value of `time.monotonic`."""
    calls: int = 0
    seconds: Seconds = field(default_factory=Seconds)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One purchase that an item needs."""

    key: str
    fingerprint: str
    source: Source
    options: PaidOptions
    preview: bytes
    """A small JPEG of the source, for the master."""


@dataclass(frozen=True, slots=True)
class Obtained:
    """A purchase, opened: its receipt and the decoded cutout."""

    receipt: Receipt
    cutout: Cutout
    alpha: AlphaFacts
    how: Outcome


def obtain(shop: Workshop, wanted: Wanted, spent: Spent, stack: ExitStack) -> Obtained:
    """Find or buy; `stack` holds the decoded pixels' share of the memory budget."""
    with shop.single_flight.only(wanted.fingerprint):
        found = find_purchase(shop, wanted.fingerprint)
        if found is not None:
            return open_purchase(shop, found, how_found(shop, found), stack)
        name = f"{wanted.fingerprint[:2]}/{wanted.fingerprint}.{shop.provider.name}"
        with claimed(
            shop.place.state,
            name,
            shop.me(),
            deadline=spent.deadline,
            settled=lambda: find_purchase(shop, wanted.fingerprint) is not None,
        ) as ours:
            if ours:
                return _buy(shop, wanted, spent, stack)
        found = find_purchase(shop, wanted.fingerprint)
        if found is None:
            raise TryAgain("another run gave up buying this picture", code="claimed_elsewhere")
        return open_purchase(shop, found, how_found(shop, found), stack)


def find_purchase(shop: Workshop, fingerprint: str) -> Receipt | None:
    """A purchase that will do and is there already, whoever made it.

    What this run has bought will do even where it came back smaller than asked: asked again in
    the same night, the provider would sell the same once more.
    """
    receipts = shop.masters.receipts(fingerprint)
    tonight = next((receipt for receipt in receipts if receipt.run_id == shop.run_id), None)
    if tonight is not None or shop.job.recut == "all":
        return tonight
    same_provider = shop.provider.name if shop.job.recut == "provider" else None
    return choose(receipts, shop.asked_class, provider=same_provider)


def how_found(shop: Workshop, receipt: Receipt) -> Outcome:
    """Found on the shelf: known to a ledger, or left by a run that died."""
    unknown = receipt.fingerprint in shop.head.unknown_purchases
    return Outcome.RECOVERED if unknown else Outcome.REUSED


def open_purchase(shop: Workshop, receipt: Receipt, how: Outcome, stack: ExitStack) -> Obtained:
    """Read a purchase back. Raises `TryTomorrow` when its master is broken."""
    stack.enter_context(shop.budget.hold(receipt.result_width * receipt.result_height))
    master = shop.masters.open(receipt.fingerprint, receipt.provider)
    try:
        cutout = read_cutout(master.result, receipt.result_format, max_pixels=LARGEST_RESULT_PIXELS)
    except TryAgain as error:
        raise TryTomorrow(
            f"the master of {receipt.fingerprint[:8]}… is damaged; restore or remove it",
            code="master_unreadable",
        ) from error
    return Obtained(master.receipt, cutout, measure_alpha(alpha_of(cutout.picture)), how)


def _buy(shop: Workshop, wanted: Wanted, spent: Spent, stack: ExitStack) -> Obtained:
    if wanted.fingerprint in shop.unanswered:
        raise Uncertain(
            "calls for this very picture went unanswered tonight; a later night tries again",
            code="unanswered_before",
        )
    try:
        result, cutout = _answer_patiently(shop, wanted, spent, stack)
        return _kept(shop, wanted, spent, stack, result=result, cutout=cutout)
    except (SkipImage, StopRun):
        raise
    except Exception:
        if spent.calls:  # bought perhaps and not kept: not once more tonight, for any SKU
            shop.unanswered.add(wanted.fingerprint)
        raise


def _kept(
    shop: Workshop,
    wanted: Wanted,
    spent: Spent,
    stack: ExitStack,
    *,
    result: Result,
    cutout: Cutout,
) -> Obtained:
    """Store the master of an answer, or put it aside."""
    started = time.monotonic()
    alpha = measure_alpha(alpha_of(cutout.picture))
    receipt = _receipt(shop, wanted, result, alpha, spent)
    if (better := _better_there(shop, receipt)) is not None:
        stack.close()  # the budget is not re-entrant
        return open_purchase(shop, better, Outcome.REUSED, stack)
    packed = pack(receipt, wanted.preview, result.content)
    try:
        shop.masters.keep_packed(receipt, packed)
    except Exception as error:  # noqa: BLE001  whatever a file system throws, it was paid for
        _spool(shop, receipt, packed, error)
    spent.seconds.keep = time.monotonic() - started
    shop.journal.record({"kind": "purchase", "key": wanted.key, **receipt.model_dump(mode="json")})
    return Obtained(receipt, cutout, alpha, Outcome.CUT)


def _better_there(shop: Workshop, bought: Receipt) -> Receipt | None:
    """A purchase in whose place this one would lie, although it is worth less.

    So it is in a rehearsal on a shared state, whose test must not replace what was paid for.
    """
    receipts = shop.masters.receipts(bought.fingerprint)
    rank = bought.purchase_class.rank
    mine = (receipt for receipt in receipts if receipt.provider == bought.provider)
    return next((receipt for receipt in mine if receipt.purchase_class.rank > rank), None)


def _spool(shop: Workshop, receipt: Receipt, packed: bytes, trouble: Exception) -> None:
    """Put aside what was paid for, then stop buying."""
    known = isinstance(trouble, StoreUnavailable)
    error = StoreUnavailable(str(trouble) if known else f"the state: {type(trouble).__name__}")
    if shop.spool is not None:
        file = shop.spool.keep(receipt, packed)
        error = StoreUnavailable(f"{error}; what was paid for waits in {file.parent}")
    shop.stop.set(error)
    raise error from trouble


def _answer_patiently(
    shop: Workshop, wanted: Wanted, spent: Spent, stack: ExitStack
) -> tuple[Result, Cutout]:
    """Call until answered or out of patience; being throttled costs time, not tries."""
    for attempt in stamina.retry_context(on=_patience(shop, spent.deadline), **BUYING):
        with attempt:
            while True:
                try:
                    result = _call(shop, wanted, spent)
                except Throttled as refusal:
                    shop.governor.pause(refusal.wait_seconds)
                else:
                    return result, _opened(shop, result, stack)
    raise AssertionError("stamina returns or raises")


def _patience(shop: Workshop, deadline: float) -> Hook:
    """As `buying_again`, within the item's deadline and while the run goes on."""
    again = buying_again()

    def hook(error: Exception) -> bool | float:
        answer = again(error)
        wait = 0.0 if isinstance(answer, bool) else answer
        in_time = time.monotonic() + wait < deadline
        return answer if in_time and shop.stop.reason is None else False

    return hook


def _opened(shop: Workshop, result: Result, stack: ExitStack) -> Cutout:
    """Decode an answer; one that was charged and is broken is worth one more call."""
    with ExitStack() as held:
        held.enter_context(shop.budget.hold(result.width * result.height))
        try:
            cutout = read_cutout(result.content, result.format, max_pixels=LARGEST_RESULT_PIXELS)
        except TryAgain as error:
            raise Uncertain(str(error), code="broken_answer") from error
        stack.push(held.pop_all())
    return cutout


def _call(shop: Workshop, wanted: Wanted, spent: Spent) -> Result:
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
            result = _submitted(shop, wanted)
        except PackshotError as error:
            spent.seconds.call += time.monotonic() - sent
            _settle_failure(shop, reservation, error)
            _note(shop, wanted, call, time.monotonic() - sent, _Heard(failure=error))
            raise
        if result.pace is not None:
            shop.governor.learn(result.pace)
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


def _submitted(shop: Workshop, wanted: Wanted) -> Result:
    """Send one call; a defect on the way back leaves its charge in the dark."""
    try:
        answer = shop.provider.submit(wanted.source, wanted.options)
    except PackshotError:
        raise
    except Exception as error:
        raise Uncertain(
            f"an unexpected {type(error).__name__} while reading the answer", code="unexpected"
        ) from error
    if isinstance(answer, Ticket):
        raise Uncertain("this provider answers later, which this version cannot wait for")
    return answer


def _settle_failure(shop: Workshop, reservation: Reservation, error: PackshotError) -> None:
    """Keep the books after a call that failed; one that was never answered may be charged."""
    if isinstance(error, Uncertain):
        reservation.keep_as_uncertain()
        return
    reservation.release()
    if isinstance(error, StopRun):
        shop.books.closed(error)
        shop.stop.set(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What became of one call."""

    result: Result | None = None
    failure: PackshotError | None = None


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
            "charged": result.charged if result else 0.0,
            "uncertain": call.price if isinstance(failure, Uncertain) else 0.0,
        }
    )


def _receipt(
    shop: Workshop, wanted: Wanted, result: Result, alpha: AlphaFacts, spent: Spent
) -> Receipt:
    size = (wanted.source.width, wanted.source.height)
    return Receipt(
        fingerprint=wanted.fingerprint,
        provider=shop.provider.name,
        purchase_class=result.purchase_class,
        charged=result.charged,
        unit=result.unit,
        charge_stated=result.charge_stated,
        foreground_type=result.foreground_type,
        box_stated=result.box,
        box_computed=_computed_box(alpha, wanted, size),
        content_hash=wanted.source.content_hash,
        source_width=size[0],
        source_height=size[1],
        source_bytes=len(wanted.source.content),
        paid_options=wanted.options.canonical(),
        result_format=result.format,
        result_width=result.width,
        result_height=result.height,
        result_hash=content_hash(result.content),
        doubt=result.doubt,
        calls=spent.calls,
        seconds=round(result.seconds, 4),
        bought_at=datetime.now(UTC),
        run_id=shop.run_id,
        catalog=shop.job.catalog,
    )


def _computed_box(alpha: AlphaFacts, wanted: Wanted, size: tuple[int, int]) -> Box | None:
    """Only an uncropped cutout can be laid over its source."""
    if alpha.box is None or wanted.options.crop:
        return None
    return in_source_pixels(alpha.box, (alpha.width, alpha.height), size)
