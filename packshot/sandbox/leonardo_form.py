"""What a caller of Leonardo.Ai's remove-bg asks for: its JSON read, checked and understood."""

import base64
import binascii
import io
import json
from hashlib import blake2b
from typing import Annotated, Final, Literal, TypeVar

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from packshot.sandbox.cutting import (
    Wanted,
    fitted,
    parsed_colour,
    parsed_margins,
    parsed_region,
)
from packshot.sandbox.removebg_form import Size
from packshot.sandbox.removebg_form import look_at as look_at_jpeg_or_png
from packshot.sandbox.state import Refused

BAD_REQUEST: Final = "BAD_REQUEST"
SIZES: Final = {"preview": 0.25, "auto": 25.0, "full": 25.0, "50MP": 50.0}
MOST_MEGAPIXELS: Final = 50.0
_JSON: Final = "application/json"
ModelT = TypeVar("ModelT", bound=BaseModel)


class _Strict(BaseModel):
    """Unknown names and values of another type are refused, as the API's own schema has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ImageSource(_Strict):
    """Where one picture comes from."""

    type: Literal["URL", "BASE64", "UPLOADED", "GENERATED", "VARIATION"]
    url: str | None = None
    data: str | None = None
    id: str | None = None
    width: int | None = None
    height: int | None = None


class Reference(_Strict):
    """One picture, and its place among several; there is never more than one."""

    image: ImageSource
    order: int | None = None


One = Annotated[list[Reference], Field(min_length=1, max_length=1)]


class Guidances(_Strict):
    """The picture, and what may be put behind it."""

    image_reference: One
    background_image_reference: One | None = None


class Parameters(_Strict):
    """How it is to be cut out."""

    size: Literal["preview", "auto", "full", "50MP"] = "full"
    format: Literal["png", "jpg", "webp"] = "png"
    type: Literal[
        "auto", "person", "product", "car", "animal", "graphic", "transportation", "other"
    ] = "auto"
    type_level: Literal["none", "1", "2", "latest"] | None = None
    channels: Literal["rgba", "alpha"] = "rgba"
    bg_color: str | None = None
    crop: bool = False
    crop_margin: str | None = None
    roi: str = "0% 0% 100% 100%"
    scale: str = "original"
    position: str = "original"
    semitransparency: bool = True
    shadow_type: Literal["none", "drop", "3d", "car"] = "none"
    shadow_opacity: Annotated[int, Field(ge=0, le=100)] | None = None
    quantity: Annotated[int, Field(ge=1, le=1)] = 1
    guidances: Guidances

    def wanted(self, source: Size, png_megapixels: float, *, degraded: bool) -> Wanted:
        """What the answer shall look like; raises `Refused`."""
        most = SIZES["preview" if degraded else self.size]
        if self.format == "png":
            most = min(most, png_megapixels)
        width, height = fitted(*source, most)
        try:
            return Wanted(
                width,
                height,
                format=self.format,
                channels=self.channels,
                colour=parsed_colour(self.bg_color) if self.bg_color else None,
                region=parsed_region(self.roi, *source),
                crop=self.crop,
                margins=parsed_margins(self.crop_margin or "0px"),
            )
        except Refused as refusal:
            raise Refused(400, refusal.error["title"], BAD_REQUEST) from None

    def identity(self, content: bytes) -> str:
        """Name what is being bought: equal for equal pictures asked for in equal ways."""
        asked = self.model_dump(exclude_defaults=True, exclude={"format", "type_level"})
        asked.pop("guidances", None)
        digest = blake2b(content, digest_size=16)
        digest.update(json.dumps(asked, sort_keys=True).encode())
        return digest.hexdigest()


class Order(_Strict):
    """A request for one cutout, by a job."""

    model: Literal["remove-bg"]
    public: bool = False
    parameters: Parameters


class SyncOrder(Order):
    """A request for one cutout, at once."""

    ephemeral: bool = False
    base64: bool = False


class InitImage(_Strict):
    """A request for a place to upload to."""

    extension: str


async def read(request: Request, model: type[ModelT]) -> ModelT:
    """Read a JSON body; nothing else is taken. Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise Refused(400, f"Content-Type must be {_JSON}", BAD_REQUEST)
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise Refused(400, f"{where}: {wrong['msg']}", BAD_REQUEST) from None


def unpacked(encoded: str, most_bytes: int) -> bytes:
    """A picture from plain base64, on one line; raises `Refused`."""
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "data: invalid base64", BAD_REQUEST) from None
    if len(content) > most_bytes:
        raise Refused(400, "image exceeds the maximum size", BAD_REQUEST)
    return content


def look_at(content: bytes) -> Size:
    """Tell a picture's size from its first bytes; raises `Refused`."""
    try:
        if content[:4] != b"RIFF":
            return look_at_jpeg_or_png(content)
        with Image.open(io.BytesIO(content), formats=("WEBP",)) as picture:
            size = Size(*picture.size)
    except Refused as refusal:
        raise Refused(400, refusal.error["title"], BAD_REQUEST) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Refused(400, "image cannot be read", BAD_REQUEST) from None
    if size.megapixels > MOST_MEGAPIXELS:
        raise Refused(400, "image resolution too high", BAD_REQUEST)
    return size
