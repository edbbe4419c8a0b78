"""Leonardo.Ai's background removal: at once, or as a job that finishes later."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import httpx

from packshot.facts.errors import (
    ImageRefused,
    KeyRejected,
    NotYet,
    PackshotError,
    Uncertain,
    Unreachable,
)
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.answers import COMPARE, quotable
from packshot.providers.face import Accepts, Pace, Result, Source, Ticket
from packshot.providers.leonardo_wire import (
    EXTENSIONS,
    INLINE_BYTES,
    PRICE,
    UNIT,
    WHO,
    LeonardoSettings,
    check_options,
    cost_of,
    inlined,
    is_blocked,
    request,
    status_in,
    tokens_in,
    unwrapped,
    words_in,
)
from packshot.providers.line import Answer, Bounds, Line, as_answered
from packshot.providers.removebg_wire import is_opaque, is_test, wanted_megapixels
from packshot.providers.result_address import PaidCall, downloaded, gone, is_address, torn
from packshot.providers.status_refusals import Refuser, check_source

BASE_URL: Final = "https://cloud.leonardo.ai/api/rest"
MOST_CALLS_AT_ONCE: Final = 10
WINDOW_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 90.0
"""The service itself gives up after about 27 seconds."""
JOB_SECONDS: Final = 3600.0
"""So long a job that is not found may still turn up."""
_NO_MONEY: Final = ("not enough api tokens", "insufficient")
_NO_ENTRY: Final = ("authentication hook", "authorization hook", "access-denied", "unauthorized")
_KEPT_BACK: Final = ("moderation",)
_TOO_LATE: Final = ("timeout", "timed out")


class Leonardo:
    """One Leonardo account. Threads may share it.

    The environment is not read: a proxy or a private certificate comes with `transport`.
    """

    name: Final = "leonardo"
    unit: Final = UNIT
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
        calls_at_once: int = MOST_CALLS_AT_ONCE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._own = LeonardoSettings.of(WHO, settings)
        self._wire_format = wire_format
        at_once = min(calls_at_once, MOST_CALLS_AT_ONCE)
        self.pace: Final = Pace(
            per_window=self._own.calls_per_minute,
            window_seconds=WINDOW_SECONDS,
            calls_at_once=at_once,
            weighs_megapixels=False,
            slides=True,
        )
        self._line = Line(
            WHO,
            api_key,
            base_url=base_url or BASE_URL,
            accept="application/json",
            bounds=Bounds(timeout_seconds=ANSWER_SECONDS, calls_at_once=at_once),
            transport=transport,
        )
        self._refuser = Refuser(
            WHO, self._line.secret, f"check `--provider-url`, such as {BASE_URL}."
        )

    def __repr__(self) -> str:
        return f"Leonardo({self._line.base_url!r})"

    def price(self, options: PaidOptions, megapixels: float | None) -> Price:  # noqa: ARG002 - the face
        """One price is published; a preview seems to cost a quarter of it."""
        return Price(at_most=PRICE, likely=PRICE)

    def account(self) -> Account:
        """Ask for the balance, which is told in tokens; what they are worth is a setting."""
        answer = self._line.ask("GET", "/v1/me", may_cost=False)
        told = answer.json()
        if not answer.is_success or not isinstance(told, dict) or "user_details" not in told:
            raise self._no_account(answer)
        tokens = tokens_in(told)
        worth = self._own.usd_per_token
        known = tokens is not None and (worth or not tokens)
        return Account(
            unit=UNIT,
            total=(tokens or 0.0) * worth if known else math.inf,
            kinds={} if tokens is None else {"tokens": tokens},
            purchase_class=PurchaseClass.TEST if is_test(answer.headers) else PurchaseClass.PAID,
        )

    def validate(self, source: Source, options: PaidOptions) -> None:
        """Refuse what the API would refuse, before a call is spent on it."""
        check_source(WHO, source, self.accepts)
        check_options(options)
        if self._wire_format == "jpg" and not is_opaque(options.background_color):
            raise ImageRefused(
                "A JPEG cannot be transparent: set `wire_format` to png or webp, or ask for an "
                "opaque `background_color`.",
                "option_not_supported",
            )

    def submit(self, source: Source, options: PaidOptions) -> Result | Ticket:
        """Cut one picture out, once; the result lies behind an address, now or later."""
        self.validate(source, options)
        small = len(source.content) <= INLINE_BYTES
        image = inlined(source) if small else self._uploaded(source)
        body = request(source, options, image, wire_format=self._wire_format)
        if self._own.mode == "async":
            answer = self._line.ask("POST", "/v2/generations", may_cost=True, json=body)
        else:
            body["ephemeral"] = self._own.ephemeral
            answer = self._line.ask("POST", "/v2/generationssync", may_cost=True, json=body)
        return self._ticket(answer, source, options)

    def collect(self, ticket: Ticket) -> Result:
        """Fetch a result; of a job, once it has one."""
        call = PaidCall.of(ticket, WHO)
        if not call.address:
            call = call.model_copy(update={"address": self._finished(ticket.job_id, call)})
        answer = downloaded(self._line, call.address)
        test = is_test(answer.headers)
        try:
            return call.result(answer.body, self._line, is_test=test, seconds=answer.seconds)
        except ValueError as error:
            raise torn(self._line) from error

    def close(self) -> None:
        """Give back connections."""
        self._line.close()

    def _ticket(self, answer: Answer, source: Source, options: PaidOptions) -> Ticket:
        """An answer is good only if it holds a result or a job, whatever its status."""
        told = unwrapped(answer.json())
        job = told.get("generationId") or told.get("id")
        results = told.get("results")
        if not answer.is_success or not (told.get("generationId") or isinstance(results, list)):
            raise self._refused(answer, may_cost=True)
        address = _address(results)
        if self._own.mode == "sync" and address is None:
            raise (
                self._blocked(answer) if is_blocked(told) else self._refused(answer, may_cost=True)
            )
        stated = cost_of(told)
        any_size = options.resolution == "auto" or options.crop
        call = PaidCall(
            address=address or "",
            charged=PRICE if stated is None else stated,
            charge_stated=stated is not None,
            unit=UNIT,
            is_test=is_test(answer.headers),
            wanted_megapixels=0.0 if any_size else wanted_megapixels(source, options),
            seconds=answer.seconds,
            status=answer.status,
            kept_until=time.time() + JOB_SECONDS,
        )
        return Ticket(self.name, str(job or source.content_hash), call.facts())

    def _finished(self, job_id: str, call: PaidCall) -> str:
        """Where the result of a job lies; raises `NotYet` while there is none."""
        answer = self._line.ask("GET", f"/v1/generations/{job_id}", may_cost=False)
        told = answer.json()
        if not answer.is_success or not isinstance(told, dict) or "generations_by_pk" not in told:
            raise self._refused(answer, may_cost=False)
        job = told["generations_by_pk"]
        if job is None:
            if time.time() > call.kept_until:
                raise gone(self._line, answer)
            raise NotYet(f"{WHO} does not show the job yet; the next run takes the result.")
        images = job.get("generated_images")
        match job.get("status"):
            case "COMPLETE":
                address = _address(images)
                if address is None:
                    raise self._blocked(answer)
                return address
            case "FAILED":
                raise as_answered(
                    ImageRefused(
                        f"{WHO} could not cut the picture out; use another, or send it to another "
                        "provider.",
                        "job_failed",
                    ),
                    answer,
                    self._line.secret,
                )
            case _:
                raise NotYet(f"{WHO} works on it still; the next run takes the result.")

    def _uploaded(self, source: Source) -> dict[str, str]:
        """Put a large source there first; that costs nothing."""
        asked = {"extension": EXTENSIONS[source.format]}
        answer = self._line.ask("POST", "/v1/init-image", may_cost=False, json=asked)
        told = answer.json()
        place = told.get("uploadInitImage") if isinstance(told, dict) else None
        if not answer.is_success or not isinstance(place, dict):
            raise self._refused(answer, may_cost=False)
        try:
            fields, url, name = json.loads(place["fields"]), place["url"], place["id"]
        except (LookupError, TypeError, ValueError):
            raise self._refuser.not_tonight(answer) from None
        sent = self._line.upload(url, fields, source.content)
        if not sent.is_success:
            raise as_answered(
                Unreachable(f"{WHO}'s store answered {sent.status} to an upload; run again."),
                sent,
                self._line.secret,
            )
        return {"type": "UPLOADED", "id": str(name)}

    def _blocked(self, answer: Answer) -> PackshotError:
        error = ImageRefused(
            f"{WHO} keeps the result back by its moderation; use another picture or provider.",
            "moderated",
        )
        return as_answered(error, answer, self._line.secret)

    def _no_account(self, answer: Answer) -> PackshotError:
        error = self._refused(answer, may_cost=False)
        if isinstance(error, ImageRefused):
            error = Unreachable(f"{WHO} answered with something that is no account; run again.")
        return error

    def _refused(self, answer: Answer, *, may_cost: bool) -> PackshotError:
        """Errors come under 200 as well: what they say counts, then their status, then HTTP's."""
        told = answer.json()
        said = " ".join(words_in(told))
        plain = said.lower() + (str(told.get("code", "")) if isinstance(told, dict) else "")
        if any(words in plain for words in _NO_MONEY):
            return self._refuser.out_of_credits(answer)
        if any(words in plain for words in _NO_ENTRY):
            error: PackshotError = KeyRejected(
                f"{WHO} refuses the API key: check that it is whole and active."
            )
        elif any(words in plain for words in _KEPT_BACK):
            return self._blocked(answer)
        elif may_cost and answer.is_success and any(words in plain for words in _TOO_LATE):
            error = Uncertain(f"{WHO} gave up after its time; it may have charged. {COMPARE}")
        else:
            return self._by_status(answer, told, said, may_cost=may_cost)
        return as_answered(error, answer, self._line.secret)

    def _by_status(self, answer: Answer, told: Any, said: str, *, may_cost: bool) -> PackshotError:  # noqa: ANN401  any JSON
        status = answer.status
        if answer.is_success:
            status = status_in(told) or (HTTPStatus.BAD_REQUEST if said else answer.status)
        if httpx.codes.is_success(status):
            return self._refuser.not_tonight(answer)
        error = self._refuser.refusal(replace(answer, status=status), may_cost=may_cost)
        if isinstance(error, ImageRefused) and said:
            words = quotable(said, self._line.secret).rstrip(". ")
            error = ImageRefused(
                f"{WHO} declined the picture and says: {words}. Check it and its row's options.",
                error.code,
            )
        return as_answered(error, answer, self._line.secret)


def _address(results: Any) -> str | None:  # noqa: ANN401  any JSON
    """Of the first result that has one."""
    if not isinstance(results, list):
        return None
    found = (each.get("url") for each in results if isinstance(each, dict))
    return next((url for url in found if is_address(url)), None)
