"""What goes to remove.bg and what comes back, as plain data. Nothing here sends anything."""

import base64
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import httpx
from pydantic import BaseModel, ValidationError

from packshot.facts.errors import Unreachable
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Box, PurchaseClass
from packshot.providers.answers import Look, number
from packshot.providers.face import Source
from packshot.providers.removebg_refusals import CHECK_URL, WHO

UNIT: Final = "credits"
PREVIEW_MEGAPIXELS: Final = 0.25
LARGEST_PNG_MEGAPIXELS: Final = 10.0
LARGEST_MEGAPIXELS: Final[Mapping[str, float]] = MappingProxyType(
    {"preview": 0.25, "medium": 1.5, "hd": 4.0, "full": 25.0, "auto": 25.0, "50MP": 50.0}
)
"""Largest result per resolution; the names are remove.bg's, and all providers go by them."""
CLEARLY: Final = 0.95  # results are rounded to whole pixels; above this share nothing is missing

WIRE_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {"zip": "zip", "png": "png", "jpg": "jpg", "webp": "webp", "json": "png"}
)
"""Setting → the API's `format`; `json` asks for a PNG written as base64 inside JSON."""

API_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "type": "auto",
        "roi": "0% 0% 100% 100%",
        "crop": "false",
        "semitransparency": "true",
        "shadow_type": "none",
        "shadow_opacity": "70",
        "bg_color": "",
        "crop_margin": "0px",
        "scale": "original",
        "position": "original",
        "bg_image_url": "",
        "channels": "rgba",
    }
)
"""What the API assumes when nothing is said. `size`, `type_level` and `format` are always said."""

_COORDINATE: Final = re.compile(r"[\d.]+(?:px|%)")
_OPAQUE_DIGITS: Final = 6


def form_fields(options: PaidOptions, image_format: str) -> dict[str, str]:
    """The form that asks for these options; what equals the API's own default is left out."""
    chosen = {
        "type": options.foreground_type,
        "roi": " ".join(_COORDINATE.findall(options.region or API_DEFAULTS["roi"])),
        "crop": str(options.crop).lower(),
        "semitransparency": str(options.semitransparency).lower(),
        "shadow_type": options.shadow_type,
        "shadow_opacity": str(options.shadow_opacity),
        "bg_color": options.background_color or "",
    }
    own = options.removebg
    chosen |= {
        "crop_margin": own.crop_margin or API_DEFAULTS["crop_margin"],
        "scale": own.scale or API_DEFAULTS["scale"],
        "position": own.position or API_DEFAULTS["position"],
        "bg_image_url": own.background_image_url or "",
        "channels": own.channels,
        "shadow_type": own.shadow_types or chosen["shadow_type"],
        "shadow_opacity": own.shadow_opacities or chosen["shadow_opacity"],
    }
    said = {name: value for name, value in chosen.items() if value != API_DEFAULTS[name]}
    return {
        "size": options.resolution,
        "type_level": options.type_level,
        "format": image_format,
        **said,
    }


def format_for(wire_format: str, source: Source, options: PaidOptions) -> str:
    """The API's `format` that brings everything these options ask for.

    A ZIP has the source's own ground beside the alpha, so what the provider draws comes only
    in a finished picture; a PNG ends at 10 megapixels.
    """
    chosen = WIRE_FORMATS[wire_format]
    if options.removebg.channels == "alpha":
        small = wanted_megapixels(source, options) <= LARGEST_PNG_MEGAPIXELS
        return "png" if small else "jpg"
    drawn = draws(options)
    if chosen == "zip" and drawn:
        chosen = "png"
    if chosen != "png" or wanted_megapixels(source, options) <= LARGEST_PNG_MEGAPIXELS:
        return chosen
    return "webp" if drawn else "zip"


def draws(options: PaidOptions) -> bool:
    """Whether the provider puts something into the picture that a ZIP does not hold."""
    shadow = options.shadow_type != "none" or options.removebg.shadow_types is not None
    return shadow or options.has_ground


