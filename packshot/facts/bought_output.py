"""A further picture of the same product that the provider makes in the same call, for a price."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from packshot.facts.colour import long_hex
from packshot.facts.picture_file import PictureFormat, PictureName

MOST_OUTPUTS: Final = 6
"""A receipt names them all, and is read from a master's first bytes."""
_CLEAR: Final = "00"


class BoughtOutput(BaseModel):
    """How it should look; the cutout itself is bought in any case, and named without it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PictureName
    format: PictureFormat = "png"
    background_color: Annotated[
        str | None, Field(description="Hex colour behind the product; empty keeps it transparent.")
    ] = None
    crop: Annotated[bool, Field(description="Let the provider crop to the subject.")] = False
    megapixels: Annotated[
        float | None, Field(gt=0, le=50, description="At most; by default those of the cutout.")
    ] = None

    @field_validator("background_color")
    @classmethod
    def _long_hex(cls, value: str | None) -> str | None:
        digits = None if value is None else long_hex(value)
        return None if digits is None or digits[6:] == _CLEAR else digits

    @model_validator(mode="after")
    def _jpeg_is_opaque(self) -> Self:
        if self.format == "jpeg" and self.background_color is None:
            raise ValueError(
                f"output `{self.name}`: JPEG has no transparency; "
                "give it a `background_color` such as `ffffff`"
            )
        return self

    def canonical(self) -> str:
        """JSON of all that tells its picture from another of the same product."""
        return self.model_dump_json(exclude={"name"}, exclude_defaults=True)
