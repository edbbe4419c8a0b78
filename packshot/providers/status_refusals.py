"""What a status means to us, whoever answers with it, and what a picture may be refused for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import httpx

from packshot.facts.errors import (
    BadOption,
    ImageRefused,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    Throttled,
    TryTomorrow,
    Uncertain,
    Unreachable,
)
from packshot.providers.answers import COMPARE, quotable, retry_after
from packshot.providers.face import Accepts, Source
from packshot.providers.line import Answer, as_answered

WRONG_URL: Final = "wrong_provider_url"
REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "file_too_large": "The file is too large: save it with fewer pixels or more compression.",
        "invalid_file_type": "This kind of file is not taken: save the picture as JPEG or PNG.",
        "resolution_too_high": "The picture has too many pixels: shrink it, for example with "
        "`purchase_megapixels`.",
    }
)
_BY_STATUS: Final = MappingProxyType({413: "file_too_large", 415: "invalid_file_type"})
_OF_THE_PICTURE: Final = frozenset({400, 413, 415, 422})
_SAYING: Final = ("detail", "message", "title", "error", "errors", "data")
_DEEPEST: Final = 4
_MOMENTARY: Final = frozenset({408, 425})
_NOT_THE_API: Final = frozenset({404, 405, 410})
_GATEWAY: Final = frozenset({502, 504, 520, 522, 524})


def check_source(
    who: str, source: Source, accepts: Accepts, remedies: Mapping[str, str] = REMEDIES
) -> None:
    """Refuse a picture that the provider would refuse; raises `ImageRefused`."""
    refusals = {
        "invalid_file_type": source.format not in accepts.formats,
        "file_too_large": len(source.content) > accepts.max_bytes,
        "resolution_too_high": source.width * source.height > accepts.max_pixels,
    }
    for code, applies in refusals.items():
        if applies:
            remedy = remedies[code]
            raise ImageRefused(f"{who} does not take this picture. {remedy}", code)


def is_momentary(status: int) -> bool:
    """Whether the same request may succeed in a moment, by its status alone."""
    return status in _MOMENTARY or status >= httpx.codes.INTERNAL_SERVER_ERROR


def try_later(who: str) -> str:
    """What to do about an answer that is the provider's own trouble."""
    return f"run again later, and if it stays so, ask {who}'s support."


def by_status(
    who: str, answer: Answer, check_url: str, *, may_cost: bool = True, wait: float | None = None
) -> PackshotError:
    """The error of a status that says nothing of the picture; `wait` is the word with a 429."""
    status = answer.status
    match status:
        case 401 | 403:
            return KeyRejected(f"{who} refuses the API key: check that it is whole and active.")
        case 402:
            return OutOfCredits(f"{who} has no credits left on this account: buy some, run again.")
        case 429:
            return Throttled(
                f"{who} asks us to slow down; let nothing else call with this key meanwhile.",
                wait_seconds=retry_after(answer.headers) if wait is None else wait,
            )
        case _ if status in _GATEWAY and may_cost:
            return Uncertain(
                f"A gateway before {who} answered {status}; the call may have been charged. "
                f"{COMPARE}",
                f"gateway_{status}",
            )
        case _ if is_momentary(status):
            return Unreachable(
                f"{who} answered {status}; {try_later(who)}",
                wait_seconds=retry_after(answer.headers),
            )
        case _ if status in _NOT_THE_API or answer.redirects:
            return KeyRejected(f"{who} answered {status}: {check_url}", WRONG_URL)
        case _:
            return TryTomorrow(
                f"{who} answered {status}, which it does not document; {try_later(who)}",
                f"refused_{status}",
            )


def where_nothing_was_sent(
    error: PackshotError, who: str, answer: Answer, check_url: str
) -> PackshotError:
    """What the error of a purchase means for a question: nothing was charged, no run has begun."""
    if error.code == WRONG_URL:
        return BadOption(error.message, WRONG_URL)
    if isinstance(error, Uncertain):
        return Unreachable(f"{who} answered {answer.status}; {try_later(who)}")
    if isinstance(error, ImageRefused | TryTomorrow):
        return Unreachable(f"{who} answered {answer.status}: {check_url}")
    return error


def of_no_picture(error: PackshotError, remedy: str) -> TryTomorrow:
    """The error of a refusal that may be for what we guessed of the API, and not for the picture.

    Until one was taken, a catalog would be rejected for it.
    """
    return TryTomorrow(f"{error.message} {remedy}", error.code)


@dataclass(frozen=True, slots=True)
class Refuser:
    """One provider, as its refusals are told to people."""

    who: str
    secret: str
    """The key, which is never quoted."""
    check_url: str
    """What to check where the API does not seem to be at the other end."""

    def refusal(self, answer: Answer, *, may_cost: bool) -> PackshotError:
        """The error that an answer other than success stands for."""
        return as_answered(self._verdict(answer, may_cost=may_cost), answer, self.secret)

    def out_of_credits(self, answer: Answer) -> PackshotError:
        """The error of an account that is empty, whatever status says so."""
        empty = replace(answer, status=httpx.codes.PAYMENT_REQUIRED)
        return as_answered(by_status(self.who, empty, self.check_url), answer, self.secret)

    def not_tonight(self, answer: Answer) -> PackshotError:
        """The error of an answer that is documented nowhere and refuses."""
        error = TryTomorrow(
            f"{self.who} answered {answer.status} and no picture{self._said(answer)}; run again "
            f"later, and if it stays so, ask {self.who}'s support.",
            f"refused_{answer.status}",
        )
        return as_answered(error, answer, self.secret)

    def _verdict(self, answer: Answer, *, may_cost: bool) -> PackshotError:
        if answer.status in _OF_THE_PICTURE:
            return self._image_refused(answer)
        error = by_status(self.who, answer, self.check_url, may_cost=may_cost)
        return self.not_tonight(answer) if isinstance(error, TryTomorrow) else error

    def _image_refused(self, answer: Answer) -> ImageRefused:
        code = _BY_STATUS.get(answer.status, f"refused_{answer.status}")
        remedy = REMEDIES.get(code, "Look at the picture and the options of its row.")
        return ImageRefused(f"{self.who} declined the picture{self._said(answer)}. {remedy}", code)

    def _said(self, answer: Answer) -> str:
        words = quotable(words_in(answer.body), self.secret).rstrip(". ")
        return f" and says: {words}" if words else ""


def words_in(body: bytes) -> str:
    """What an error's body says to people, wherever it says so; gateways answer in HTML."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _words(told, _DEEPEST)


def _words(told: object, depth: int) -> str:
    match told:
        case str():
            return told
        case [first, *_] if depth:
            return _words(first, depth - 1)
        case dict() if depth:
            found = (_words(told[name], depth - 1) for name in _SAYING if name in told)
            return next((words for words in found if words), "")
        case _:
            return ""
