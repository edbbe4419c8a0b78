"""Read what a provider returned, and measure its alpha."""

import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from packshot.facts.alpha import AlphaFacts, Sides
from packshot.facts.errors import Unreachable
from packshot.facts.purchase import Box
from packshot.world.colours import DAMAGED

Bytes = NDArray[np.uint8]

LARGEST_RESULT_PIXELS: Final = 60_000_000
VISIBLE: Final = 8
"""Alpha below this is noise of an encoder, not product."""
KEPT: Final = 128
SOLID: Final = 248
MOST_ENTRIES: Final = 8
ISLAND_SIDE: Final = 512
"""Longest side at most of the reduced copy that islands are counted on."""
ISLAND_PIXELS: Final = 6
"""Smaller parts of that copy are specks."""
ISLAND_ALPHA: Final = 32
"""Low, so that a wire thinner than a pixel of that copy still joins its ends."""

_ANSWERS: Final = ("PNG", "WEBP", "JPEG")
_ENTRY = re.compile(r"(color|alpha)\.(?:jpg|jpeg|png)")
_HEADROOM: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Cutout:
    """A product without its ground."""

    picture: Image.Image
    """RGBA; red, green and blue are zero wherever alpha is zero."""
    profile: bytes | None
    """The ICC profile that the colours are meant in; none is sRGB."""


def read_cutout(content: bytes, encoding: str, *, max_pixels: int) -> Cutout:
    """Decode an answer: `zip` (color.* and alpha.*), or one `png`, `webp` or `jpeg`.

    A picture without alpha, greyscale too, is an opaque cutout. Raises `Unreachable`
    (`broken_answer`) when the answer is damaged: asked again, it may come whole.
    """
    try:
        if encoding == "zip":
            return _from_zip(content, max_pixels)
        picture, profile = _decoded(content, max_pixels)
        return Cutout(clear_unseen(_as(picture, "RGBA")), profile)
    except (BadZipFile, zlib.error, Image.DecompressionBombError, *DAMAGED) as error:
        raise _broken(str(error) or type(error).__name__) from error


def clear_unseen(picture: Image.Image) -> Image.Image:
    """Set colour to zero where alpha is: half the bytes of a PNG, and nothing to shine through."""
    pixels: Bytes = np.asarray(picture)
    return _picture(pixels, pixels[..., 3])


def alpha_of(picture: Image.Image) -> Bytes:
    """The alpha channel of an RGBA picture, height x width."""
    return np.asarray(picture.getchannel("A"))


def alpha_box(alpha: Bytes, threshold: int = VISIBLE) -> Box | None:
    """Smallest rectangle around everything whose alpha reaches `threshold`."""
    columns = np.flatnonzero(alpha.max(axis=0) >= threshold)
    rows = np.flatnonzero(alpha.max(axis=1) >= threshold)
    if not columns.size:
        return None
    left, top = int(columns[0]), int(rows[0])
    return Box(left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1)


def measure_alpha(alpha: Bytes) -> AlphaFacts:
    """Put an alpha channel into numbers; about 2 ms per megapixel."""
    height, width = alpha.shape
    kept = alpha >= KEPT
    frame = (kept[:, 0], kept[0], kept[:, -1], kept[-1])
    return AlphaFacts(
        width=width,
        height=height,
        share_kept=np.count_nonzero(kept) / alpha.size,
        share_soft=np.count_nonzero((alpha >= VISIBLE) & (alpha < SOLID)) / alpha.size,
        touches=Sides(*(float(side.mean()) for side in frame)),
        islands=_islands(alpha),
        box=alpha_box(alpha),
    )


def _islands(alpha: Bytes) -> int:
    height, width = alpha.shape
    # Whole pixels become one, in a fraction of any other ratio's time; the last few are left out.
    times = max(1, -(-max(height, width) // ISLAND_SIDE))
    size = (max(1, width // times), max(1, height // times))
    whole = alpha[: size[1] * times, : size[0] * times]
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    _, mask = cv2.threshold(small, ISLAND_ALPHA - 1, 255, cv2.THRESH_BINARY)
    _, _, parts, _ = cv2.connectedComponentsWithStats(mask)
    areas = parts[1:, cv2.CC_STAT_AREA]  # the first part is the ground
    return int(np.count_nonzero(areas >= ISLAND_PIXELS))


def _from_zip(content: bytes, max_pixels: int) -> Cutout:
    with ZipFile(BytesIO(content)) as archive:
        entries = _entries(archive.infolist())
        most = 4 * max_pixels + _HEADROOM
        if any(entry.file_size > most for entry in entries.values()):
            raise _broken("an entry is larger than any picture of the allowed size")
        color, profile = _decoded(archive.read(entries["color"]), max_pixels)
        alpha, _ = _decoded(archive.read(entries["alpha"]), max_pixels)
    if color.size != alpha.size:
        raise _broken(f"colour is {color.size}, alpha is {alpha.size}")
    mask: Bytes = np.asarray(_as(alpha, "L"))
    opaque = cv2.cvtColor(np.asarray(_as(color, "RGB")), cv2.COLOR_RGB2RGBA)
    pixels: Bytes = np.asarray(opaque, np.uint8)
    pixels[..., 3] = mask
    return Cutout(_picture(pixels, mask), profile)


def _entries(infos: list[ZipInfo]) -> dict[str, ZipInfo]:
    """The one colour and the one alpha entry; names are only compared, never opened as paths."""
    if len(infos) > MOST_ENTRIES:
        raise _broken(f"{len(infos)} entries in the ZIP")
    known = [(match[1], info) for info in infos if (match := _ENTRY.fullmatch(info.filename))]
    entries = dict(known)
    if len(known) != 2 or len(entries) != 2:  # a colour and an alpha
        raise _broken("the ZIP does not hold exactly one color.* and one alpha.*")
    if any(info.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for info in entries.values()):
        raise _broken("an entry is compressed in an unusual way")
    return entries


def _decoded(content: bytes, max_pixels: int) -> tuple[Image.Image, bytes | None]:
    image = Image.open(BytesIO(content), formats=_ANSWERS)
    if image.width * image.height > max_pixels:
        raise _broken(f"{image.width} x {image.height} pixels")
    if image.mode[0] in "IF":
        raise _broken("its grey has more than 8 bits")
    image.load()
    profile = image.info.get("icc_profile")
    return image, profile or None


def _as(image: Image.Image, mode: str) -> Image.Image:
    """The image in a mode; Pillow would copy one that is in it already."""
    return image if image.mode == mode else image.convert(mode)


def _picture(pixels: Bytes, mask: Bytes) -> Image.Image:
    """An RGBA picture over `pixels`, black where `mask` is zero; the array is not copied again."""
    return Image.fromarray(cv2.copyTo(pixels, np.ascontiguousarray(mask)))


def _broken(reason: str) -> Unreachable:
    said = f"the answer cannot be read: {reason}; the next run tries again"
    return Unreachable(said, "broken_answer")
