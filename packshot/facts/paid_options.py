"""What reaches a provider and changes what it returns or costs; a purchase's fingerprint."""

import json
import re
from collections.abc import Collection
from hashlib import blake2b
from math import isqrt
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from packshot.facts.colour import long_hex
from packshot.facts.removebg_options import RemoveBgOptions

RESOLUTION_ALIASES = MappingProxyType(
    {"4k": "full", "small": "preview", "regular": "preview", "50mp": "50MP"}
)
"""Size names that remove.bg treats as equal (remove.bg API reference, `size`)."""

Resolution = Literal["full", "preview", "medium", "hd", "auto", "50MP"]
ForegroundType = Literal["auto", "person", "product", "car", "animal", "graphic", "transportation"]
MOST_MEGAPIXELS: Final = 50
"""More is not taken by any provider."""
_REGION = re.compile(" ".join([r"(\d+(?:\.\d+)?(?:px|%))"] * 4), re.ASCII)


class PaidOptions(BaseModel):
    """Options of a purchase in one vocabulary for all providers.

    A field left at its default does not enter the fingerprint, so new options
    can be added without buying a catalog again. Defaults are frozen: v1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resolution: Annotated[
        Resolution,
        Field(description="Size of the cutout bought. `full` keeps up to 25 megapixels."),
    ] = "full"
    foreground_type: Annotated[
        ForegroundType, Field(description="What the picture shows; `auto` lets the provider tell.")
    ] = "auto"
    type_level: Annotated[
        Literal["none", "1", "2", "latest"],
        Field(description="How finely the provider names the foreground it found."),
    ] = "latest"
    region: Annotated[
        str | None,
        Field(description="Only this region counts as foreground: `x1 y1 x2 y2` in px or %."),
    ] = None
    crop: Annotated[bool, Field(description="Let the provider crop to the subject.")] = False
    semitransparency: Annotated[
        bool, Field(description="Keep windows and glass half transparent where supported.")
    ] = True
    shadow_type: Annotated[
        Literal["none", "auto", "drop", "car", "3D"],
        Field(description="Shadow drawn by the provider."),
    ] = "none"
    shadow_opacity: Annotated[
        int, Field(ge=0, le=100, description="Strength of that shadow in percent.")
    ] = 70
    background_color: Annotated[
        str | None, Field(description="Colour the provider puts behind, hex, alpha allowed.")
    ] = None
    removebg: Annotated[
        RemoveBgOptions, Field(description="What only remove.bg's wire format knows.")
    ] = RemoveBgOptions()
    purchase_megapixels: Annotated[
        Annotated[int, Field(ge=1, le=MOST_MEGAPIXELS)] | Literal["auto"] | None,
        Field(
            description="Shrink larger sources to this many megapixels before they are sent: "
            "a whole number from 1 to 50, or `auto` for what the variants need. It saves time "
            "at the provider's pace."
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _deprecated_shadow(cls, told: object) -> object:
        """`add_shadow` is what `shadow_type: auto` was called before."""
        if not isinstance(told, dict):
            return told
        own = told.get("removebg")
        if not isinstance(own, dict) or str(own.get("add_shadow")).lower() not in {"true", "1"}:
            return told
        plain = {name: value for name, value in own.items() if name != "add_shadow"}
        shadow = told["shadow_type"] if told.get("shadow_type", "none") != "none" else "auto"
        return {**told, "removebg": plain, "shadow_type": shadow}

    @field_validator("resolution", mode="before")
    @classmethod
    def _resolution_alias(cls, value: object) -> object:
        return (
            RESOLUTION_ALIASES.get(value.strip().lower(), value.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("region")
    @classmethod
    def _region_shape(cls, value: str | None) -> str | None:
        if value is not None and not _REGION.fullmatch(value := " ".join(value.split())):
            msg = "write a region as four numbers with px or %, for example `10% 20% 90% 80%`"
            raise ValueError(msg)
        return value

    @field_validator("background_color")
    @classmethod
    def _long_hex(cls, value: str | None) -> str | None:
        return None if value is None else long_hex(value)

    @field_validator("purchase_megapixels", mode="before")
    @classmethod
    def _whole_megapixels(cls, value: object) -> object:
        text = str(value).strip().lower()
        if value is None or text == "auto":
            return None if value is None else text
        if not text.isdecimal() or not 1 <= int(text) <= MOST_MEGAPIXELS:
            raise ValueError(
                f"`{value}` is no size; write whole megapixels from 1 to {MOST_MEGAPIXELS}, "
                "such as `4`, or `auto`"
            )
        return int(text)

    @model_validator(mode="after")
    def _one_ground(self) -> Self:
        own = self.removebg
        grounds = (self.background_color, own.background_image_url, own.background_image_file)
        if sum(ground is not None for ground in grounds) > 1:
            raise ValueError("a picture has one ground: give a colour, an image's URL or its file")
        if self.removebg.crop_margin and not self.crop:
            raise ValueError("a `crop_margin` needs `crop`; set both, or leave the margin out")
        return self

    @model_validator(mode="after")
    def _mask_alone(self) -> Self:
        """A mask is laid over the source, so nothing may have been moved or drawn."""
        own = self.removebg
        shadow = self.shadow_type != "none" or own.shadow_types is not None
        moved = own.scale not in {None, "original"} or own.position not in {None, "original"}
        if own.channels == "alpha" and (self.crop or moved or shadow or self.has_ground):
            raise ValueError(
                "`channels: alpha` brings a mask of the whole picture: leave out what crops, "
                "moves or draws (`crop`, `scale`, `position`, shadows, grounds)"
            )
        return self

    @model_validator(mode="after")
    def _region_survives_shrinking(self) -> Self:
        if self.purchase_megapixels is not None and self.region and "px" in self.region:
            raise ValueError(
                "with `purchase_megapixels` pictures are shrunk before they are sent, and a "
                "`region` in px would lie elsewhere in them; write the region in %"
            )
        return self

    @property
    def has_ground(self) -> bool:
        """Whether the provider puts something behind the product that can be seen."""
        if self.removebg.has_ground:
            return True
        return self.background_color is not None and self.background_color[6:] != "00"

    @property
    def shrunk_to(self) -> int | None:
        """Megapixels that no source exceeds when it is sent; None for sources sent whole.

        Raises `ValueError` for an `auto` that nobody has settled: it names no purchase.
        """
        if self.purchase_megapixels == "auto":
            raise ValueError("`purchase_megapixels: auto` must be settled by the variants first")
        return self.purchase_megapixels

    def canonical(self) -> str:
        """JSON of what differs from the frozen defaults: sorted keys, no spaces."""
        chosen = self.model_dump(exclude_defaults=True, exclude={"purchase_megapixels"})
        if self.shrunk_to is not None:
            chosen["purchase_megapixels"] = self.shrunk_to
        return json.dumps(chosen, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """Read back what `canonical` wrote."""
        return cls.model_validate_json(text)

    def overridden(self, **row: str | None) -> Self:
        """The options of one row: a cell that is filled in wins over the job.

        Raises `pydantic.ValidationError` when a cell holds no valid value.
        """
        given = {name: value for name, value in row.items() if value}
        return self.model_validate(self.model_dump() | given) if given else self

    def settled(self, needed: int | None) -> Self:
        """With `auto` replaced by the megapixels that suffice; None sends pictures whole.

        What the provider crops to the product may be a small part of the picture: whole, too.
        """
        if self.purchase_megapixels != "auto":
            return self
        return self.model_copy(update={"purchase_megapixels": None if self.crop else needed})

    def sent_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a source as it is sent; nothing is enlarged."""
        most = self.shrunk_to
        return (width, height) if most is None else within(width, height, most)

    def of_source(self, width: int, height: int) -> Self:
        """The options that name a source's purchase: one that is small enough is bought whole."""
        if self.sent_size(width, height) != (width, height):
            return self
        return self.model_copy(update={"purchase_megapixels": None})

    def that_do(self, width: int, height: int, sizes: Collection[int]) -> list[Self]:
        """Options of a source's purchases that give all that is asked for, the smallest first.

        `sizes` are the megapixels that any purchase was shrunk to; the last one is whole.
        """
        own = self.of_source(width, height).shrunk_to
        shrunk: list[int] = []
        if own is not None:
            larger = (n for n in sorted(sizes) if n > own and n * 1_000_000 < width * height)
            shrunk = [own, *larger]
        return [self.model_copy(update={"purchase_megapixels": n}) for n in [*shrunk, None]]


def within(width: int, height: int, megapixels: int) -> tuple[int, int]:
    """The largest size of the same shape that has no more pixels; a smaller one stays as it is.

    The longer side is never shorter than that of a square of as many pixels.
    """
    pixels = megapixels * 1_000_000
    if width * height <= pixels:
        return width, height
    longer, shorter = max(width, height), min(width, height)
    long = min(longer, isqrt(pixels * longer // shorter))  # whole numbers: no rounding to miss by
    short = max(1, min(round(long * shorter / longer), pixels // long))
    return (long, short) if width >= height else (short, long)


def fingerprint(content_hash: str, canonical_options: str) -> str:
    """Name a purchase, v1: 64 hex digits from the source's bytes and the options that matter."""
    body = f"packshot-fingerprint-v1\n{content_hash}\n{canonical_options}"
    return blake2b(body.encode(), digest_size=32).hexdigest()


def content_hash(content: bytes) -> str:
    """BLAKE2b-256 of a source's bytes, 64 hex digits."""
    return blake2b(content, digest_size=32).hexdigest()
