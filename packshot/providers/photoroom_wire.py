"""What goes to Photoroom and what comes back, as plain data. Nothing here sends anything."""

import base64
import json
from collections.abc import Mapping
from math import sqrt
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import httpx
from pydantic import BaseModel, Field, ValidationError

from packshot.facts.errors import ImageRefused, Unreachable
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, PurchaseClass
from packshot.providers.answers import Look, number, quotable
from packshot.providers.face import Source
from packshot.providers.own_settings import OwnSettings
from packshot.providers.photoroom_refusals import CHECK_URL, NO_SUCH_OPTION, WHO
from packshot.providers.removebg_wire import CLEARLY, LARGEST_MEGAPIXELS, is_opaque, is_test

UNIT: Final = "images"
TEST_KEY: Final = "sandbox_"
"""A key that begins so buys nothing but watermarked tests."""
UNSURE: Final = 0.6
"""From here on Photoroom calls its own uncertainty high."""
FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {"zip": "png", "png": "png", "jpg": "jpg", "webp": "webp", "json": "png"}
)
"""`wire_format` → the API's format; there is no ZIP, and a PNG holds as much."""
SIZES: Final[Mapping[str, str]] = MappingProxyType(
    {"preview": "preview", "medium": "medium", "hd": "hd", "full": "full", "auto": "full"}
)
"""Resolution → the API's size. There is no `auto`: the largest is what it may become."""
SHRUNK: Final = frozenset({"preview", "medium", "hd"})

ShadowMode = Literal[
    "ai.soft",
    "ai.hard",
    "ai.floating",
    "ai.preset-soft",
    "ai.preset-hard",
    "ai.auto-with-overrides",
]
STRENGTH_GIVEN: Final = "ai.auto-with-overrides"
"""The one mode that takes a strength."""

HONOURED: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {
        "resolution": tuple(SIZES),
        "foreground_type": ("auto",),
        "type_level": ("latest", "none"),
        "region": (None,),
        "semitransparency": (True,),
    }
)
"""The values both endpoints live up to; all others have no parameter there."""


class PhotoroomSettings(OwnSettings):
    """What only this provider knows."""

    endpoint: Literal["segment", "edit"] = "segment"
    plan: Literal["basic", "plus"] = "basic"
    """What the account counts: cutouts, or edits, which are worth five of them."""
    calls_per_minute: Annotated[float, Field(gt=0, le=100_000)] = 60.0
    longest_side: Annotated[int, Field(ge=1)] = 6_000
    """Pixels of the source's longer side at most."""
    shadow_mode: ShadowMode = "ai.soft"


def check_options(options: PaidOptions, settings: PhotoroomSettings, wire_format: str) -> None:
    """Refuse by name what the endpoint cannot do; raises `ImageRefused`."""
    for option, values in HONOURED.items():
        if getattr(options, option) not in values:
            raise _cannot(settings, option, getattr(options, option))
    edits = settings.endpoint == "edit"
    if options.shadow_type not in {"none", *(("auto",) if edits else ())}:
        raise _cannot(settings, "shadow_type", options.shadow_type)
    strength = options.shadow_opacity
    is_asked = strength != PaidOptions().shadow_opacity and options.shadow_type != "none"
    if is_asked and settings.shadow_mode != STRENGTH_GIVEN:
        raise _cannot(settings, "shadow_opacity", strength)
    if options.has_ground and not edits and not is_opaque(options.background_color):
        raise _cannot(settings, "background_color", options.background_color)
    if wire_format == "jpg" and not is_opaque(options.background_color):
        raise ImageRefused(
            "A JPEG cannot be transparent: set `wire_format` to png or webp, "
            "or ask for an opaque `background_color`.",
            NO_SUCH_OPTION,
        )


def _cannot(settings: PhotoroomSettings, option: str, wanted: object) -> ImageRefused:
    return ImageRefused(
        f"{WHO}'s `{settings.endpoint}` cannot honour `{option}: {wanted}`: leave the option out, "
        "choose another `endpoint` where it is a matter of shadow or colour, or another provider.",
        NO_SUCH_OPTION,
    )


