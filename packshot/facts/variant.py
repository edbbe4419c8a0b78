"""How a picture made from a master should look. Free, and remade at will."""

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from packshot.facts.bought_output import BoughtOutput
from packshot.facts.colour import long_hex
from packshot.facts.paid_options import MOST_MEGAPIXELS
from packshot.facts.picture_file import CONTENT_TYPES, SUFFIXES, PictureFormat, PictureName


class Variant(BaseModel):
    """One wanted picture per item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PictureName = "cutout"
    format: PictureFormat = "png"
    background: Annotated[
        str | None, Field(description="Hex colour behind the product; empty keeps it transparent.")
    ] = None
    crop: Annotated[bool, Field(description="Crop to the product.")] = False
    margin: Annotated[
        float,
        Field(
            ge=0, lt=0.5, description="Free border, as a share of the longer side of the product."
        ),
    ] = 0.0
    square: Annotated[bool, Field(description="Pad to a square canvas.")] = False
    longest_side: Annotated[
        int | None, Field(ge=16, le=10000, description="Pixels; smaller pictures stay as they are.")
    ] = None
    quality: Annotated[int, Field(ge=1, le=100, description="Of WebP and JPEG.")] = 90

    @field_validator("background")
    @classmethod
    def _long_hex(cls, value: str | None) -> str | None:
        return None if value is None else long_hex(value)

    @model_validator(mode="after")
    def _jpeg_is_opaque(self) -> "Variant":
        if self.format == "jpeg" and (self.background is None or len(self.background) != 6):
            raise ValueError(
                f"variant `{self.name}`: JPEG has no transparency; "
                "give it a background such as `ffffff`"
            )
        return self

    @property
    def suffix(self) -> str:
        """File name ending, without the dot."""
        return SUFFIXES[self.format]

    @property
    def content_type(self) -> str:
        """For the object store."""
        return CONTENT_TYPES[self.format]

    def canonical(self) -> str:
        """JSON of what differs from the defaults, the name left out."""
        chosen = self.model_dump(exclude_defaults=True, exclude={"name"}) | {"format": self.format}
        return json.dumps(chosen, sort_keys=True, separators=(",", ":"))


def recipe(variants: Iterable[Variant], outputs: Iterable[BoughtOutput] = ()) -> str:
    """Name what is published: 16 hex digits, equal when the pictures would be equal."""
    lines = sorted(f"{variant.name} {variant.canonical()}" for variant in variants)
    lines += sorted(f"bought {output.name} {output.canonical()}" for output in outputs)
    body = "\n".join(lines)
    return blake2b(body.encode(), digest_size=8).hexdigest()


def megapixels_needed(variants: Iterable[Variant]) -> int | None:
    """Whole megapixels that any source may be shrunk to without a variant coming out smaller.

    None where only the whole source is sure to do: a variant without a longest side keeps all
    pixels, and one that is cropped shows the product alone, a share of the picture that nobody
    knows yet.
    """
    sides = [None if variant.crop else variant.longest_side for variant in variants]
    bounded = [side for side in sides if side is not None]
    if not bounded or len(bounded) < len(sides):
        return None
    # A square of this side: pictures of any other shape are longer at as many pixels.
    needed = -(-(max(bounded) ** 2) // 1_000_000)
    return needed if needed <= MOST_MEGAPIXELS else None


def picture_id(result_hash: str, variant: Variant) -> str:
    """Eight hex digits that change when the picture does; part of its file name."""
    return blake2b(f"{result_hash}\n{variant.canonical()}".encode(), digest_size=4).hexdigest()
