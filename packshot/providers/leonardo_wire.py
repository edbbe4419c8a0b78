"""What goes to Leonardo.Ai and what comes back, as plain data. Nothing here sends anything.

Its documents show flat answers (docs.leonardo.ai, "Remove bg" and the guide for those who come
from remove.bg), programs that use it read wrapped ones; both are read.
"""

import base64
import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from packshot.facts.errors import ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Account, Price, PurchaseClass
from packshot.providers.answers import number
from packshot.providers.face import Source
from packshot.providers.own_settings import OwnSettings
from packshot.providers.removebg_wire import (
    LARGEST_PNG_MEGAPIXELS,
    is_opaque,
    wanted_megapixels,
)
from packshot.providers.result_address import PaidCall, is_address

WHO: Final = "Leonardo.Ai"
NO_SUCH_OPTION: Final = "option_not_supported"
SIZES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "preview": "preview",
        "medium": "full",
        "hd": "full",
        "full": "full",
        "auto": "auto",
        "50MP": "50MP",
    }
)
"""`resolution` → the API's `size`; it has nothing between a preview and 25 megapixels."""
FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {"zip": "png", "png": "png", "json": "png", "webp": "webp", "jpg": "jpg"}
)
"""`wire_format` → the API's `format`; it knows neither ZIP nor `auto`."""
EXTENSIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"JPEG": ("jpg", "image/jpeg"), "PNG": ("png", "image/png"), "WEBP": ("webp", "image/webp")}
)
"""Extension and type of an upload per format."""
SHADOWS: Final[Mapping[str, str]] = MappingProxyType({"drop": "drop", "car": "car", "3D": "3d"})
PRICES: Final[Mapping[str, float]] = MappingProxyType({"USD": 0.1047, "credits": 70.0})
"""An image's estimated price per unit: the guide's, and the same at `usd_per_token`."""
_UNITS: Final = MappingProxyType({"DOLLARS": "USD", "CREDITS": "credits"})
_POTS: Final = ("apiPaidTokens", "apiSubscriptionTokens")
_WRAPPERS: Final = ("generateSync", "generate")


class LeonardoSettings(OwnSettings):
    """What only this provider knows."""

    mode: Literal["sync", "async"] = "sync"
    """Wait within the call, 27 seconds at most, or submit a job and ask for it."""
    unit: Literal["USD", "credits"] = "USD"
    """What the account is counted in, as `cost.unit` of its answers says."""
    price: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """An image's price at most, in that unit."""
    usd_per_token: Annotated[float, Field(ge=0, le=1_000)] = 0.0015
    """What a token of the balance is worth; 0 leaves the balance unknown."""
    ephemeral: bool = False
    """Whether the service keeps no result, and its address dies after 30 minutes."""
    inline_megabytes: Annotated[float, Field(ge=0, le=25)] = 7.0
    """Larger files are uploaded instead of being sent within the call."""
    calls_per_minute: Annotated[float, Field(gt=0, le=100_000)] = 100.0
    """Images a minute, as the plan allows."""

    def estimate(self) -> float:
        """An image's price where the API does not state it."""
        return PRICES[self.unit] if self.price is None else self.price


class LeonardoCall(PaidCall):
    """A call that was answered; without an address, a job that may still be under way."""

    submitted_at: float = 0.0
    """Epoch seconds."""


def check_options(options: PaidOptions, wire_format: str) -> None:
    """Refuse by name what the API cannot do; raises `ImageRefused`."""
    if options.shadow_type not in {"none", *SHADOWS}:
        raise ImageRefused(
            f"{WHO} cannot honour `shadow_type: {options.shadow_type}`: choose drop, car or 3D.",
            NO_SUCH_OPTION,
        )
    behind = options.removebg.background_image_url
    if behind is not None and not behind.startswith("https://"):
        raise ImageRefused(
            f"{WHO} fetches a picture behind the product by HTTPS only: give "
            "`background_image_url` an https:// address.",
            NO_SUCH_OPTION,
        )
    opaque = behind is not None or is_opaque(options.background_color)
    if options.has_ground and not opaque:
        raise ImageRefused(
            f"{WHO} cannot honour `background_color: {options.background_color}`, because its "
            "grounds are opaque: leave the last two digits out.",
            NO_SUCH_OPTION,
        )
    if FORMATS[wire_format] == "jpg" and not opaque:
        raise ImageRefused(
            "A JPEG cannot be transparent: set `wire_format` to png or webp, "
            "or ask for an opaque `background_color`.",
            NO_SUCH_OPTION,
        )


def format_for(wire_format: str, source: Source, options: PaidOptions) -> str:
    """The API's `format` that brings all pixels: a PNG ends at 10 megapixels."""
    chosen = FORMATS[wire_format]
    large = wanted_megapixels(source, options) > LARGEST_PNG_MEGAPIXELS
    return "webp" if chosen == "png" and large else chosen


def least_megapixels(source: Source, options: PaidOptions) -> float:
    """A result is degraded if it is smaller; 0 where the size is the provider's to choose."""
    free = options.crop or options.resolution == "auto"
    return 0.0 if free else wanted_megapixels(source, options)


def inline(source: Source) -> dict[str, Any]:
    """A picture that travels within the call."""
    return {"type": "BASE64", "data": base64.b64encode(source.content).decode()}


def uploaded(upload_id: str) -> dict[str, Any]:
    """A picture that lies at the provider's."""
    return {"type": "UPLOADED", "id": upload_id}


