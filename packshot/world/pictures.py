"""Read source pictures: what they are, their upright pixels, and what may be sent of them."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from PIL import ExifTags, Image

from packshot.facts.errors import SourceRefused
from packshot.world.colours import DAMAGED, in_srgb

READABLE: Final = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")
"""Pillow's readers that are used, JPEG for MPO too; those for anything else stay shut."""
_KINDS: Final = f"{', '.join(READABLE[:-1])} or {READABLE[-1]}"

LOSSY: Final = frozenset({"JPEG", "MPO", "WEBP", "AVIF"})
PLAIN: Final = frozenset({"JPEG", "PNG", "WEBP"})
PLAIN_MODES: Final = frozenset({"RGB", "RGBA", "L"})
CUT_OUT_SHARE: Final = 0.05
PREVIEW_SIDE: Final = 256
PREVIEW_LEAST: Final = 192
"""A JPEG decoded to no less than this is small enough, mostly without being resized."""
PREVIEW_BYTES: Final = 30_000
JPEG_QUALITIES: Final = (95, 90, 85)

_TURNS = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_LOOKS = MappingProxyType(
    {
        b"<!doctype html": "an HTML page",
        b"<html": "an HTML page",
        b"<svg": "an SVG drawing",
        b"<": "an XML document",
        b"%pdf": "a PDF",
        b"{": "a JSON answer",
    }
)
_PICTURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|II\*\0|MM\0\*|RIFF....WEBP|....ftypavi[fs]", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """What a picture's header says."""

    format: str
    """Pillow's name; MPO is a JPEG with further pictures behind it."""
    mode: str
    bits: int
    """Per channel: 8, or 16 where there are more than fit into 8."""
    width: int
    """Pixels of the upright picture."""
    height: int
    orientation: int
    """EXIF, 1..8; a TIFF is turned while it is read and says 1."""
    frames: int
    has_alpha: bool
    has_profile: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source as it goes out to a provider."""

    content: bytes
    format: str
    width: int
    height: int


def inspect(content: bytes, max_pixels: int) -> PictureFacts:
    """Read the header; refuse what is no picture and what would be too large to decode."""
    image = _open(content)
    _check_pixels(image.width, image.height, max_pixels)
    with _reading():
        orientation = _orientation(image)
        width, height = image.size if orientation < 5 else image.size[::-1]  # 5 to 8 lie on a side
        return PictureFacts(
            format=image.format or "",
            mode=image.mode,
            bits=_bits(image, content),
            width=width,
            height=height,
            orientation=orientation,
            frames=getattr(image, "n_frames", 1),
            has_alpha=image.has_transparency_data,
            has_profile=bool(image.info.get("icc_profile")),
        )


def decode_upright(content: bytes, least: int | None = None) -> Image.Image:
    """Decode the first frame as it is meant to be seen: upright, sRGB, RGB or RGBA.

    With `least` pixels a side a JPEG may come out smaller than it is.
    """
    with _reading():
        image = _open(content)
        if least is not None:
            image.draft(None, (least, least))
        return _upright(image)


def already_cut_out(picture: Image.Image) -> bool:
    """Whether someone has removed the background of a decoded picture before.

    So it is when fully transparent regions that reach the frame make up 5 % of
    the picture: rounded corners and a hole in the middle do not count.
    """
    if picture.mode != "RGBA":
        return False
    alpha = picture.getchannel("A")
    alpha.thumbnail((512, 512), Image.Resampling.NEAREST)
    clear = np.asarray(alpha) == 0
    _, regions = cv2.connectedComponents(clear.astype(np.uint8))
    frame = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    outside = np.isin(regions, frame[frame > 0])
    return bool(outside.mean() >= CUT_OUT_SHARE)


def prepare(
    content: bytes,
    facts: PictureFacts,
    *,
    formats: Collection[str],
    max_bytes: int,
    max_pixels: int,
    size: tuple[int, int] | None = None,
) -> Prepared:
    """Make a source that the provider takes: the very same bytes where possible.

    `formats` names JPEG or PNG at least. What must be encoded anew goes out upright in
    sRGB: as PNG if nothing was lost before, else as JPEG, on white, as good as the bytes allow.
    A picture that is shrunk to `size`, width and height, keeps its own colours and their profile
    where it might have been sent as it is.
    """
    whole = (facts.width, facts.height)
    shrinks = size is not None and size != whole
    _check_pixels(*(size or whole), max_pixels)
    if not shrinks and len(content) <= max_bytes and _is_plain(facts, formats):
        return Prepared(content, facts.format, facts.width, facts.height)
    picture = _shrunk(content, facts, size) if size and shrinks else decode_upright(content)
    for encoding, body in _encodings(picture, facts, formats):
        if len(body) <= max_bytes:
            return Prepared(body, encoding, picture.width, picture.height)
    raise SourceRefused(
        f"the picture does not fit into {max_bytes / 1e6:g} MB, the most the provider takes; "
        "save it with fewer pixels, or set `purchase_megapixels` to have it shrunk",
        "too_many_bytes",
    )


def preview(content: bytes) -> bytes:
    """Make a small upright JPEG, at most 256 pixels a side and 30 kB."""
    with _reading():
        image = _open(content)
        image.draft(None, (PREVIEW_LEAST, PREVIEW_LEAST))  # a JPEG is decoded at an eighth
        picture = _on_white(_upright(image))
        picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    bodies = (_jpeg(picture, quality) for quality in (80, 60, 40, 20))
    return next(body for body in bodies if len(body) <= PREVIEW_BYTES)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise SourceRefused(
            f"the picture is broken: {error}; replace it with a whole copy", "broken_picture"
        ) from error


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(content), formats=READABLE)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise SourceRefused(
            "the picture's header claims far too many pixels; replace it with a smaller one",
            "too_many_pixels",
        ) from error
    except DAMAGED as error:
        if _PICTURE.match(content):
            raise SourceRefused(
                "the picture's header is broken; replace it with a whole copy", "broken_picture"
            ) from error
        raise SourceRefused(
            f"not a picture: {_looks_like(content)}; give the address of a {_KINDS} file",
            "not_a_picture",
        ) from error


def _looks_like(content: bytes) -> str:
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not start:
        return "an empty file"
    known = (look for mark, look in _LOOKS.items() if start.startswith(mark))
    return next(known, "a kind of data that is not read here")


def _check_pixels(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        message = (
            f"{width} x {height} pixels are more than the {limit / 1e6:g} megapixels allowed; "
            "`limits.source_megapixels` sets what is read, the provider what may be sent"
        )
        raise SourceRefused(message, "too_many_pixels")


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":
        return 1
    try:  # the base method: PNG's own would decode the picture first
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except DAMAGED:
        return 1  # malformed EXIF says nothing about the pixels
    return value if value in _TURNS else 1


def _bits(image: Image.Image, content: bytes) -> int:
    deep_png = image.format == "PNG" and content[24] == 16  # IHDR's bit depth
    return 16 if deep_png or image.mode[0] in "IF" else 8


def _upright(image: Image.Image, *, in_its_own_colours: bool = False) -> Image.Image:
    orientation = _orientation(image)
    profile = image.info.get("icc_profile")
    image.load()
    picture = image if in_its_own_colours else in_srgb(image, profile)
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    picture.info.clear()  # else its old profile would be saved along with sRGB pixels
    if profile and in_its_own_colours:
        picture.info["icc_profile"] = profile
    return picture


def _shrunk(content: bytes, facts: PictureFacts, size: tuple[int, int]) -> Image.Image:
    """The upright picture in another size; Pillow weighs RGBA by its alpha while resizing.

    At least twice the pixels of each side are left to the good filter, as Pillow's thumbnails do.
    """
    own = facts.mode in PLAIN_MODES and _has_plain_pixels(facts)
    with _reading():
        image = _open(content)
        twice = (2 * size[0], 2 * size[1])
        image.draft(None, twice if facts.orientation < 5 else twice[::-1])  # a JPEG alone does
        picture = _upright(image, in_its_own_colours=own)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _has_plain_pixels(facts: PictureFacts) -> bool:
    """Whether mode, depth and alpha are such that everybody reads them alike."""
    opaque_palette = facts.mode == "P" and not facts.has_alpha
    return (
        (facts.mode in PLAIN_MODES or opaque_palette)
        and facts.has_alpha == (facts.mode == "RGBA")
        and facts.bits == 8
    )


def _is_plain(facts: PictureFacts, formats: Collection[str]) -> bool:
    """Whether every provider that takes the format reads this picture as it is meant."""
    return (
        facts.format in PLAIN.intersection(formats)
        and _has_plain_pixels(facts)
        and (facts.orientation, facts.frames) == (1, 1)
    )


def _encodings(
    picture: Image.Image, facts: PictureFacts, formats: Collection[str]
) -> Iterator[tuple[str, bytes]]:
    lossless = facts.has_alpha or facts.format not in LOSSY or "JPEG" not in formats
    if lossless and "PNG" in formats:
        body = BytesIO()
        picture.save(body, "PNG", compress_level=1)
        yield "PNG", body.getvalue()
    if "JPEG" in formats:
        flat = _on_white(picture)
        for quality in JPEG_QUALITIES:
            yield "JPEG", _jpeg(flat, quality)


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    flat.info.update(picture.info)  # the profile of the colours, if they are not sRGB
    return flat


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    body = BytesIO()
    # Of the picture's own accord Pillow writes a profile into a PNG, not into a JPEG.
    picture.save(body, "JPEG", quality=quality, icc_profile=picture.info.get("icc_profile"))
    return body.getvalue()
