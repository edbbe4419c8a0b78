"""Make the pictures the sandbox answers with: cut, shape, encode. Nothing here knows HTTP or money.

Sizes and shapes follow what remove.bg was seen to do: width and height are rounded to nearest,
nothing is enlarged, a ZIP holds color.jpg and then alpha.png, stored, colour is black where
nothing is visible.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from packshot.sandbox.state import Refused
from packshot.world.studio_cut import cut_from_studio

Rgba = tuple[int, int, int, int]
Kind = Literal["studio", "canned"]
OPAQUE: Final = 255
QUALITY: Final = 90
WIDEST_MARGIN: Final = 500  # px; the API reference's cap, beside half of the subject
CONTENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "zip": "application/zip"}
)
_LENGTH: Final = r"(-?\d+(?:\.\d+)?)(px|%)"
_HEX: Final = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)


class Length(NamedTuple):
    """A number of pixels, or a share of some whole."""

    value: float
    unit: str

    def of(self, whole: int) -> float:
        """The length in pixels."""
        return self.value * whole / 100 if self.unit == "%" else self.value


NO_MARGIN: Final = (Length(0, "px"),) * 4
WHOLE: Final = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the answer shall look like."""

    width: int
    height: int
    format: str = "auto"
    channels: str = "rgba"
    colour: Rgba | None = None
    region: tuple[float, float, float, float] = WHOLE
    """Left, top, right, bottom as shares of the frame; what lies outside is background."""
    crop: bool = False
    margins: tuple[Length, ...] = NO_MARGIN
    """Top, right, bottom, left."""


class Box(NamedTuple):
    """The foreground in pixels of the uncropped result."""

    left: int
    top: int
    width: int
    height: int


class Cutout(NamedTuple):
    """An encoded answer."""

    content: bytes
    content_type: str
    width: int
    height: int
    box: Box


class _Layers(NamedTuple):
    """A picture taken apart."""

    frame: Image.Image  # RGB, the background still there
    cutout: Image.Image  # RGBA


def fitted(width: int, height: int, megapixels: float) -> tuple[int, int]:
    """The size of a picture shrunk to an area; a smaller one stays as it is."""
    scale = sqrt(megapixels * 1e6 / (width * height))
    if scale >= 1:
        return width, height
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def parsed_lengths(text: str, code: str) -> list[Length]:
    """Read `10% 20px …`; nothing needs no unit. Raises `Refused` with the code."""
    found = [re.fullmatch(_LENGTH, "0px" if word == "0" else word) for word in text.split()]
    if not all(found):
        raise Refused.by_code(code)
    return [Length(float(match[1]), match[2]) for match in found if match]


def parsed_region(text: str, width: int, height: int) -> tuple[float, float, float, float]:
    """Read a region of interest; raises `Refused`."""
    corners = parsed_lengths(text, "invalid_roi")
    if len(corners) != len(WHOLE):
        raise Refused.by_code("invalid_roi")
    xs = sorted(corners[i].of(width) / width for i in (0, 2))
    ys = sorted(corners[i].of(height) / height for i in (1, 3))
    if xs[0] < 0 or ys[0] < 0 or xs[1] > 1 or ys[1] > 1:
        raise Refused.by_code("roi_exceeds_bounds")
    if xs[0] == xs[1] or ys[0] == ys[1]:
        raise Refused.by_code("roi_region_empty")
    return xs[0], ys[0], xs[1], ys[1]


def parsed_margins(text: str) -> tuple[Length, ...]:
    """Read one, two or four margins as top, right, bottom, left; raises `Refused`."""
    given = parsed_lengths(text, "invalid_crop_margin")
    order = {1: (0, 0, 0, 0), 2: (0, 1, 0, 1), 4: (0, 1, 2, 3)}.get(len(given))
    if order is None or any(margin.value < 0 for margin in given):
        raise Refused.by_code("invalid_crop_margin")
    return tuple(given[i] for i in order)


def parsed_colour(text: str) -> Rgba:
    """Read hex digits, alpha last, or a colour's name; raises `Refused`."""
    digits = _HEX.fullmatch(text)
    try:
        colour = ImageColor.getcolor(f"#{digits[1]}" if digits else text, "RGBA")
    except ValueError:
        raise Refused.by_code("invalid_bg_color") from None
    red, green, blue, alpha = colour if isinstance(colour, tuple) else (colour,) * 4
    return red, green, blue, alpha


def cut_out(source: bytes, wanted: Wanted, kind: Kind, backdrop: bytes | None = None) -> Cutout:
    """Make the answer for one picture; raises `Refused` where it cannot be read or cut."""
    if kind == "canned" and backdrop is None:
        return _canned_answer(wanted)
    size = (wanted.width, wanted.height)
    layers = _canned_layers(*size) if kind == "canned" else _studio_layers(source, size)
    return _finished(layers, wanted, None if backdrop is None else _decoded(backdrop, size))


@lru_cache(maxsize=256)
def _canned_answer(wanted: Wanted) -> Cutout:
    return _finished(_canned_layers(wanted.width, wanted.height), wanted, None)


