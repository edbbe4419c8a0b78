"""What a provider's headers say of its pace: one window or several, in any of the usual forms.

`X-RateLimit-Limit`, `-Remaining` and `-Reset` as remove.bg sends them; `RateLimit-Limit`,
`-Remaining` and `-Reset` of the IETF's drafts up to 06; `RateLimit` and `RateLimit-Policy` of 07
and later (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import http_sf
import httpx

from packshot.providers.answers import number, seconds_until
from packshot.providers.face import PaceReading

LONGEST_WINDOWS: Final = 10.0
"""So many times the declared window one may last that a provider speaks of."""
FIRST_EPOCH: Final = 1e9
"""A reset beyond this is a moment, not a number of seconds."""


def pace_readings(headers: httpx.Headers, window_seconds: float) -> tuple[PaceReading, ...]:
    """The provider's word on its windows; none where nothing can be trusted.

    A window that is not described is the declared one, of `window_seconds`; a wrong clock makes
    none longer than it is.
    """
    for prefix in ("x-ratelimit", "ratelimit"):
        if found := _in_three_headers(headers, prefix, window_seconds):
            return found
    return _in_one_header(headers, window_seconds)


def _in_three_headers(
    headers: httpx.Headers, prefix: str, window_seconds: float
) -> tuple[PaceReading, ...]:
    """Limit, remaining and reset; the limit may be followed by windows that it is one of."""
    limit, _, further = headers.get(f"{prefix}-limit", "").partition(",")
    quota, remaining = number(limit), number(headers.get(f"{prefix}-remaining"))
    reset = number(headers.get(f"{prefix}-reset"))
    if quota is None or remaining is None or reset is None:
        return ()
    policies = _policies(further) | _policies(headers.get(f"{prefix}-policy", ""))
    windows = policies.values()
    own = next((seconds for size, seconds in windows if size == quota), None)
    first = PaceReading(quota, remaining, _until(reset, headers, own, window_seconds), own)
    return (first, *(PaceReading(size, None, w, w) for size, w in windows if w != own))


def _in_one_header(headers: httpx.Headers, window_seconds: float) -> tuple[PaceReading, ...]:
    """`RateLimit`, whose parts `RateLimit-Policy` explains."""
    policies = _policies(headers.get("ratelimit-policy", ""))
    readings = []
    for name, said in _parts(headers.get("ratelimit", "")):
        quota, seconds = policies.get(name, (_amount(said.get("q")), None))
        remaining, reset = _amount(said.get("r")), _amount(said.get("t"))
        if quota is not None and reset is not None:
            until = _until(reset, headers, seconds, window_seconds)
            readings.append(PaceReading(quota, remaining, until, seconds))
    return tuple(readings)


def _parts(text: str) -> list[tuple[str, Mapping[str, object]]]:
    """What is left of each window, by its name; without names, by its quota."""
    if named := _parsed(text, "list"):
        return [(str(name), parameters) for name, parameters in named]
    said = {name: item[0] for name, item in (_parsed(text, "dictionary") or {}).items()}
    quota, remaining, reset = (said.get(name) for name in ("limit", "remaining", "reset"))
    return [(str(quota), {"q": quota, "r": remaining, "t": reset})] if said else []


def _policies(text: str) -> dict[str, tuple[float, float]]:
    """Quota and seconds of windows, as `100;w=60` or `"minute";q=100;w=60` describes them."""
    found = {}
    for name, parameters in _parsed(text, "list") or ():
        quota = _amount(parameters.get("q", name))
        seconds = _amount(parameters.get("w"))
        if quota and seconds:
            found[str(name)] = (quota, seconds)
    return found


def _parsed(text: str, kind: Any) -> Any:  # noqa: ANN401  whatever the header holds
    """A structured field's value; None where the header is no such field."""
    try:
        return http_sf.parse(text.encode(), tltype=kind)
    except ValueError:
        return None


def _amount(said: object) -> float | None:
    """A number that can be one of a window."""
    return number(str(said)) if isinstance(said, int | float | Decimal) else None


def _until(reset: float, headers: httpx.Headers, own: float | None, declared: float) -> float:
    """Seconds to the end of a window, which may be longer than was declared, and not absurdly."""
    seconds = seconds_until(reset, headers) if reset > FIRST_EPOCH else reset
    if own is None and seconds <= LONGEST_WINDOWS * declared:
        return seconds
    return min(seconds, own or declared)
