"""What Leonardo.Ai's refusals mean to us. They come under HTTP 200, too, and in three shapes.

What a call was charged: nothing where it was refused before any work (the key, the account, the
pace, a parameter, an upload). The price where a result came, whatever becomes of it. Unknown
where the time ran out, and where an answer is neither a result nor a refusal that is understood.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import httpx

from packshot.facts.errors import (
    ImageRefused,
    KeyRejected,
    PackshotError,
    Uncertain,
    Unreachable,
)
from packshot.providers.answers import COMPARE, quotable
from packshot.providers.leonardo_wire import WHO
from packshot.providers.line import Answer, as_answered
from packshot.providers.status_refusals import (
    Refuser,
    of_no_picture,
    try_later,
    where_nothing_was_sent,
)

CHECK_URL: Final = (
    "check `--provider-url`, the API's base, such as https://cloud.leonardo.ai/api/rest."
)
TRY_LATER: Final = try_later(WHO)
LATE_SECONDS: Final = 25.0
"""The synchronous call is given up at about 27; what fails by then may have been at work."""
BLOCKED: Final = "blocked"

_NO_TOKENS: Final = "not enough api tokens"
_BAD_KEY: Final = "authentication hook unauthorized"
_ODD_KEY: Final = "invalid response from authorization hook"
_MODERATED: Final = "content moderation"
_UPLOAD_GONE: Final = re.compile(r"invalid init image id|couldn't access image")
"""Texts of docs.leonardo.ai, "API error messages", and one that programs have met."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_STATUSES: Final = MappingProxyType(
    {
        "VALIDATION_ERROR": 400,
        "VALIDATION_FAILED": 400,
        "ACCESS_DENIED": 401,
        "UNEXPECTED": 500,
    }
    | {name: status.value for name, status in HTTPStatus.__members__.items()}
)
"""What a code stands for; some are the names of HTTP's own statuses."""


class Said(NamedTuple):
    """A refusal, whatever its shape."""

    words: str
    status: int | None = None
    """As a number in the body."""
    by_code: int | None = None
    """What its code stands for, which says least: `unexpected` is many things."""


def said_in(told: Any) -> Said:  # noqa: ANN401  any JSON
    """What an answer refuses, as far as it is said."""
    if isinstance(told, dict) and isinstance(told.get("errors"), list):
        told = told["errors"]
    if isinstance(told, dict):
        return Said(str(told.get("error") or ""), by_code=_by_code(told, {}))
    errors = [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []
    if not errors:
        return Said("")
    first = errors[0]
    extensions = _inside(first, "extensions")
    number = extensions.get("statusCode")
    return Said(
        "; ".join(dict.fromkeys(words for each in errors for words in _words(each))),
        number if isinstance(number, int) and not isinstance(number, bool) else None,
        _by_code(first, extensions),
    )


def _inside(error: dict[str, Any], name: str) -> dict[str, Any]:
    inner = error.get(name)
    return inner if isinstance(inner, dict) else {}


def _words(error: dict[str, Any]) -> Iterator[str]:
    """Every message, the outermost first."""
    details = _inside(_inside(error, "extensions"), "details")
    further = details.get("errors")
    for each in (error, details, *(further if isinstance(further, list) else ())):
        message = each.get("message") if isinstance(each, dict) else None
        if isinstance(message, str) and message:
            yield message


def _by_code(error: dict[str, Any], extensions: dict[str, Any]) -> int | None:
    """The status of a code; details are what a validation finds."""
    code = str(extensions.get("code") or error.get("code") or "")
    known = _STATUSES.get(code.upper().replace("-", "_"))
    return known or (int(HTTPStatus.BAD_REQUEST) if "details" in extensions else None)


class LeonardoRefuser:
    """One account's refusals, told to people."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._by_status = Refuser(WHO, secret, CHECK_URL)
        self.is_proven = False
        """Whether an order of ours was taken once: before that, no picture is to blame."""

    def refusal(self, answer: Answer, *, may_cost: bool, waits: bool = False) -> PackshotError:
        """The error of an answer that is no good one; `waits` for the call that is timed."""
        said = said_in(answer.json())
        error = self._by_words(answer, said.words.lower())
        if error is None:
            status = said.status or (said.by_code if answer.is_success else answer.status)
            is_late = waits and answer.seconds >= LATE_SECONDS
            error = self._by_clock(status) if is_late and may_cost else None
            error = error or self._told(answer, status, said.words, may_cost=may_cost)
        return as_answered(error, answer, self._secret)

    def of_account(self, answer: Answer) -> PackshotError:
        """The same where nothing was ordered: no picture can be to blame, and no run has begun."""
        error = self.refusal(answer, may_cost=False)
        error = where_nothing_was_sent(error, WHO, answer, CHECK_URL)
        return as_answered(error, answer, self._secret)

    def _by_words(self, answer: Answer, words: str) -> PackshotError | None:
        """What only the text tells apart: statuses and codes are the same for many things."""
        if _NO_TOKENS in words:
            return self._by_status.out_of_credits(answer)
        if _BAD_KEY in words or (_ODD_KEY in words and not _UUID.fullmatch(self._secret)):
            return KeyRejected(f"{WHO} refuses the API key: check that it is whole and active.")
        if _ODD_KEY in words:
            return Unreachable(f"{WHO} cannot look the API key up; {TRY_LATER}")
        if _MODERATED in words:
            return blocked("")
        if _UPLOAD_GONE.search(words):
            return Unreachable(
                f"{WHO} does not find the upload; run again, and it is uploaded anew.",
                "upload_gone",
            )
        return None

    def _by_clock(self, status: int | None) -> PackshotError | None:
        timeless = status is not None and status < httpx.codes.INTERNAL_SERVER_ERROR
        if timeless and status != httpx.codes.REQUEST_TIMEOUT:
            return None
        return Uncertain(
            f"{WHO} ran out of time; it may have charged for the picture. Set "
            "`provider_settings.leonardo.mode` to async for pictures that take long. " + COMPARE,
            "timed_out",
        )

    def _told(
        self, answer: Answer, status: int | None, words: str, *, may_cost: bool
    ) -> PackshotError:
        """By status, as if the provider had used it."""
        if status is None:
            return self._unclear(words, may_cost=may_cost)
        body = json.dumps({"message": words}).encode()
        as_meant = replace(answer, status=status, body=body)
        error = self._by_status.refusal(as_meant, may_cost=may_cost)
        if isinstance(error, ImageRefused) and not self.is_proven:
            return of_no_picture(
                error,
                "No picture has been taken since this program started, so the order may be what "
                "it dislikes: if every picture is declined, report it.",
            )
        return error

    def _unclear(self, words: str, *, may_cost: bool) -> PackshotError:
        """Neither a result nor a refusal that is understood."""
        quoted = quotable(words, self._secret).rstrip(". ")
        said = f" and says: {quoted}" if quoted else ""
        if may_cost:
            return Uncertain(
                f"{WHO} sent no result{said}; it may have charged for the picture. {COMPARE}",
                "unclear_answer",
            )
        return Unreachable(f"{WHO} answers what nobody asked{said}; {TRY_LATER}", "broken_answer")


def blocked(cost: str) -> ImageRefused:
    """The error of a picture that the provider's moderation withholds."""
    return ImageRefused(
        f"{WHO}'s moderation withholds the result of this picture{cost}: take another picture, or "
        "another provider.",
        BLOCKED,
    )