@lru_cache(maxsize=4)
def _canned_layers(width: int, height: int) -> _Layers:
    """Draw an ellipse with a soft rim on pale paper."""
    x = (np.arange(width, dtype=np.float32) + 0.5) / width * 2 - 1
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height * 2 - 1
    away = np.sqrt(x * x + y * y)
    alpha = np.clip((0.8 - away) * min(width, height) / 4 + 0.5, 0, 1)
    paper = np.array([244, 244, 242], np.float32)
    product = np.array([176, 84, 58], np.float32)
    frame = paper + alpha[:, :, None] * (product - paper)
    solid = np.broadcast_to(product.astype(np.uint8), (height, width, 3))
    return _layers(frame.astype(np.uint8), solid, (alpha * OPAQUE).astype(np.uint8))


def _studio_layers(source: bytes, size: tuple[int, int]) -> _Layers:
    rgb = np.array(_decoded(source, size).resize(size, Image.Resampling.LANCZOS))
    cut = cut_from_studio(rgb)
    return _layers(np.where(cut.alpha[:, :, None] > 0, cut.colour, rgb), cut.colour, cut.alpha)


def _layers(
    frame: NDArray[np.uint8], colour: NDArray[np.uint8], alpha: NDArray[np.uint8]
) -> _Layers:
    visible = np.where(alpha[:, :, None] > 0, colour, 0).astype(np.uint8)
    cutout = np.dstack([visible, alpha])
    return _Layers(Image.fromarray(frame), Image.fromarray(cutout))


def _decoded(content: bytes, at_least: tuple[int, int]) -> Image.Image:
    """Decode a picture upright, a JPEG no finer than needed."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.draft("RGB", (max(at_least), max(at_least)))
            upright = ImageOps.exif_transpose(picture) if picture.format == "JPEG" else picture
            return upright.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise Refused.by_code("failed_to_read_image") from error


def _finished(layers: _Layers, wanted: Wanted, backdrop: Image.Image | None) -> Cutout:
    """Apply region, crop and background, and encode."""
    cutout = _within_region(layers.cutout, wanted.region)
    bounds = cutout.getchannel("A").getbbox()
    if bounds is None:
        raise Refused.by_code("unknown_foreground")
    left, top, right, bottom = bounds
    box = Box(left, top, right - left, bottom - top)
    frame = layers.frame
    if wanted.crop:
        around = _with_margins(box, wanted.margins)
        frame, cutout = frame.crop(around), cutout.crop(around)
    composed = _on_background(cutout, wanted.colour, backdrop)
    if wanted.format == "zip":
        content, format_ = _zipped(frame, cutout.getchannel("A")), "zip"
    else:
        picture = composed.getchannel("A") if wanted.channels == "alpha" else composed
        format_ = _chosen_format(wanted.format, picture)
        content = _encoded(picture, format_)
    return Cutout(content, CONTENT_TYPES[format_], *cutout.size, box)


def _within_region(cutout: Image.Image, region: tuple[float, float, float, float]) -> Image.Image:
    if region == WHOLE:
        return cutout
    sizes = (*cutout.size, *cutout.size)
    inside = [round(share * side) for share, side in zip(region, sizes, strict=True)]
    corner = (inside[0], inside[1])
    empty = Image.new("RGBA", cutout.size)
    empty.paste(cutout.crop((*corner, inside[2], inside[3])), corner)
    return empty


def _with_margins(box: Box, margins: tuple[Length, ...]) -> tuple[int, int, int, int]:
    heights_and_widths = (box.height, box.width, box.height, box.width)
    top, right, bottom, left = (
        round(min(margin.of(whole), whole / 2, WIDEST_MARGIN))
        for margin, whole in zip(margins, heights_and_widths, strict=True)
    )
    return (
        box.left - left,
        box.top - top,
        box.left + box.width + right,
        box.top + box.height + bottom,
    )


def _on_background(
    cutout: Image.Image, colour: Rgba | None, backdrop: Image.Image | None
) -> Image.Image:
    if backdrop is not None:
        ground = ImageOps.fit(backdrop, cutout.size).convert("RGBA")
    elif colour is not None and colour[3]:
        ground = Image.new("RGBA", cutout.size, colour)
    else:
        return cutout
    return Image.alpha_composite(ground, cutout)


def _chosen_format(asked: str, picture: Image.Image) -> str:
    """`auto` is a PNG where something is transparent, else a JPEG; a bare alpha is a JPEG."""
    if asked != "auto":
        return asked
    if picture.mode == "L":
        return "jpg"
    darkest, _ = picture.getchannel("A").getextrema()
    return "jpg" if darkest == OPAQUE else "png"


def _encoded(picture: Image.Image, format_: str) -> bytes:
    body = io.BytesIO()
    if format_ == "jpg":
        flat = picture
        if picture.mode == "RGBA":
            flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            flat = flat.convert("RGB")
        flat.save(body, "JPEG", quality=QUALITY)
    elif format_ == "webp":
        picture.save(body, "WEBP", quality=QUALITY, method=0)
    else:
        picture.save(body, "PNG", compress_level=1)
    return body.getvalue()


def _zipped(frame: Image.Image, alpha: Image.Image) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("color.jpg", _encoded(frame, "jpg"))
        archive.writestr("alpha.png", _encoded(alpha, "png"))
    return body.getvalue()
