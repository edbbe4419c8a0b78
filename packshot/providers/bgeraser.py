"""bgeraser: its own API, or the one that speaks remove.bg's wire format."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import httpx

from packshot.facts.errors import BadOption, PackshotError, StopRun, Uncertain
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.answers import broken_answer
from packshot.providers.bgeraser_wire import (
    EMPTY,
    PRICE,
    UNIT,
    WHO,
    WIRE_FORMATS,
    BgeraserSettings,
    balance_in,
    check_options,
    has_failed,
    image_url,
)
from packshot.providers.face import Pace, Result, Source, Ticket
from packshot.providers.line import Answer, Bounds, Line, as_answered
from packshot.providers.removebg import BASE_URL as REMOVEBG_URL
from packshot.providers.removebg import UPLOADS, RemoveBg
from packshot.providers.removebg_hosts import ACCEPTS
from packshot.providers.removebg_refusals import WHO as REMOVEBG
from packshot.providers.removebg_wire import is_test, wanted_megapixels
from packshot.providers.result_address import PaidCall
from packshot.providers.status_refusals import WRONG_URL, Refuser, check_source, of_no_picture

BASE_URL: Final = "https://bgeraser.ink"
DROP_IN_URL: Final = "https://api.bgeraser.ink/v1"
MOST_CALLS_AT_ONCE: Final = 10
WINDOW_SECONDS: Final = 60.0
_UNKNOWN: Final = frozenset({400, 404, 405, 410})
"""Statuses of `/api/account` that say nothing of the account."""
_NO_PICTURE: Final = frozenset({400, 422})
"""Statuses that may mean an upload without a picture."""


def bgeraser(
    api_key: str,
    *,
    base_url: str | None = None,
    wire_format: str = "png",
    settings: Mapping[str, str] = MappingProxyType({}),
    calls_at_once: int = MOST_CALLS_AT_ONCE,
    transport: httpx.BaseTransport | None = None,
) -> "Bgeraser | BgeraserDropIn":
    """The client of the surface that the settings name. Raises `BadOption`."""
    own = BgeraserSettings.of(WHO, settings)
    kind = Bgeraser if own.surface == "tools" else BgeraserDropIn
    return kind(
        api_key,
        base_url=base_url,
        wire_format=wire_format,
        own=own,
        calls_at_once=min(calls_at_once, MOST_CALLS_AT_ONCE),
        transport=transport,
    )


class Bgeraser:
    """One bgeraser account, by way of `/api/tools`. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    name: Final = "bgeraser"
    unit: Final = UNIT
    hands_out_tickets: Final = True
    accepts: Final = ACCEPTS
    """Nothing is documented; what the other surface copies is likely to hold for both."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        wire_format: str = "png",
        own: BgeraserSettings,
        calls_at_once: int = MOST_CALLS_AT_ONCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if wire_format not in WIRE_FORMATS:
            raise BadOption(
                f"{WHO} answers with a PNG: leave `wire_format` out, or set `surface: removebg`."
            )
        self._own = own
        self._field_is_right = False
        """Whether a picture has ever arrived under the field's name."""
        self.pace: Final = _pace(own, calls_at_once)
        self._line = Line(
            WHO,
            api_key,
            base_url=base_url or BASE_URL,
            bounds=Bounds(calls_at_once=calls_at_once),
            transport=transport,
        )
        self._refuser = Refuser(
            WHO,
            self._line.secret,
            f"check `--provider-url`, such as {BASE_URL}, and the setting `surface`.",
        )

    def __repr__(self) -> str:
        return f"Bgeraser({self._line.base_url!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:  # noqa: ARG002 - the face
        """A credit for every call."""
        return Price(at_most=PRICE, likely=PRICE)

    def account(self) -> Account:
        """Ask for the balance, and take the number that looks like one; none is no end."""
        if self._own.account == "skip":
            return _account(None)
        answer = self._line.ask("GET", "/api/account", may_cost=False)
        if answer.is_success or answer.status in _UNKNOWN:
            told = balance_in(answer.json()) if answer.is_success else None
            return _account(told, test=is_test(answer.headers))
        raise self._refused(answer, may_cost=False)

    def validate(self, source: Source, options: PaidOptions) -> None:
        """Refuse what the API would refuse, before a call is spent on it."""
        check_source(WHO, source, self.accepts)
        check_options(options)

    def submit(self, source: Source, options: PaidOptions) -> Result | Ticket:
        """Cut one picture out, once. The answer is an address, or the picture itself."""
        self.validate(source, options)
        name, media_type = UPLOADS[source.format]
        upload = {self._own.upload_field: (name, source.content, media_type)}
        answer = self._line.ask("POST", "/api/tools/bg-removal", may_cost=True, files=upload)
        told = answer.json() if answer.is_success else None
        if not answer.is_success or has_failed(told) or EMPTY.search(answer.body):
            raise self._refused_picture(answer)
        self._field_is_right = True
        url, test = image_url(told), is_test(answer.headers)
        any_size = options.resolution == "auto"
        call = PaidCall(
            address=url or "",
            charged=PRICE,
            unit=UNIT,
            is_test=test,
            wanted_megapixels=0.0 if any_size else wanted_megapixels(source, options),
            seconds=answer.seconds,
            status=answer.status,
        )
        if url is not None:
            return Ticket(self.name, source.content_hash, call.facts())
        try:
            return call.result(answer.body, self._line, is_test=test, seconds=0.0)
        except ValueError as error:
            raise broken_answer(WHO, "names no result and is no whole picture") from error

    def collect(self, ticket: Ticket) -> Result:
        """Fetch a result, whose address lives for a time that nobody has published."""
        call = PaidCall.of(ticket, WHO)
        return call.fetched(self._line, call.address)

    def close(self) -> None:
        """Give back connections."""
        self._line.close()

    def _refused_picture(self, answer: Answer) -> PackshotError:
        """A picture is to blame only once another has arrived: the field's name is a guess."""
        error = self._refused(answer, may_cost=True)
        if self._field_is_right or answer.status not in _NO_PICTURE or isinstance(error, StopRun):
            return error
        remedy = "If every picture is declined, set `upload_field` to the other name."
        doubt = of_no_picture(error, remedy)
        return as_answered(doubt, answer, self._line.secret)

    def _refused(self, answer: Answer, *, may_cost: bool) -> PackshotError:
        """The word for an empty account counts wherever it stands, under whatever status."""
        if EMPTY.search(answer.body):
            return self._refuser.out_of_credits(answer)
        if answer.is_success:
            return self._refuser.not_tonight(answer)
        return self._refuser.refusal(answer, may_cost=may_cost)


