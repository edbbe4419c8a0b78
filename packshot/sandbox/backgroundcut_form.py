"""What a caller of BackgroundCut's API asks for: its JSON read, checked and understood."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from io import BytesIO
from typing import Annotated, Any, Final, Literal

from PIL import ExifTags, Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from packshot.sandbox.cutting import Wanted, fitted, parsed_colour
from packshot.sandbox.removebg_form import Size
from packshot.sandbox.state import Refused

MAX_BYTES: Final = 12_000_000
MAX_PIXELS: Final = 12_000_000
PREVIEW_PIXELS: Final = 250_000
BAD_FILE: Final = "Invalid image format. Supported: PNG, JPG, JPEG, WebP"
NOT_SPELLED: Final = {"variant_name": "jpeg", "output_key": "jpg"}
"""How JPEG is not called where pictures are named so."""
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height


class Variant(BaseModel):
    """One of the pictures that are asked for."""

    model_config = ConfigDict(extra="forbid")

    variant_name: str = ""
    output_key: str = ""
    max_resolution: Annotated[int, Field(ge=1, le=MAX_PIXELS)] = MAX_PIXELS
    format: Literal["png", "jpg", "jpeg", "webp"] = "png"
    quality: Literal["low", "medium", "high"] = "high"
    background_color: str | None = None
    output_compression: Annotated[int, Field(ge=1, le=100)] = 85
    autocrop: bool = False

    @property
    def name(self) -> str:
        """What the caller calls it."""
        return self.variant_name or self.output_key

    def wanted(self, source: Size, *, degraded: bool) -> Wanted:
        """What it shall look like; raises `Refused`."""
        most = min(self.max_resolution, PREVIEW_PIXELS) if degraded else self.max_resolution
        width, height = fitted(*source, most / 1e6)
        plain = self.background_color in {None, "", "transparent"}
        try:
            colour = None if plain else parsed_colour(self.background_color or "")
        except Refused:
            raise Refused(400, "Invalid background_color.") from None
        image_format = self.format.replace("jpeg", "jpg")
        return Wanted(width, height, format=image_format, colour=colour, crop=self.autocrop)

    def asked(self) -> Mapping[str, Any]:
        """What tells two purchases apart; names and encodings do not."""
        return self.model_dump(include={"max_resolution", "background_color", "autocrop"})


class Order(BaseModel):
    """A request for one picture or several."""

    unique_filename: str = ""
    input_key: str = ""
    output_variants: Annotated[list[Variant], Field(min_length=1)]


async def read_json(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object; raises `Refused`."""
    try:
        told = json.loads(await request.body())
    except ValueError:
        raise Refused(400, "JSON parse error") from None
    return told if isinstance(told, dict) else {}


async def read_order(request: Request, naming: str) -> Order:
    """Read what is asked for; every picture needs the caller's name for it."""
    try:
        order = Order.model_validate(await read_json(request))
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise Refused(400, f"{where}: {wrong['msg']}") from None
    if not all(getattr(each, naming) for each in order.output_variants):
        raise Refused(400, f"output_variants: {naming} is required.")
    if any(each.format == NOT_SPELLED[naming] for each in order.output_variants):
        raise Refused(400, f"output_variants: format {NOT_SPELLED[naming]} is not supported.")
    return order


def identity(content: bytes, asked: list[Mapping[str, Any]]) -> str:
    """Name what is being bought: equal for equal pictures asked for in equal ways."""
    digest = blake2b(content, digest_size=16)
    digest.update(json.dumps(asked, sort_keys=True).encode())
    return digest.hexdigest()


def look_at(content: bytes) -> Size:
    """Tell a picture's size from its first bytes; raises `Refused`."""
    if len(content) > MAX_BYTES:
        raise Refused(413, "File size exceeds 12MB limit")
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as picture:
            turn = picture.getexif().get(ExifTags.Base.Orientation)
            width, height = picture.size
            sideways = picture.format == "JPEG" and turn in _SIDEWAYS
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Refused(400, BAD_FILE) from None
    return Size(height, width) if sideways else Size(width, height)
