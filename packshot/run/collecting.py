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
from packshot.providers.face import Result, Ticket
from packshot.run.workshop import Place, Workshop
from packshot.world.tickets import KeptTicket, Tickets

NOT_READY = "not_ready"
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
    )
    with suppress(StoreUnavailable):
        Tickets(shop.place.state).keep(kept)
    return kept


def expire_tickets(place: Place) -> None:
    """Forget jobs that nobody has collected for as long as private inputs are kept."""
    oldest = datetime.now(UTC) - timedelta(days=place.job.options.keep_private_days)
    for address in Tickets(place.state).expire(oldest):
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
    return Tickets(shop.place.state).find(fingerprint, shop.provider.name)


def awaits_result(shop: Workshop, key: str) -> bool:
    """Whether an earlier run has paid for this item, and its result can be had for nothing."""
    if not shop.provider.hands_out_tickets:
        return False
    if shop.awaited is None:
        try:
            tickets = Tickets(shop.place.state)
            shop.awaited = tickets.awaited(shop.provider.name, shop.job.catalog)
        except StoreUnavailable:
            return False
    return key in shop.awaited


def check_elsewhere(shop: Workshop, wanted: Iterable[str]) -> None:
    """Raise `TryTomorrow` where another provider was sent this picture and is paid for it."""
    if shop.job.recut == "provider":
        return
    if shop.sent_elsewhere is None:  # a run that takes over begins when the other one has ended
        shop.sent_elsewhere = Tickets(shop.place.state).of_others(shop.provider.name)
    if not shop.sent_elsewhere.isdisjoint(wanted):
        raise TryTomorrow(
            "another provider was sent this picture and has not handed out its result; a later "
            "night tries to take it",
            code="sent_elsewhere",
        )


def drop_ticket(shop: Workshop, fingerprint: str) -> None:
    """Its purchase lies on the shelf, or will never."""
    if shop.provider.hands_out_tickets:
        with suppress(StoreUnavailable):
            Tickets(shop.place.state).drop(fingerprint, shop.provider.name)


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


def _not_ready(error: PackshotError) -> Uncertain:
    still = "works on it still" if isinstance(error, NotYet) else "does not hand it out"
    return Uncertain(
        f"the provider was sent the picture and {still}; the next run takes the result and "
        "does not buy it again",
        code=NOT_READY,
    )
