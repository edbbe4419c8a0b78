"""Paid options that only remove.bg's wire format knows (its API reference)."""

from hashlib import blake2b
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

_LENGTH: Final = r"\d{1,4}(px|%)"
_SHARE: Final = r"(\d{1,2}|100)%"
_READ: Final = "content:"
"""Before the hash that stands for a file once it has been read."""


class RemoveBgOptions(BaseModel):
    """What is left at its default does not enter the fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crop_margin: Annotated[
        str | None,
        Field(
            pattern=rf"^{_LENGTH}( {_LENGTH}| {_LENGTH} {_LENGTH} {_LENGTH})?$",
            description="Space left around the subject by `crop`: one, two or four of px or %.",
        ),
    ] = None
    scale: Annotated[
        str | None,
        Field(
            pattern=r"^(original|[1-9]\d%|100%)$",
            description="Size of the subject in the picture, 10% to 100%, or `original`.",
        ),
    ] = None
    position: Annotated[
        str | None,
        Field(
            pattern=rf"^(original|center|{_SHARE}( {_SHARE})?)$",
            description="Where the subject stands: `original`, `center`, or one or two of %.",
        ),
    ] = None
    background_image_url: Annotated[
        str | None,
        Field(pattern=r"^https?://\S+$", description="Picture that is put behind the subject."),
    ] = None
    background_image_file: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The same from a file, by path or address. Its content is part of what is "
            "bought, not its name.",
        ),
    ] = None
    channels: Annotated[
        Literal["rgba", "alpha"],
        Field(description="`alpha`: only the mask comes back; the colours stay the source's own."),
    ] = "rgba"
    source_by_url: Annotated[
        bool,
        Field(
            description="Let the provider fetch the source itself, where it lies on the web and "
            "would be sent as it is. Such a purchase belongs to its URL alone."
        ),
    ] = False
    shadow_types: Annotated[
        str | None,
        Field(
            pattern=r"^[\w:=,;|%. -]{1,200}$",
            description="A shadow for each foreground type, in the words of the API reference; "
            "sent as it stands in place of `shadow_type`.",
        ),
    ] = None
    shadow_opacities: Annotated[
        str | None,
        Field(
            pattern=r"^[\w:=,;|%. -]{1,200}$",
            description="Their strengths, sent as they stand in place of `shadow_opacity`.",
        ),
    ] = None
    add_shadow: Annotated[
        bool, Field(description="Deprecated, as it is there: read as `shadow_type: auto`.")
    ] = False

    @property
    def has_ground(self) -> bool:
        """Whether a picture is put behind the product."""
        return bool(self.background_image_url or self.background_image_file)


def named_by_content(file: bytes) -> str:
    """What stands for a file in a purchase: its bytes, wherever they lie."""
    return f"{_READ}{blake2b(file, digest_size=32).hexdigest()}"
