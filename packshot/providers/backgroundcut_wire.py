"""What goes to BackgroundCut and what comes back, as plain data. Nothing here sends anything.

Its API v3 is documented in several generations that exclude one another. `basic` is the two-step
one of stage.backgroundcut.co (upload-image, process-image); `production` is the one of
backgroundcut.co, where files lie under keys of the caller's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from secrets import token_hex
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field

from packshot.facts.bought_output import BoughtOutput
from packshot.facts.errors import BadOption, ImageRefused
from packshot.facts.paid_options import PaidOptions
from packshot.facts.purchase import Price
from packshot.providers.face import Source
from packshot.providers.own_settings import OwnSettings
from packshot.providers.removebg_wire import LARGEST_MEGAPIXELS, is_opaque
from packshot.providers.result_address import is_address

WHO: Final = "BackgroundCut"
UNIT: Final = "credits"
NO_SUCH_OPTION: Final = "option_not_supported"
LARGEST_RESULT_MEGAPIXELS: Final = 12.0
SMALL_MEGAPIXELS: Final = 1.0
SMALL_PRICE: Final = 0.5
FULL_PRICE: Final = 1.1
CROP_PRICE: Final = 0.5
FURTHER_PRICE: Final = 0.25
"""Of each output variant after the first (stage's page on several variants)."""
VARIANT: Final = "result"
FOLDER: Final = "packshot"
MINT_PATH: Final = "/v3/file-ops/get-public-url/"
"""Where the production site gives an address for a key."""

FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {"zip": "png", "png": "png", "json": "png", "webp": "webp", "jpg": "jpg"}
)
"""`wire_format` → the API's `format`; it knows neither ZIP nor pictures in JSON."""
UPLOADS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "JPEG": ("source.jpg", "image/jpeg"),
        "PNG": ("source.png", "image/png"),
        "WEBP": ("source.webp", "image/webp"),
    }
)
"""File name and type per format."""
HONOURED: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {
        "foreground_type": ("auto",),
        "type_level": ("latest", "none"),
        "region": (None,),
        "semitransparency": (True,),
        "shadow_type": ("none",),
    }
)
"""The values the API lives up to; it has no parameter for any other."""


class BackgroundCutSettings(OwnSettings):
    """What only this provider knows."""

    generation: Literal["basic", "production"] = "basic"
    """Which of the documented generations of v3 the key is for."""
    calls_per_minute: Annotated[float, Field(gt=0, le=100_000)] = 100.0
    """Requests of any kind, as the plan allows."""
    jpeg: Literal["jpg", "jpeg"] | None = None
    """What the API calls JPEG, where its documents for that generation are wrong."""


def check_options(options: PaidOptions, source: Source, wire_format: str) -> None:
    """Refuse by name what the API cannot do; raises `ImageRefused`."""
    for option, values in HONOURED.items():
        if getattr(options, option) not in values:
            raise _cannot(option, getattr(options, option))
    opaque = is_opaque(options.background_color)
    if options.has_ground and not opaque:
        raise _cannot("background_color", options.background_color)
    if FORMATS[wire_format] == "jpg" and not opaque:
        raise ImageRefused(
            "A JPEG cannot be transparent: set `wire_format` to png or webp, "
            "or ask for an opaque `background_color`.",
            NO_SUCH_OPTION,
        )
    asked = min(source.megapixels, LARGEST_MEGAPIXELS[options.resolution])
    if asked > LARGEST_RESULT_MEGAPIXELS and options.resolution != "auto":
        raise ImageRefused(
            f"{WHO} returns {LARGEST_RESULT_MEGAPIXELS:g} megapixels at most: set "
            f"`purchase_megapixels: {LARGEST_RESULT_MEGAPIXELS:g}` to send a smaller picture, or "
            "choose the `resolution` auto or hd.",
            "resolution_too_high",
        )


def check_outputs(outputs: Iterable[BoughtOutput]) -> None:
    """Refuse by name what the API cannot make; raises `BadOption`."""
    for output in outputs:
        ground = output.background_color
        if ground is not None and not is_opaque(ground):
            raise BadOption(
                f"{WHO} cannot honour `outputs.{output.name}.background_color: {ground}`, because "
                "its grounds are opaque: leave the last two digits out."
            )


def _cannot(option: str, wanted: object) -> ImageRefused:
    return ImageRefused(
        f"{WHO} cannot honour `{option}: {wanted}`: leave the option out or choose another "
        "provider.",
        NO_SUCH_OPTION,
    )


def megapixels_asked(options: PaidOptions) -> float:
    """The largest result that these options ask for."""
    return min(LARGEST_MEGAPIXELS[options.resolution], LARGEST_RESULT_MEGAPIXELS)


def wanted_megapixels(source: Source, options: PaidOptions) -> float:
    """Size of the result that was asked for; none is known where the provider crops."""
    return 0.0 if options.crop else min(source.megapixels, megapixels_asked(options))


def price_of(
    options: PaidOptions, outputs: Sequence[BoughtOutput], megapixels: float | None
) -> Price:
    """By the cutout's resolution, half a credit more for each crop, a quarter for each output.

    That a small result of a large picture is cheap is likely and said nowhere.
    """
    most = LARGEST_RESULT_MEGAPIXELS if megapixels is None else megapixels
    crops = options.crop + sum(output.crop for output in outputs)
    extra = CROP_PRICE * crops + FURTHER_PRICE * len(outputs)
    likely = _price_at(min(most, megapixels_asked(options)))
    return Price(at_most=_price_at(most) + extra, likely=likely + extra)