def is_opaque(background_color: str | None) -> bool:
    """Whether a background, in long hex digits, leaves nothing transparent."""
    return background_color is not None and background_color[_OPAQUE_DIGITS:] in {"", "ff"}


def wanted_megapixels(source: Source, options: PaidOptions) -> float:
    """Size of the result that was asked for; nothing is ever enlarged."""
    return min(source.megapixels, LARGEST_MEGAPIXELS[options.resolution])


def fell_short(look: Look, charged: float | None, source: Source, options: PaidOptions) -> bool:
    """Whether the result is clearly smaller than what was asked for.

    `auto` leaves the size to the provider, so only its fall to a preview counts. A cropped
    result says nothing by its size; there the price of a preview tells.
    """
    wanted = wanted_megapixels(source, options)
    preview_at_most = PREVIEW_MEGAPIXELS / CLEARLY
    if options.crop:
        paid_for_preview = charged is not None and 0 < charged <= PREVIEW_MEGAPIXELS
        return paid_for_preview and wanted > preview_at_most
    short = look.megapixels < wanted * CLEARLY
    return short and (options.resolution != "auto" or look.megapixels <= preview_at_most)


def class_of(headers: httpx.Headers, *, short: bool) -> PurchaseClass:
    """What the purchase is worth; the sandbox marks its answers."""
    if is_test(headers):
        return PurchaseClass.TEST
    return PurchaseClass.DEGRADED if short else PurchaseClass.PAID


def is_test(headers: httpx.Headers) -> bool:
    """Whether the sandbox answered."""
    return str(headers.get("x-packshot-class", "")).strip().lower() == PurchaseClass.TEST.value


def unwrapped(body: bytes) -> tuple[bytes, Mapping[str, Any]]:
    """The picture in an answer, and what a JSON answer says beside it.

    Raises `ValueError` for JSON that holds no picture.
    """
    if not body[:64].lstrip().startswith(b"{"):
        return body, {}
    try:
        data = json.loads(body)["data"]
        return base64.b64decode(data["result_b64"], validate=True), data
    except (LookupError, TypeError, RecursionError) as error:
        raise ValueError("JSON without a picture") from error


LONGEST_SIDE: Final = 100_000
"""Pixels; a box that claims more is a slip of the header, not of the picture."""


def box_of(headers: httpx.Headers, data: Mapping[str, Any]) -> Box | None:
    """The foreground's box as stated, in pixels of the result, if it is stated whole."""
    sides = [
        number(str(headers.get(f"x-foreground-{side}", data.get(f"foreground_{side}", ""))))
        for side in ("left", "top", "width", "height")
    ]
    whole = [int(side) for side in sides if side is not None and side <= LONGEST_SIDE]
    return Box(*whole) if len(whole) == len(sides) else None


class _Credits(BaseModel):
    total: float
    subscription: float = 0.0
    payg: float = 0.0
    enterprise: float = 0.0


class _Calls(BaseModel):
    free_calls: int = 0


class _Attributes(BaseModel):
    credits: _Credits
    api: _Calls = _Calls()


class _Data(BaseModel):
    attributes: _Attributes


class _AccountAnswer(BaseModel):
    data: _Data


def account_of(body: bytes, headers: httpx.Headers) -> Account:
    """The balance in an answer of `/account`."""
    try:
        told = _AccountAnswer.model_validate_json(body).data.attributes
    except ValidationError:
        raise Unreachable(
            f"{WHO} answered with something that is no account: {CHECK_URL}", "broken_answer"
        ) from None
    return Account(
        unit=UNIT,
        total=told.credits.total,
        kinds=told.credits.model_dump(exclude={"total"}),
        free_calls=told.api.free_calls,
        purchase_class=PurchaseClass.TEST if is_test(headers) else PurchaseClass.PAID,
    )
