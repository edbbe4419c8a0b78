"""What Photoroom's refusals mean to us: one error per status, in whichever shape it comes."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import httpx

from packshot.facts.errors import (
    ImageRefused,
    KeyRejected,
    OutOfCredits,
    PackshotError,
    Throttled,
)
from packshot.providers import status_refusals
from packshot.providers.answers import quotable, retry_after
from packshot.providers.line import Answer, as_answered
from packshot.providers.status_refusals import by_status, where_nothing_was_sent

WHO: Final = "Photoroom"
NO_SUCH_OPTION: Final = "option_not_supported"
CHECK_URL: Final = "check `--provider-url`, the API's host, or leave it out."
NO_IMAGES: Final = f"{WHO} has no images left on this account: buy some, run again."
EXHAUSTED: Final = "api credits exhausted"
"""How the sentence begins that was seen with 402, and may come with 403."""

REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **status_refusals.REMEDIES,
        "invalid_file_type": "This kind of file is not taken: save the picture as JPEG, PNG or "
        "WebP.",
        "missing_image": "The upload arrived without a picture. This project never sends it: "
        "check that `--provider-url` leads to Photoroom.",
    }
)
_BY_STATUS: Final = MappingProxyType({413: "file_too_large", 415: "invalid_file_type"})
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NO_CODE: Final = "unknown_error"


class Said(NamedTuple):
    """What a refusal says, flat as `segment` words it or nested as the image API does."""

    kind: str
    words: str


def said_in(body: bytes) -> Said:
    """Read either shape; gateways answer in HTML and say nothing."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    outer: Mapping[str, Any] = told if isinstance(told, dict) else {}
    inner = outer.get("error")
    shown = inner if isinstance(inner, dict) else outer
    words = shown.get("detail") or shown.get("message") or (inner if shown is outer else "")
    return Said(str(shown.get("type") or ""), str(words or ""))


def refusal(answer: Answer, secret: str) -> PackshotError:
    """The error that an answer other than success stands for; `secret` is never quoted."""
    return as_answered(_verdict(answer, secret), answer, secret)


def refusal_of_account(answer: Answer, secret: str) -> PackshotError:
    """The same where no picture was sent: nothing can have been charged, no run has begun."""
    error = _verdict(answer, secret)
    if answer.status == httpx.codes.BAD_REQUEST:  # nothing but the key was sent
        error = KeyRejected(f"{WHO} does not see the API key: check that it is whole.")
    else:
        error = where_nothing_was_sent(error, WHO, answer, CHECK_URL)
    return as_answered(error, answer, secret)


def _verdict(answer: Answer, secret: str) -> PackshotError:
    status, said = answer.status, said_in(answer.body)
    match status:
        case 400 | 413 | 415 | 422:
            return _image_refused(status, said, secret)
        case 402:
            return OutOfCredits(NO_IMAGES)
        case 401 | 403 if said.words.lower().startswith(EXHAUSTED):
            return OutOfCredits(NO_IMAGES)
        case 401 | 403:
            return KeyRejected(
                f"{WHO} refuses the API key: check that it is whole and active, that its plan "
                "includes the `endpoint`, and that images are left."
            )
        case 429:
            return Throttled(
                f"{WHO} asks us to slow down; set `calls_per_minute` to what the account allows.",
                wait_seconds=retry_after(answer.headers),
            )
        case _:
            return by_status(WHO, answer, CHECK_URL)


def _image_refused(status: int, said: Said, secret: str) -> ImageRefused:
    known = _CODE.fullmatch(said.kind) and said.kind != _NO_CODE and secret not in said.kind
    code = said.kind if known else _BY_STATUS.get(status, f"refused_{status}")
    remedy = REMEDIES.get(code, "Look at the picture and the options of its row.")
    words = f" {WHO} says: {quotable(said.words, secret)}" if said.words else ""
    return ImageRefused(f"{WHO} declined the picture. {remedy}{words}", code)
