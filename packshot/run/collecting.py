"""Wait for a job that a provider finishes later, whoever of us began it."""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from packshot.facts.errors import (
    NotYet,
    PackshotError,
    SkipImage,
    StoreUnavailable,
    Throttled,
    TryAgain,
    TryTomorrow,
    Uncertain,
)
from packshot.facts.purchase import PurchaseClass
from packshot.providers.face import Result, Ticket
from packshot.providers.registry import PROVIDERS
from packshot.run.workshop import Place, Workshop
from packshot.world.tickets import Elsewhere, KeptTicket, Tickets

NOT_READY = "not_ready"
BROKEN_RESULT = "broken_result"
KEPT = frozenset({NOT_READY, BROKEN_RESULT})
"""Codes of results that may still be had: their tickets stay."""
logger = logging.getLogger("packshot")
FIRST_LOOK_SECONDS = 1.0
LOOKS_GROW_BY = 1.5
LONGEST_LOOK_SECONDS = 10.0


def keep_ticket(shop: Workshop, fingerprint: str, key: str, ticket: Ticket) -> KeptTicket:
    """Note a job before it is waited for; a store that is away loses the note, not the job."""
    kept = KeptTicket(
        fingerprint=fingerprint,
        provider=ticket.provider,
        job_id=ticket.job_id,
        facts=dict(ticket.facts),
        run_id=shop.run_id,
        given_at=datetime.now(UTC),
        catalog=shop.job.catalog,
        key=key,
        account=shop.seller.account,
        purchase_class=_worth(shop, ticket),
    )
    with suppress(StoreUnavailable):
        Tickets(shop.place.state).keep(kept)
    return kept


def _worth(shop: Workshop, ticket: Ticket) -> PurchaseClass:
    """A provider that has no account to ask says with each answer whether it is a sandbox's."""
    test = ticket.facts.get("is_test") == "True"
    return PurchaseClass.TEST if test else shop.asked_class


def expire_tickets(place: Place) -> None:
    """Forget this catalog's jobs that nobody has collected while private inputs are kept."""
    oldest = datetime.now(UTC) - timedelta(days=place.job.options.keep_private_days)
    for address in Tickets(place.state).expire(oldest, place.job.catalog):
        logger.warning(
            "%s cannot be read: a job at the provider is paid for, and its picture is not bought "
            "again until the file is restored, removed or %d days old",
            address,
            place.job.options.keep_private_days,
        )


def ticket_of(shop: Workshop, fingerprint: str) -> KeptTicket | None:
    """A job that an earlier run began and did not live to collect."""
    if not shop.provider.hands_out_tickets:
        return None
    return Tickets(shop.place.state).find(fingerprint, shop.seller)


def awaits_result(shop: Workshop, key: str) -> bool:
    """Whether an earlier run has paid for this item, and its result can be had for nothing."""
    if not shop.provider.hands_out_tickets:
        return False
    if shop.awaited is None:
        try:
            tickets = Tickets(shop.place.state)
            shop.awaited = tickets.awaited(shop.seller, shop.job.catalog)
        except StoreUnavailable:
            return False
    return key in shop.awaited


def check_elsewhere(shop: Workshop, wanted: Iterable[str]) -> None:
    """Raise `TryTomorrow` where another account was sent this picture and is paid for it.

    What a sandbox was sent stands in the way of nothing that is worth more.
    """
    if shop.sent_elsewhere is None:  # a run that takes over begins when the other one has ended
        here = shop.seller if shop.provider.hands_out_tickets else None
        shop.sent_elsewhere = Tickets(shop.place.state).of_others(here)
    for fingerprint in wanted:
        for job in shop.sent_elsewhere.get(fingerprint, ()):
            if shop.job.recut == "provider" and job.provider != shop.provider.name:
                continue
            if job.purchase_class.satisfies(shop.asked_class):
                raise TryTomorrow(_paid_elsewhere(shop, job), code="sent_elsewhere")


def _paid_elsewhere(shop: Workshop, job: Elsewhere) -> str:
    same = job.provider == shop.provider.name
    who = f"another account of `{job.provider}`" if same else f"`{job.provider}`"
    entry = PROVIDERS.get(job.provider)
    key = f" and its key in {entry.key_variable}" if entry and entry.key_variable else ""
    how = "its address and settings of then" if same else f"`--provider {job.provider}`"
    return (
        f"{who} was sent this picture and is paid for it, and its result has not been taken: run "
        f"the catalog once with {how}{key}, or remove {job.address} to buy anew"
    )


def drop_ticket(shop: Workshop, fingerprint: str) -> None:
    """Its purchase lies on the shelf, or will never."""
    if shop.provider.hands_out_tickets:
        with suppress(StoreUnavailable):
            Tickets(shop.place.state).drop(fingerprint, shop.seller)


def collect(shop: Workshop, kept: KeptTicket, deadline: float) -> Result:
    """Look again and again until the job is done; `deadline` is a value of `time.monotonic`.

    Raises `Uncertain` with the code `not_ready` at the deadline: the ticket stays for a later run.
    A job that failed or is lost gives its ticket back.
    """
    ticket = Ticket(kept.provider, kept.job_id, kept.facts)
    pause = FIRST_LOOK_SECONDS
    while True:
        try:
            return shop.provider.collect(ticket)
        except TryAgain as error:
            if isinstance(error, Throttled):  # whoever else asks is as much too fast
                shop.governor.pause(error.wait_seconds)
            wait = error.wait_seconds or pause
            if time.monotonic() + wait >= deadline:
                raise _not_ready(error) from error
        except (SkipImage, Uncertain):
            drop_ticket(shop, kept.fingerprint)
            raise
        time.sleep(wait)
        pause = min(pause * LOOKS_GROW_BY, LONGEST_LOOK_SECONDS)


def broken_result(shop: Workshop, kept: KeptTicket, error: PackshotError) -> Uncertain:
    """The error of a result that is there, and is no picture however often it is fetched."""
    return Uncertain(
        f"what was paid for cannot be used: {error}, and does not buy it again; to buy it anew, "
        f"remove {Tickets(shop.place.state).address_of(kept)}",
        code=BROKEN_RESULT,
    )


def _not_ready(error: PackshotError) -> Uncertain:
    still = "works on it still" if isinstance(error, NotYet) else "does not hand it out"
    return Uncertain(
        f"the provider was sent the picture and {still}; the next run takes the result and "
        "does not buy it again",
        code=NOT_READY,
    )