def _price_at(megapixels: float) -> float:
    return SMALL_PRICE if megapixels < SMALL_MEGAPIXELS else FULL_PRICE


class Asked(NamedTuple):
    """One output variant: the cutout, or what is made beside it."""

    name: str
    megapixels: float
    format: str
    crop: bool
    ground: str | None
    """Hex digits."""

    def fields(self) -> dict[str, Any]:
        """What both generations call alike; what could have several defaults is always said."""
        said: dict[str, Any] = {
            "max_resolution": round(self.megapixels * 1e6),
            "format": self.format,
            "quality": "high",
            "autocrop": self.crop,
        }
        return said if self.ground is None else said | {"background_color": f"#{self.ground[:6]}"}


def all_asked(
    options: PaidOptions, outputs: Iterable[BoughtOutput], wire_format: str, jpeg: str
) -> list[Asked]:
    """The cutout first, by whose size the call is priced; nothing is larger. `jpeg` names JPEG."""
    most = megapixels_asked(options)
    ground = options.background_color if options.has_ground else None
    cutout = FORMATS[wire_format].replace("jpg", jpeg)
    asked = [Asked(VARIANT, most, cutout, options.crop, ground)]
    for output in outputs:
        name, size = f"{VARIANT}-{output.name}", min(most, output.megapixels or most)
        image_format = output.format.replace("jpeg", jpeg)
        asked.append(Asked(name, size, image_format, output.crop, output.background_color))
    return asked


class Basic:
    """The two steps of the older site: the upload is given a name, results have addresses."""

    sign: Final = ("Authorization", "Bearer {key}")
    upload_path: Final = "/v3/remove-bg/upload-image/"
    process_path: Final = "/v3/remove-bg/process-image/"
    kept_seconds: Final = 0.0
    jpeg: Final = "jpg"

    def requests(self, outputs: int) -> int:  # noqa: ARG002 - results have addresses at once
        """Requests to the API that a picture takes with so many further ones."""
        return 2

    def upload_form(self, source: Source, digest: str) -> dict[str, Any]:  # noqa: ARG002 - both alike
        """What httpx sends for an upload."""
        name, media_type = UPLOADS[source.format]
        return {"files": {"image": (name, source.content, media_type)}}

    def uploaded(self, told: Any, source: Source, digest: str) -> str | None:  # noqa: ANN401, ARG002 - any JSON
        """The name an upload goes by, if the answer holds one."""
        name = told.get("unique_filename") if isinstance(told, dict) else None
        return name if isinstance(name, str) and name else None

    def order(self, name: str, asked: Iterable[Asked]) -> dict[str, Any]:
        """The JSON that asks for everything."""
        variants = [{"variant_name": one.name, **one.fields()} for one in asked]
        return {"unique_filename": name, "output_variants": variants}

    def results_in(self, told: Any, order: dict[str, Any]) -> list[str]:  # noqa: ANN401  any JSON
        """Where each picture of an order is; empty where the answer does not say so."""
        urls = told.get("output_urls") if isinstance(told, dict) else None
        found = urls if isinstance(urls, dict) else {}
        asked = [found.get(one["variant_name"]) for one in order["output_variants"]]
        return [str(url) if is_address(url) else "" for url in asked]


class Production:
    """The production site's: files lie under keys that we choose, addresses are asked for."""

    sign: Final = ("Authorization", "Token {key}")
    upload_path: Final = "/v3/file-ops/upload/"
    process_path: Final = "/v3/tools/ai/remove-bg/process/"
    kept_seconds: Final = 7_200.0
    jpeg: Final = "jpeg"

    def requests(self, outputs: int) -> int:
        """Requests to the API that a picture takes: each result's address is asked for."""
        return 3 + outputs

    def upload_form(self, source: Source, digest: str) -> dict[str, Any]:
        """What httpx sends for an upload."""
        name, media_type = UPLOADS[source.format]
        key = _input_key(source, digest)
        return {"files": {"file": (name, source.content, media_type)}, "data": {"key": key}}

    def uploaded(self, told: Any, source: Source, digest: str) -> str | None:  # noqa: ANN401  any JSON
        """The key an upload lies under; the answer says no more than that it does."""
        lies = isinstance(told, dict) and told.get("success") is True
        return _input_key(source, digest) if lies else None

    def order(self, name: str, asked: Iterable[Asked]) -> dict[str, Any]:
        """The JSON that asks for everything, under keys that nothing else has."""
        stem = f"{name.rpartition('.')[0]}-{token_hex(8)}"
        variants = [
            {"output_key": f"{stem}-{one.name}.{one.format}", **one.fields()} for one in asked
        ]
        return {"input_key": name, "output_variants": variants}

    def results_in(self, told: Any, order: dict[str, Any]) -> list[str]:  # noqa: ANN401  any JSON
        """The key each picture of an order lies under; empty where the answer does not say so.

        The server may lay files elsewhere than asked: what ends as its key does is the picture,
        and where none does, they go by their order.
        """
        keys = told.get("output_keys") if isinstance(told, dict) else None
        found = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
        asked = [one["output_key"] for one in order["output_variants"]]
        named = [next((key for key in found if key.endswith(own)), "") for own in asked]
        if any(named):
            return named
        lost = [""] * (len(asked) - 1)
        return found if len(found) == len(asked) else [*(found[:1] or [""]), *lost]


GENERATIONS: Final[Mapping[str, Basic | Production]] = MappingProxyType(
    {"basic": Basic(), "production": Production()}
)


def _input_key(source: Source, digest: str) -> str:
    return f"{FOLDER}/{digest}.{source.format.lower()}"
