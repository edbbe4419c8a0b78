"""What a caller of Photoroom's API asks for, understood, and the pictures it gets."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from PIL import ExifTags, Image, UnidentifiedImageError

from packshot.sandbox.cutting import (
    CONTENT_TYPES,
    Cutout,
    Kind,
    Rgba,
    Wanted,
    cut_out,
    fitted,
    parsed_colour,
)
from packshot.sandbox.removebg_form import Size
from packshot.sandbox.state import Refused

MAX_BYTES: Final = 50_000_000
LONGEST_SIDE: Final = 6_000
SIZES: Final[Mapping[str, float]] = MappingProxyType(
    {"preview": 0.25, "medium": 1.5, "hd": 4.0, "full": 36.0}
)
"""Name → megapixels of the result at most."""
_PLAYED: Final = (
    "imageUrl removeBackground outputSize maxWidth maxHeight referenceBox scaling padding "
    "background.color shadow.mode shadow.intensityOverride export.format"
)
PLAYED: Final = frozenset(_PLAYED.split())
"""Parameters of `edit` that are read here; a shadow is taken and not drawn."""
_ACCEPTED: Final = frozenset({"PNG", "JPEG", "WEBP"})
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})  # EXIF orientations that swap width and height
_ENCODERS: Final = MappingProxyType({"png": "PNG", "jpg": "JPEG", "webp": "WEBP"})
_WIDEST_PADDING: Final = 0.49


def look_at(content: bytes) -> Size:
    """Tell a picture's size from its first bytes; raises `Refused`."""
    if len(content) > MAX_BYTES:
        raise Refused(413, "The image file is too large.", "file_too_large")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            kind, (width, height) = picture.format, picture.size
            turn = picture.getexif().get(ExifTags.Base.Orientation) if kind == "JPEG" else 1
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise Refused(400, "The image could not be read.", "invalid_image") from None
    except Image.DecompressionBombError:
        width = height = LONGEST_SIDE + 1
        kind, turn = "PNG", 1
    if kind not in _ACCEPTED:
        raise Refused(400, "The image must be a PNG, JPEG or WEBP file.", "invalid_file_type")
    if max(width, height) > LONGEST_SIDE:
        raise Refused(400, "The image has too many pixels.", "resolution_too_high")
    return Size(height, width) if turn in _SIDEWAYS else Size(width, height)


def one_of(asked: Mapping[str, str], name: str, default: str, *others: str) -> str:
    """A parameter that has few values; raises `Refused`."""
    value = asked.get(name) or default
    if value not in {default, *others}:
        told = ", ".join((default, *others))
        raise Refused(400, f"{name} must be one of {told}", f"invalid_{name}")
    return value


def segment(asked: Mapping[str, str], source: Size, *, degraded: bool = False) -> Wanted:
    """What `segment` makes of a picture; raises `Refused`."""
    one_of(asked, "despill", "false", "true")
    size = one_of(asked, "size", "full", "hd", "medium", "preview")
    width, height = fitted(*source, SIZES["preview" if degraded else size])
    return Wanted(
        width,
        height,
        format=one_of(asked, "format", "png", "jpg", "webp"),
        channels=one_of(asked, "channels", "rgba", "alpha"),
        colour=_colour(asked.get("bg_color", "")),
        crop=one_of(asked, "crop", "false", "true") == "true",
    )


@dataclass(frozen=True, slots=True)
class Edit:
    """What `edit` makes of a picture."""

    source: Size
    output: tuple[int, int] | None
    """None for the size of the subject."""
    largest: tuple[float, float]
    keeps_frame: bool
    fills: bool
    padding: float
    """As a share of the output's sides, or in pixels from 1 on."""
    colour: Rgba | None
    format: str


def edit(asked: Mapping[str, str], source: Size, *, degraded: bool = False) -> Edit:
    """Read an edit; raises `Refused`."""
    if asked.get("removeBackground", "true") not in {"true", "false"}:
        raise Refused(400, "removeBackground must be boolean")
    size = asked.get("outputSize") or "auto"
    if not re.fullmatch(r"auto|\d+x\d+|originalImage|croppedSubject", size):
        raise Refused(400, "outputSize is not valid")
    output: tuple[int, int] | None = source
    if "x" in size and size[0].isdigit():
        width, height = map(int, size.split("x"))
        output = (width, height)
    if degraded:
        output = fitted(*source, SIZES["preview"])
    reference = one_of(asked, "referenceBox", "subjectBox", "originalImage")
    cropped = size == "croppedSubject"
    format_ = one_of(asked, "export.format", "png", "jpeg", "jpg", "webp")
    return Edit(
        source,
        None if cropped else output,
        (_number(asked, "maxWidth"), _number(asked, "maxHeight")),
        keeps_frame=reference == "originalImage" and size in {"auto", "originalImage"},
        fills=one_of(asked, "scaling", "fit", "fill") == "fill",
        padding=_padding(asked.get("padding") or "0"),
        colour=_colour(asked.get("background.color", "")),
        format=format_.replace("jpeg", "jpg"),
    )


def edited(content: bytes, wish: Edit, kind: Kind) -> Cutout:
    """Cut out and place; raises `Refused` where the picture cannot be read or cut."""
    if wish.keeps_frame and wish.output is not None:
        width, height = _within(wish.output, wish.largest)
        wanted = Wanted(width, height, format=wish.format, colour=wish.colour)
        return cut_out(content, wanted, kind)
    cut = cut_out(content, Wanted(*wish.source, format="png", crop=True), kind)
    with Image.open(io.BytesIO(cut.content)) as picture:
        subject = picture.convert("RGBA")
    return _encoded(_placed(subject, wish), wish, cut)


def _placed(subject: Image.Image, wish: Edit) -> Image.Image:
    """The subject in the middle of the output, as large as it may be."""
    width, height = _within(wish.output or subject.size, wish.largest)
    share = wish.padding if wish.padding < 1 else wish.padding / max(width, height)
    ways = (width * (1 - 2 * share) / subject.width, height * (1 - 2 * share) / subject.height)
    scale = max(ways) if wish.fills else min(ways)
    size = (max(1, round(subject.width * scale)), max(1, round(subject.height * scale)))
    canvas = Image.new("RGBA", (width, height))
    canvas.paste(subject.resize(size), ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


def _encoded(picture: Image.Image, wish: Edit, cut: Cutout) -> Cutout:
    ground = wish.colour or ((255, 255, 255, 255) if wish.format == "jpg" else None)
    if ground is not None:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, ground), picture)
    body = io.BytesIO()
    mode = "RGB" if wish.format == "jpg" else "RGBA"
    picture.convert(mode).save(body, _ENCODERS[wish.format])
    return Cutout(body.getvalue(), CONTENT_TYPES[wish.format], *picture.size, cut.box)


def _within(size: tuple[int, int], largest: tuple[float, float]) -> tuple[int, int]:
    scale = min(1.0, *(most / side for most, side in zip(largest, size, strict=True)))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _number(asked: Mapping[str, str], name: str) -> float:
    """A number that is the most; endless where nothing is said."""
    text = asked.get(name) or "inf"
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise Refused(400, f"{name} must be a positive number")
    return value


def _padding(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%|px)?", text)
    if not match:
        raise Refused(400, "padding is not valid")
    value = float(match[1]) / (100 if match[2] == "%" else 1)
    if match[2] != "px" and value > _WIDEST_PADDING:
        raise Refused(400, "padding must be between 0 and 0.49")
    return value


def _colour(text: str) -> Rgba | None:
    return None if text in {"", "transparent"} else parsed_colour(text)