def segment_form(options: PaidOptions, wire_format: str) -> dict[str, str]:
    """The form that asks `segment` for these options."""
    form = {"size": SIZES[options.resolution], "format": FORMATS[wire_format]}
    if options.crop:
        form["crop"] = "true"
    if options.has_ground:
        form["bg_color"] = f"#{str(options.background_color)[:6]}"
    return form


def edit_form(
    options: PaidOptions, wire_format: str, source: Source, shadow_mode: str
) -> dict[str, str]:
    """The form that asks `edit` for the same.

    Unless the frame of the original is asked for, the subject is moved and enlarged to fill it.
    """
    form = {"removeBackground": "true", "export.format": FORMATS[wire_format]}
    if options.crop:
        form["outputSize"] = "croppedSubject"
    else:
        form |= {"outputSize": "originalImage", "referenceBox": "originalImage"}
    most = LARGEST_MEGAPIXELS[options.resolution]
    if options.resolution in SHRUNK and source.megapixels > most:
        scale = sqrt(most / source.megapixels)
        form["maxWidth"] = str(max(1, int(source.width * scale)))
        form["maxHeight"] = str(max(1, int(source.height * scale)))
    if options.has_ground:
        form["background.color"] = str(options.background_color).upper()
    if options.shadow_type != "none":
        form["shadow.mode"] = shadow_mode
        if shadow_mode == STRENGTH_GIVEN:
            form["shadow.intensityOverride"] = f"{options.shadow_opacity / 100:g}"
    return form


def unwrapped(body: bytes) -> bytes:
    """The picture in an answer, in JSON too; raises `ValueError` for JSON that holds none."""
    if not body[:64].lstrip().startswith(b"{"):
        return body
    try:
        told = json.loads(body)
        encoded = told["base64img"] if "base64img" in told else told["result_b64"]
        return base64.b64decode(encoded.rpartition(",")[2], validate=True)  # after any `data:…,`
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("JSON without a picture") from error


def doubt_of(headers: httpx.Headers, secret: str) -> str | None:
    """What Photoroom is unsure of, and what it did not do. The score of people is -1: none."""
    score, dropped = number(headers.get("x-uncertainty-score")), _dropped(headers)
    said = []
    if score is not None and score >= UNSURE:
        said.append(
            f"{WHO} is unsure of this cutout (uncertainty {score:g} of 1): "
            "compare it with the source."
        )
    if dropped:
        said.append(f"{WHO} did not do all that was asked: {quotable(dropped, secret)}")
    return " ".join(said) or None


def _dropped(headers: httpx.Headers) -> str:
    return str(headers.get("pr-unsupported-attributes", "")).strip()


def class_of(
    headers: httpx.Headers, look: Look, source: Source, options: PaidOptions, *, key_is_test: bool
) -> PurchaseClass:
    """What the purchase is worth. A cropped result says nothing by its size."""
    if key_is_test or is_test(headers):
        return PurchaseClass.TEST
    wanted = min(source.megapixels, LARGEST_MEGAPIXELS[options.resolution])
    short = not options.crop and look.megapixels < wanted * CLEARLY
    return PurchaseClass.DEGRADED if short else PurchaseClass.PAID


class _Amounts(BaseModel):
    available: float


class _AccountAnswer(BaseModel):
    images: _Amounts | None = None  # v2
    credits: _Amounts | None = None  # v1


def account_of(body: bytes, *, is_test: bool) -> Account:
    """The balance in an answer of `/v2/account` or `/v1/account`."""
    try:
        told = _AccountAnswer.model_validate_json(body)
    except ValidationError:
        told = _AccountAnswer()
    amounts = told.images or told.credits
    if amounts is None:
        raise Unreachable(
            f"{WHO} answered with something that is no account: {CHECK_URL}", "broken_answer"
        )
    return Account(
        unit=UNIT,
        total=max(0.0, amounts.available),
        purchase_class=PurchaseClass.TEST if is_test else PurchaseClass.PAID,
    )
