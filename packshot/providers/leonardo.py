"""Leonardo.Ai's background removal (`remove-bg`): within one call, or as a job that is asked for.

Results lie behind addresses, so every purchase is a ticket: noted first, fetched afterwards.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import httpx

from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    NotYet,
    PackshotError,
    TryTomorrow,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price
from packshot.providers.answers import COMPARE, broken_answer
from packshot.providers.face import Accepts, Pace, Result, Source, Ticket
from packshot.providers.leonardo_refusals import BLOCKED, CHECK_URL, LeonardoRefuser, blocked
from packshot.providers.leonardo_wire import (
    EXTENSIONS,
    FORMATS,
    WHO,
    LeonardoCall,
    LeonardoSettings,
    Sold,
    account_in,
    check_options,
    format_for,
    inline,
    job_in,
    least_megapixels,
    order,
    price_of,
    slot_in,
    sold_in,
    uploaded,
)
from packshot.providers.line import Answer, Bounds, Line, as_answered
from packshot.providers.removebg_wire import is_test
from packshot.providers.status_refusals import WRONG_URL, check_source

BASE_URL: Final = "https://cloud.leonardo.ai/api/rest"
MOST_CALLS_AT_ONCE: Final = 10
WINDOW_SECONDS: Final = 60.0
MEGABYTE: Final = 1_000_000
FRESH_SECONDS: Final = 120.0
"""So long a job or a result that is not known may only not be known yet."""
COMPLETE: Final = "COMPLETE"
FAILED: Final = "FAILED"
ORDERS: Final[Mapping[str, str]] = MappingProxyType(
    {"sync": "/v2/generationssync", "async": "/v2/generations"}
)
"""Path per `mode`; both answer either way, as far as we are concerned."""


class Leonardo:
    """One Leonardo.Ai account. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    name: Final = "leonardo"
    hands_out_tickets: Final = True
    accepts: Final = Accepts(
        formats=frozenset(EXTENSIONS), max_bytes=20_000_000, max_pixels=50_000_000
    )

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        wire_format: str = "png",
        settings: Mapping[str, str] = MappingProxyType({}),
        timeout_seconds: float = 90.0,
        calls_at_once: int = MOST_CALLS_AT_ONCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if wire_format not in FORMATS:
            raise BadOption(f"`wire_format` is not known; choose {', '.join(FORMATS)}.")
        self._wire_format = wire_format
        self._own = LeonardoSettings.of(WHO, settings)
        if self._own.ephemeral and self._own.mode == "async":
            raise BadOption(f"{WHO} keeps every result of a job: leave `ephemeral` or `mode` out.")
        self.unit: Final[str] = self._own.unit
        self.pace: Final = Pace(
            per_window=self._own.calls_per_minute,
            window_seconds=WINDOW_SECONDS,
            calls_at_once=min(calls_at_once, MOST_CALLS_AT_ONCE),
            weighs_megapixels=False,
            slides=True,  # nothing is documented, and it holds for a fixed window too
        )
        self._line = Line(
            WHO,
            api_key,
            base_url=base_url or BASE_URL,
            accept="application/json",
            bounds=Bounds(timeout_seconds=timeout_seconds, calls_at_once=calls_at_once),
            transport=transport,
        )
        self._refuser = LeonardoRefuser(self._line.secret)

    def __repr__(self) -> str:
        return f"Leonardo({self._line.base_url!r}, {self._own.mode!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:  # noqa: ARG002 - the face
        """An estimate, until an answer states what it cost."""
        return price_of(self._own)

    def account(self) -> Account:
        """Ask for the balance, which is told in tokens and may lag."""
        answer = self._line.ask("GET", "/v1/me", may_cost=False)
        test = is_test(answer.headers)
        told = account_in(answer.json(), self._own, test=test) if answer.is_success else None
        if told is None:
            raise self._refuser.of_account(answer)
        return told

    def validate(self, source: Source, options: PaidOptions) -> None:
        """Refuse what the API would refuse, before a call is spent on it."""
        check_source(WHO, source, self.accepts)
        check_options(options, self._wire_format)

    def submit(self, source: Source, options: PaidOptions) -> Ticket:
        """Cut one picture out, or have it begun, once."""
        self.validate(source, options)
        fits = len(source.content) <= self._own.inline_megabytes * MEGABYTE
        image = inline(source) if fits else uploaded(self._upload(source))
        wanted = format_for(self._wire_format, source, options)
        asked = order(image, options, wanted, self._own)
        answer = self._line.ask("POST", ORDERS[self._own.mode], may_cost=True, json=asked)
        sold = sold_in(answer.json(), self.unit) if answer.is_success else None
        if sold is None:
            waits = self._own.mode == "sync"
            raise self._refuser.refusal(answer, may_cost=True, waits=waits)
        self._refuser.is_proven = True
        return self._ticket(sold, answer, least_megapixels(source, options))

    def collect(self, ticket: Ticket) -> Result:
        """Fetch a result; a job's address is asked for first."""
        call = LeonardoCall.of(ticket, WHO)
        address = call.address or self._address_of(ticket.job_id, call)
        return call.fetched(self._line, address)

    def close(self) -> None:
        """Give back connections."""
        self._line.close()

    def _ticket(self, sold: Sold, answer: Answer, least: float) -> Ticket:
        """What was paid for, whether it is there or still to come."""
        if sold.results is not None and sold.address is None:
            raise as_answered(self._no_result(sold), answer, self._line.secret)
        call = LeonardoCall(
            address=sold.address or "",
            charged=self._own.estimate() if sold.charged is None else sold.charged,
            unit=self.unit,
            charge_stated=sold.charged is not None,
            is_test=is_test(answer.headers),
            wanted_megapixels=least,
            seconds=answer.seconds,
            status=answer.status,
            submitted_at=time.time(),
        )
        return Ticket(self.name, sold.job_id, call.facts())

    def _no_result(self, sold: Sold) -> PackshotError:
        if sold.blocked:
            charged = "" if sold.charged is None else f" and charged {sold.charged:g} {self.unit}"
            error = blocked(charged)
            error.charged = sold.charged
            return error
        return broken_answer(WHO, "names no result")

    def _upload(self, source: Source) -> str:
        """Lay a picture down at the provider's, which costs nothing; the answer is its id."""
        extension, media_type = EXTENSIONS[source.format]
        asked = {"extension": extension}
        answer = self._line.ask("POST", "/v1/init-image", may_cost=False, json=asked)
        slot = slot_in(answer.json()) if answer.is_success else None
        if slot is None:
            raise self._refuser.refusal(answer, may_cost=False)
        name = f"source.{extension}"
        taken = self._line.hand_over(
            slot.url, data=slot.fields, files={"file": (name, source.content, media_type)}
        )
        if not taken.is_success:
            error = Unreachable(
                f"{WHO}'s storage answered {taken.status} to an upload; run again, and it is "
                "uploaded anew.",
                "upload_failed",
            )
            raise as_answered(error, taken, self._line.secret)
        return slot.upload_id

    def _address_of(self, job_id: str, call: LeonardoCall) -> str:
        """Where a job's result is; raises `NotYet` while it is under way."""
        path = f"/v1/generations/{quote(job_id, safe='')}"
        answer = self._line.ask("GET", path, may_cost=False)
        try:
            job = job_in(answer.json() if answer.is_success else None)
        except ValueError:
            self._check_refused_poll(answer)
            job = None
        status = None if job is None else job.status
        if job is not None and status == COMPLETE and job.address:
            return job.address
        is_fresh = time.time() < call.submitted_at + FRESH_SECONDS
        is_over = status == FAILED or (status in {None, COMPLETE} and not is_fresh)
        if not is_over:
            raise NotYet(f"{WHO} is at work on a picture; the next run takes the result.")
        raise as_answered(_lost(status), answer, self._line.secret)

    def _check_refused_poll(self, answer: Answer) -> None:
        """Returns where only the job is not known; raises what is wrong with asking."""
        error = self._refuser.refusal(answer, may_cost=False)
        if error.code == WRONG_URL:
            error = Unreachable(f"{WHO} answered {answer.status}: {CHECK_URL}")
            raise as_answered(error, answer, self._line.secret)
        if error.code == BLOCKED or not isinstance(error, ImageRefused | TryTomorrow):
            raise error


def _lost(status: str | None) -> PackshotError:
    """A job that brings nothing; whether it was charged is documented nowhere.

    Results are left out by moderation and by nothing else that is documented.
    """
    if status == COMPLETE:
        return blocked("")
    if status == FAILED:
        what, code = "failed at a picture", "job_failed"
    else:
        what, code = "does not know the job of a picture any more", "unknown_job"
    return Uncertain(f"{WHO} {what}; it may have charged for it. {COMPARE}", code)
