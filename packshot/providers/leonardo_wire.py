"""What goes to Leonardo.Ai's background removal and what comes back, as plain data.

Facts: docs.leonardo.ai (remove-bg, the guide for those who come from remove.bg, the OpenAPI
descriptions of v1 and v2). Documents and programs that use the API disagree on envelopes and on
how errors come, so every shape that either shows is read.
"""

import base64
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from packshot.facts.errors import ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.providers.face import Source
from packshot.providers.own_settings import OwnSettings
from packshot.providers.removebg_wire import LARGEST_PNG_MEGAPIXELS, form_fields, wanted_megapixels

WHO: Final = "Leonardo"
UNIT: Final = "USD"
PRICE: Final = 0.1047
"""For an image (the guide of 2 September 2026); the answer itself says what was charged."""
MODEL: Final = "remove-bg"
INLINE_BYTES: Final = 7_000_000
"""Larger files are uploaded first: in a request, base64 of about 7.5 MB is the end."""
EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
)
_SIZES: Final = MappingProxyType({"medium": "full", "hd": "full"})
"""Sizes that are not known there; variants shrink what comes back."""
_WIRE: Final = MappingProxyType(
    {"zip": "png", "png": "png", "jpg": "jpg", "webp": "webp", "json": "png"}
)
_NUMBERS: Final = frozenset({"shadow_opacity"})
_DEEPEST: Final = 5
_SAYING: Final = ("message", "error", "errors", "extensions", "details", "detail")


class LeonardoSettings(OwnSettings):
    """What only Leonardo knows."""

    mode: Literal["sync", "async"] = "sync"
    ephemeral: bool = False
    """Keep nothing at Leonardo; an address then dies after half an hour."""
    calls_per_minute: float = 100.0
    usd_per_token: float = 0.0
    """What one token of the account is worth; without it the balance is not told in money."""


def request(
    source: Source, options: PaidOptions, image: Mapping[str, str], *, wire_format: str
) -> dict[str, Any]:
    """The body that asks for one cutout; unknown names in it would be refused."""
    fields: dict[str, Any] = dict(form_fields(options, _format(source, options, wire_format)))
    fields["size"] = _SIZES.get(fields["size"], fields["size"])
    for name in _NUMBERS & fields.keys():
        fields[name] = int(fields[name])
    for name in ("crop", "semitransparency"):  # no strings where the schema has booleans
        if name in fields:
            fields[name] = fields[name] == "true"
    if "shadow_type" in fields:
        fields["shadow_type"] = str(fields["shadow_type"]).lower()
    guidances = {"image_reference": [{"image": dict(image)}]}
    return {
        "model": MODEL,
        "public": False,
        "parameters": {**fields, "quantity": 1, "guidances": guidances},
    }


def check_options(options: PaidOptions) -> None:
    """Refuse what has no parameter there. Raises `ImageRefused`."""
    if options.shadow_type == "auto":
        raise ImageRefused(
            f"{WHO} knows no `shadow_type: auto`; choose drop, car or 3D, or leave it out.",
            "option_not_supported",
        )


def inlined(source: Source) -> dict[str, str]:
    """A source within the request."""
    return {"type": "BASE64", "data": base64.b64encode(source.content).decode()}


def unwrapped(told: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON
    """What an answer says, without the envelope that it may or may not have."""
    if not isinstance(told, dict):
        return {}
    for name in ("generateSync", "generate"):
        if isinstance(inner := told.get(name), dict):
            return inner
    return told


def cost_of(told: Mapping[str, Any]) -> float | None:
    """What was charged in dollars; None where it is not said in dollars."""
    cost = told.get("cost")
    if not isinstance(cost, dict) or cost.get("unit") != "DOLLARS":
        return None
    try:
        amount = float(cost.get("amount") or "")
    except (TypeError, ValueError):
        return None
    return amount if amount >= 0 else None


def is_blocked(told: Mapping[str, Any]) -> bool:
    """Whether moderation has kept the result back."""
    return told.get("results") == [] and bool(told.get("blockedCount"))


def tokens_in(told: Any) -> float | None:  # noqa: ANN401  any JSON
    """What `/v1/me` says the API may use up; None where it says nothing."""
    try:
        user = told["user_details"][0]
    except (LookupError, TypeError):
        return None
    if not isinstance(user, dict):
        return None
    held = [user.get(name) for name in ("apiPaidTokens", "apiSubscriptionTokens")]
    known = [float(each) for each in held if isinstance(each, int | float)]
    return sum(known) if known else None


def words_in(told: object, depth: int = _DEEPEST) -> Iterator[str]:
    """All that an error says, wherever it says so."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, list) and depth:
        for each in told:
            yield from words_in(each, depth - 1)
    elif isinstance(told, dict) and depth:
        for name in _SAYING:
            yield from words_in(told.get(name), depth - 1)


def status_in(told: object, depth: int = _DEEPEST) -> int | None:
    """The status that an error under 200 stands for, if it says one."""
    if isinstance(told, list):
        found = (status_in(each, depth - 1) for each in told if depth)
        return next((status for status in found if status is not None), None)
    if not isinstance(told, dict) or not depth:
        return None
    stated = told.get("statusCode")
    if isinstance(stated, int):
        return stated
    inner = (status_in(told.get(name), depth - 1) for name in ("errors", "extensions"))
    return next((status for status in inner if status is not None), None)


def _format(source: Source, options: PaidOptions, wire_format: str) -> str:
    """A PNG ends at ten megapixels whatever size is asked for."""
    chosen = _WIRE[wire_format]
    large = wanted_megapixels(source, options) > LARGEST_PNG_MEGAPIXELS
    return "webp" if chosen == "png" and large else chosen