class BgeraserDropIn:
    """One bgeraser account, by way of remove.bg's wire format. Threads may share it."""

    name: Final = "bgeraser"
    unit: Final = UNIT
    hands_out_tickets: Final = False
    accepts: Final = ACCEPTS

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        wire_format: str = "png",
        own: BgeraserSettings,
        calls_at_once: int = MOST_CALLS_AT_ONCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._own = own
        self.pace: Final = _pace(own, calls_at_once)
        with _in_its_name():
            self._client = RemoveBg(
                api_key,
                base_url=base_url or DROP_IN_URL,
                wire_format=wire_format,
                calls_at_once=calls_at_once,
                transport=transport,
            )

    def __repr__(self) -> str:
        return f"BgeraserDropIn({self._client!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:  # noqa: ARG002 - the face
        """Plans count calls, and know no cheaper preview."""
        return Price(at_most=PRICE, likely=PRICE)

    def account(self) -> Account:
        """Ask as remove.bg is asked; whether this host answers is documented nowhere."""
        if self._own.account == "skip":
            return _account(None)
        try:
            with _in_its_name():
                return self._client.account()
        except PackshotError as error:
            if error.code not in {WRONG_URL, "broken_answer"}:
                raise
            return _account(None)

    def submit(self, source: Source, options: PaidOptions) -> Result:
        """Cut one picture out, once."""
        with _in_its_name():
            result = self._client.submit(source, options)
        return result if result.charge_stated else replace(result, charged=PRICE)

    def collect(self, ticket: Ticket) -> Result:
        """There is nothing to collect: this surface answers at once and hands out no tickets."""
        raise Uncertain(f"{WHO} knows no job {ticket.job_id}; run again.", "unknown_job")

    def close(self) -> None:
        """Give back connections."""
        self._client.close()


def _pace(own: BgeraserSettings, calls_at_once: int) -> Pace:
    return Pace(
        per_window=own.calls_per_minute,
        window_seconds=WINDOW_SECONDS,
        calls_at_once=calls_at_once,
        weighs_megapixels=False,
        slides=True,  # nothing is documented, and it holds for a fixed window too
    )


def _account(balance: float | None, *, test: bool = False) -> Account:
    worth = PurchaseClass.TEST if test else PurchaseClass.PAID
    return Account(unit=UNIT, total=math.inf if balance is None else balance, purchase_class=worth)


@contextmanager
def _in_its_name() -> Iterator[None]:
    """Let the sentences of remove.bg's client speak of the host that was called."""
    try:
        yield
    except PackshotError as error:
        said = error.message.replace(REMOVEBG_URL, DROP_IN_URL).replace(REMOVEBG, WHO)
        error.message, error.args = said, (said, *error.args[1:])
        raise
