"""What reaches a provider and changes what it returns or costs; a purchase's fingerprint."""

import json
import re
from hashlib import blake2b
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

RESOLUTION_ALIASES = MappingProxyType(
    {"4k": "full", "small": "preview", "regular": "preview", "50mp": "50MP"}
)
"""Size names that remove.bg treats as equal (remove.bg API reference, `size`)."""

Resolution = Literal["full", "preview", "medium", "hd", "auto", "50MP"]
ForegroundType = Literal["auto", "person", "product", "car", "animal", "graphic", "transportation"]
_HEX_COLOUR = re.compile(r"[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8}")
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

    @property
    def has_ground(self) -> bool:
        """Whether the provider puts something behind the product that can be seen."""
        return self.background_color is not None and self.background_color[6:] != "00"

    def canonical(self) -> str:
        """JSON of what differs from the frozen defaults: sorted keys, no spaces."""
        chosen = self.model_dump(exclude_defaults=True)
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


def long_hex(colour: str) -> str:
    """`#FFF` → `ffffff`; three to eight hex digits, alpha kept. Raises `ValueError`."""
    digits = colour.strip().removeprefix("#").lower()
    if not _HEX_COLOUR.fullmatch(digits):
        msg = f"`{colour}` is no colour; write hex digits such as `ffffff` or `ffffff80`"
        raise ValueError(msg)
    return "".join(d * 2 for d in digits) if len(digits) <= 4 else digits


def fingerprint(content_hash: str, canonical_options: str) -> str:
    """Name a purchase, v1: 64 hex digits from the source's bytes and the options that matter."""
    body = f"packshot-fingerprint-v1\n{content_hash}\n{canonical_options}"
    return blake2b(body.encode(), digest_size=32).hexdigest()


def content_hash(content: bytes) -> str:
    """BLAKE2b-256 of a source's bytes, 64 hex digits."""
    return blake2b(content, digest_size=32).hexdigest()
