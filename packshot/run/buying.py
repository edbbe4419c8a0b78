"""Obtain the purchase behind a fingerprint: find it, or buy it once.

The order is the proof: lock → purchase there already? → intent → call → master.
"""

import time
from contextlib import ExitStack
from datetime import UTC, datetime

from packshot.facts.alpha import AlphaFacts, in_source_pixels
from packshot.facts.errors import SkipImage, StopRun, TryAgain, Uncertain
from packshot.facts.outcome import Outcome
from packshot.facts.paid_options import content_hash
from packshot.facts.purchase import BoughtPicture, Box, Receipt
from packshot.providers.face import Result
from packshot.run.calls import Spent, Wanted, answer_patiently, note_lost, opened
from packshot.run.collecting import KEPT, check_elsewhere, collect, drop_ticket, ticket_of
from packshot.run.shelf import (
    Obtained,
    find_purchase,
    how_found,
    keep_purchase,
    note_answer,
    open_purchase,
)
from packshot.run.workshop import Workshop
from packshot.world.claims import claimed
from packshot.world.cutouts import Cutout, alpha_of, measure_alpha
from packshot.world.masters import pack
from packshot.world.tickets import KeptTicket


def obtain(shop: Workshop, wanted: Wanted, spent: Spent, stack: ExitStack) -> Obtained:
    """Find or buy; `stack` holds the decoded pixels' share of the memory budget."""
    with shop.single_flight.only(wanted.fingerprint):
        found = find_purchase(shop, wanted.will_do)
        if found is not None:
            return open_purchase(shop, found, how_found(shop, found), stack)
        name = f"{wanted.fingerprint[:2]}/{wanted.fingerprint}.{shop.provider.name}"
        with claimed(
            shop.place.state,
            name,
            shop.me(),
            deadline=spent.deadline,
            settled=lambda: find_purchase(shop, wanted.will_do) is not None,
            stopped=shop.stop.check,
        ) as ours:
            if ours:
                return _buy(shop, wanted, spent, stack)
        found = find_purchase(shop, wanted.will_do)
        if found is None:
            raise TryAgain(
                "another run gave up buying this picture; the next run tries again",
                code="claimed_elsewhere",
            )
        return open_purchase(shop, found, how_found(shop, found), stack)


def _buy(shop: Workshop, wanted: Wanted, spent: Spent, stack: ExitStack) -> Obtained:
    if wanted.fingerprint in shop.unanswered:
        raise Uncertain(
            "calls for this very picture went unanswered tonight; a later night tries again",
            code="unanswered_before",
        )

    if wanted.options.shrunk_to is not None:
        shop.masters.note_size(wanted.options.shrunk_to)

    def answered(result: Result) -> None:
        receipt = _receipt(shop, wanted, result, None, spent)
        note_answer(shop, receipt, _packed(receipt, wanted, result))

    if (kept := ticket_of(shop, wanted.fingerprint)) is not None:
        return _collected(shop, wanted, spent, stack, kept)
    check_elsewhere(shop, wanted.will_do)
    try:
        result, cutout = answer_patiently(shop, wanted, spent, stack, answered)
        return _kept(shop, wanted, spent, stack, result=result, cutout=cutout)
    except (SkipImage, StopRun):
        raise
    except Exception:
        if spent.perhaps_charged:  # and not kept: not once more tonight, for any SKU
            shop.unanswered.add(wanted.fingerprint)
        raise


def _collected(
    shop: Workshop, wanted: Wanted, spent: Spent, stack: ExitStack, kept: KeptTicket
) -> Obtained:
    """Take what an earlier run has paid for and did not live to collect."""
    started = time.monotonic()
    try:
        result = collect(shop, kept, spent.deadline)
        result, cutout = opened(shop, wanted.fingerprint, result, stack, spent.deadline)
    except (SkipImage, Uncertain) as error:
        if error.code not in KEPT:
            if isinstance(error, Uncertain) or error.charged:  # not once more tonight, for any SKU
                shop.unanswered.add(wanted.fingerprint)
            note_lost(shop, wanted, error, time.monotonic() - started)
        raise
    return _kept(shop, wanted, spent, stack, result=result, cutout=cutout, paid_in=kept.run_id)


def _kept(
    shop: Workshop,
    wanted: Wanted,
    spent: Spent,
    stack: ExitStack,
    *,
    result: Result,
    cutout: Cutout,
    paid_in: str | None = None,
) -> Obtained:
    """Store the master of an answer, or put it aside; `paid_in` is the run that paid for it."""
    started = time.monotonic()
    alpha = measure_alpha(alpha_of(cutout.picture))
    receipt = _receipt(shop, wanted, result, alpha, spent)
    if paid_in is not None:
        receipt = receipt.model_copy(update={"run_id": paid_in})
    better = keep_purchase(shop, receipt, _packed(receipt, wanted, result))
    spent.seconds.keep = time.monotonic() - started
    drop_ticket(shop, wanted.fingerprint)
    if better is not None:
        shop.outdone.add(wanted.fingerprint)
        stack.close()  # the budget is not re-entrant
        return open_purchase(shop, better, Outcome.REUSED, stack)
    if paid_in is not None:
        return Obtained(receipt, cutout, alpha, Outcome.RECOVERED, _further(result))
    shop.journal.record({"kind": "purchase", "key": wanted.key, **receipt.model_dump(mode="json")})
    return Obtained(receipt, cutout, alpha, Outcome.CUT, _further(result))


def _packed(receipt: Receipt, wanted: Wanted, result: Result) -> bytes:
    return pack(receipt, wanted.preview, result.content, _further(result))


def _further(result: Result) -> dict[str, bytes]:
    return {name: picture.content for name, picture in result.further.items()}


def _receipt(
    shop: Workshop, wanted: Wanted, result: Result, alpha: AlphaFacts | None, spent: Spent
) -> Receipt:
    size = wanted.source_size
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
        source_bytes=wanted.source_bytes,
        sent_width=wanted.source.width,
        sent_height=wanted.source.height,
        paid_options=wanted.options.canonical(),
        result_format=result.format,
        result_width=result.width,
        result_height=result.height,
        result_hash=content_hash(result.content),
        doubt=result.doubt,
        further=tuple(
            BoughtPicture(
                name=name,
                asked=picture.asked,
                format=picture.format,
                width=picture.width,
                height=picture.height,
                content_hash=content_hash(picture.content),
            )
            for name, picture in result.further.items()
        ),
        calls=spent.calls,
        seconds=round(result.seconds, 4),
        bought_at=datetime.now(UTC),
        run_id=shop.run_id,
        catalog=shop.job.catalog,
    )


def _computed_box(alpha: AlphaFacts | None, wanted: Wanted, size: tuple[int, int]) -> Box | None:
    """Only an uncropped cutout can be laid over its source."""
    if alpha is None or alpha.box is None or wanted.options.crop:
        return None
    return in_source_pixels(alpha.box, (alpha.width, alpha.height), size)