def order(
    image: Mapping[str, Any], options: PaidOptions, image_format: str, own: LeonardoSettings
) -> dict[str, Any]:
    """The JSON that asks for one cutout; the size is always said, its default is in dispute."""
    parameters: dict[str, Any] = {
        "size": SIZES[options.resolution],
        "format": image_format,
        "type": options.foreground_type,
        "type_level": options.type_level,
        "guidances": {"image_reference": [{"image": dict(image)}]},
    }
    if options.region:
        parameters["roi"] = options.region
    if options.crop:
        parameters["crop"] = True
    if not options.semitransparency:
        parameters["semitransparency"] = False
    if options.shadow_type != "none":
        parameters["shadow_type"] = SHADOWS[options.shadow_type]
        parameters["shadow_opacity"] = options.shadow_opacity
    behind = options.removebg.background_image_url
    if behind is not None:
        image = {"type": "URL", "url": behind}
        parameters["guidances"]["background_image_reference"] = [{"image": image}]
    elif options.has_ground:
        parameters["bg_color"] = (options.background_color or "")[:6]
    for name in ("crop_margin", "scale", "position"):
        if (value := getattr(options.removebg, name)) is not None:
            parameters[name] = value
    asked: dict[str, Any] = {"model": "remove-bg", "public": False, "parameters": parameters}
    return asked | {"ephemeral": True} if own.ephemeral else asked


class Slot(NamedTuple):
    """Where one upload may be put."""

    upload_id: str
    url: str
    fields: Mapping[str, str]


def slot_in(told: Any) -> Slot | None:  # noqa: ANN401  any JSON
    """Where to upload; the form's fields come as JSON inside a string."""
    given = told.get("uploadInitImage") if isinstance(told, dict) else None
    if not isinstance(given, dict):
        return None
    fields = given.get("fields")
    if isinstance(fields, str):
        fields = as_json(fields)
    upload_id, url = given.get("id"), given.get("url")
    if not isinstance(fields, dict) or not isinstance(upload_id, str) or not is_address(url):
        return None
    return Slot(upload_id, str(url), {str(name): str(value) for name, value in fields.items()})


def as_json(text: str) -> Any:  # noqa: ANN401  any JSON
    """What a text holds; None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class Sold(NamedTuple):
    """A good answer of either call."""

    job_id: str
    results: list[Any] | None
    """Of the synchronous call; None where a job was begun."""
    blocked: bool
    charged: float | None
    """In the unit asked for, as far as the answer says it."""

    @property
    def address(self) -> str | None:
        """Where the picture is."""
        first = self.results[0] if self.results else None
        url = first.get("url") if isinstance(first, dict) else None
        return str(url) if is_address(url) else None


def sold_in(told: Any, unit: str) -> Sold | None:  # noqa: ANN401  any JSON
    """What an answer sold, wrapped or flat; None where it is no good answer."""
    inner = _unwrapped(told)
    results, job = inner.get("results"), inner.get("generationId")
    if not isinstance(results, list):
        if not isinstance(job, str) or not job:
            return None
        return Sold(job, None, blocked=False, charged=_charged(inner, unit))
    job = inner.get("id")
    return Sold(
        job_id=job if isinstance(job, str) and job else "sync",
        results=results,
        blocked=not results and bool(number(str(inner.get("blockedCount")))),
        charged=_charged(inner, unit),
    )


def _unwrapped(told: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON
    if not isinstance(told, dict):
        return {}
    inside = (told[name] for name in _WRAPPERS if isinstance(told.get(name), dict))
    return next(inside, told)


def _charged(inner: Mapping[str, Any], unit: str) -> float | None:
    """The price as stated; one in another unit says nothing here."""
    cost = inner.get("cost")
    if isinstance(cost, dict) and _UNITS.get(str(cost.get("unit")).upper()) == unit:
        return number(str(cost.get("amount")))
    return number(str(inner.get("apiCreditCost"))) if unit == "credits" else None


class Job(NamedTuple):
    """How far a job is."""

    status: str
    address: str | None


def job_in(told: Any) -> Job | None:  # noqa: ANN401  any JSON
    """What a poll says of a job; None where the job is not known. Raises `ValueError`."""
    if not isinstance(told, dict) or "generations_by_pk" not in told:
        raise ValueError("no answer of a poll")
    row = told["generations_by_pk"]
    if not isinstance(row, dict):
        return None
    images = row.get("generated_images")
    first = images[0] if isinstance(images, list) and images else None
    url = first.get("url") if isinstance(first, dict) else None
    return Job(str(row.get("status")).upper(), str(url) if is_address(url) else None)


def account_in(told: Any, own: LeonardoSettings, *, test: bool) -> Account | None:  # noqa: ANN401  any JSON
    """The balance in an answer of `/v1/me`; None where it is none.

    It is told in tokens. What a token is worth is not documented, so in money it is an estimate.
    """
    try:
        row = told["user_details"][0]
        told_tokens = {name: number(str(row.get(name))) for name in _POTS}
    except (LookupError, TypeError, AttributeError):
        return None
    worth = 1.0 if own.unit == "credits" else own.usd_per_token
    kinds = {name: tokens * worth for name, tokens in told_tokens.items() if tokens is not None}
    known = bool(worth) and ("apiPaidTokens" in kinds or any(kinds.values()))
    return Account(
        unit=own.unit,
        total=sum(kinds.values()) if known else math.inf,
        kinds=kinds if known else {},
        purchase_class=PurchaseClass.TEST if test else PurchaseClass.PAID,
    )


def price_of(own: LeonardoSettings) -> Price:
    """The same for every size: the guide names one price, and nothing by size is documented."""
    return Price(at_most=own.estimate(), likely=own.estimate())
