"""What remove.bg's refusals mean to us: one remedy per code, one error per status."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import httpx

from packshot.facts.errors import ImageRefused, PackshotError, TryTomorrow
from packshot.providers.answers import quotable, retry_after
from packshot.providers.line import Answer, as_answered
from packshot.providers.pace_headers import pace_readings
from packshot.providers.status_refusals import by_status, where_nothing_was_sent

WHO: Final = "remove.bg"
WINDOW_SECONDS: Final = 60.0

NEVER_SENT: Final = "This project never sends it: check that `--provider-url` leads to remove.bg."

CHECK_URL: Final = "check `--provider-url`, the API's base, such as https://api.remove.bg/v1.0."

REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # the picture
        "unknown_foreground": "No product was found: use a picture in which it stands out, "
        "or set `foreground_type` or `region`.",
        "file_too_large": "The file is too large: save it with fewer pixels or more compression.",
        "resolution_too_high": "The picture has too many pixels: shrink it to 50 megapixels.",
        "failed_to_read_image": "The picture cannot be read: save it anew as JPEG or PNG.",
        "invalid_dimensions": "Width and height cannot be read: save the picture anew.",
        "invalid_file_type": "This kind of file is not taken: save the picture as JPEG or PNG.",
        # options of the purchase
        "invalid_size": "The option `resolution` is not accepted: choose full, preview or auto.",
        "invalid_roi": "The option `region` is not accepted: write `x1 y1 x2 y2` in px or %.",
        "roi_exceeds_bounds": "The option `region` reaches beyond the picture: use % or shrink it.",
        "roi_region_empty": "The option `region` is empty: x2 and y2 must exceed x1 and y1.",
        "invalid_bg_color": "The option `background_color` is not accepted: write hex digits.",
        "invalid_semitransparency": "The option `semitransparency` is not accepted: leave it out.",
        "invalid_format": "The option `wire_format` is not accepted: choose zip or png.",
        # parameters and sources that are never sent
        "missing_source": f"The upload arrived without a picture. {NEVER_SENT}",
        "multiple_sources": f"Several pictures arrived at once. {NEVER_SENT}",
        # what `paid.removebg` sends
        "invalid_image_url": "The picture's address is not taken: leave `source_by_url` out.",
        "failed_image_download": "The picture could not be fetched from its address: check that "
        "its host lets the provider in, or leave `source_by_url` out.",
        "invalid_channels": "The option `channels` is not accepted: leave it out.",
        "invalid_crop_margin": "The option `crop_margin` is not accepted: write px or %.",
        "invalid_position": "The option `position` is not accepted: write `center` or %.",
        "invalid_scale": "The option `scale` is not accepted: write 10% to 100%.",
        "invalid_bg_image_url": "The option `background_image_url` is no address: correct it.",
        "failed_bg_download": "The picture behind the product could not be fetched: check "
        "`background_image_url`, or give it as `background_image_file`.",
        "multiple_bg_sources": f"Several backgrounds arrived at once. {NEVER_SENT}",
    }
)
NOT_THE_PICTURES_FAULT: Final = frozenset({"failed_image_download", "failed_bg_download"})
"""Another host was away: a later night may find it."""
_OF_THE_PICTURE: Final = frozenset({400, 413, 422})
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def refusal(answer: Answer, secret: str, *, knows_pace: bool = True) -> PackshotError:
    """The error that an answer other than success stands for; `secret` is never quoted.

    Without `knows_pace` only `Retry-After` says how long to wait.
    """
    return as_answered(_verdict(answer, secret, knows_pace=knows_pace), answer, secret)


def refusal_of_account(answer: Answer, secret: str) -> PackshotError:
    """The same where no picture was sent: nothing can have been charged, no run has begun."""
    error = where_nothing_was_sent(_verdict(answer, secret), WHO, answer, CHECK_URL)
    return as_answered(error, answer, secret)


def refusal_of_gift(answer: Answer, secret: str) -> PackshotError:
    """The same where a picture was handed over for nothing: it may be the picture's fault."""
    error = _verdict(answer, secret)
    if not isinstance(error, ImageRefused):
        error = where_nothing_was_sent(error, WHO, answer, CHECK_URL)
    return as_answered(error, answer, secret)


def _verdict(answer: Answer, secret: str, *, knows_pace: bool = True) -> PackshotError:
    if answer.status in _OF_THE_PICTURE:
        return _image_refused(answer.status, _first_error(answer.body), secret)
    return by_status(WHO, answer, CHECK_URL, wait=_wait(answer.headers, knows_pace=knows_pace))


def _image_refused(status: int, error: Mapping[str, Any], secret: str) -> PackshotError:
    stated = str(error.get("code") or "")
    known = _CODE.fullmatch(stated) and secret not in stated
    code = stated if known else {413: "file_too_large"}.get(status, f"refused_{status}")
    if code in NOT_THE_PICTURES_FAULT:
        return TryTomorrow(
            f"{WHO} declined the picture; a later night tries again. {REMEDIES[code]}", code
        )
    remedy = REMEDIES.get(code, "Look at the picture and the options of its row.")
    words = error.get("detail") or (None if code in REMEDIES else error.get("title"))
    said = f" {WHO} says: {quotable(str(words), secret)}" if words else ""
    return ImageRefused(f"{WHO} declined the picture. {remedy}{said}", code)


def _first_error(body: bytes) -> Mapping[str, Any]:
    """The first of `errors`, or nothing: gateways answer in HTML, and shapes differ."""
    try:
        first = json.loads(body)["errors"][0]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return first if isinstance(first, dict) else {}


def _wait(headers: httpx.Headers, *, knows_pace: bool) -> float | None:
    """`Retry-After`, else the end of the window, else nothing."""
    stated = retry_after(headers)
    if stated is not None or not knows_pace:
        return stated
    told = pace_readings(headers, WINDOW_SECONDS)
    spent = [each for each in told if each.remaining == 0] or told[:1]
    return max((each.reset_seconds for each in spent), default=None) or None
