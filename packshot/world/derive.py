"""Make a finished picture from a cutout: crop, canvas, size, background, encoding."""

from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageColor

from packshot.facts.errors import SkipImage
from packshot.facts.purchase import Box
from packshot.facts.variant import Variant
from packshot.world.cutouts import Cutout, clear_unseen

MOST_PIXELS_A_SIDE = MappingProxyType({"webp": 16_383, "jpeg": 65_500})
PNG: Final = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)
"""One filter for all rows: half the time of choosing one for each, for a hundredth more bytes."""


@dataclass(frozen=True, slots=True)
class Derived:
    """An encoded picture, ready to be stored."""

    content: bytes
    width: int
    height: int


def derive(cutout: Cutout, variant: Variant, box: Box | None) -> Derived:
    """Make one variant; `box` is the product in pixels of the cutout. Never enlarges.

    Without `crop`, a margin is what stays free around the product at least: the canvas
    grows where it comes nearer to the edge. Without a box there is nothing to crop to.
    """
    picture = _within(_on_canvas(cutout.picture, variant, box), variant.longest_side)
    most = MOST_PIXELS_A_SIDE.get(variant.format)
    if most is not None and max(picture.size) > most:
        raise SkipImage(
            f"{variant.format} holds at most {most} pixels a side; give variant "
            f"`{variant.name}` a longest side",
            "variant_too_large",
        )
    if variant.background is not None:
        picture = _on_ground(picture, variant.background)
    body = _encoded(picture, variant, cutout.profile)
    return Derived(body, picture.width, picture.height)


def canvas(size: tuple[int, int], variant: Variant, box: Box | None) -> Box:
    """The rectangle to show, in pixels of the cutout; it may reach beyond the picture."""
    left, top, right, bottom = 0, 0, *size
    if box is not None:
        margin = round(variant.margin * max(box.width, box.height))
        near = (box.left - margin, box.top - margin)
        far = (box.left + box.width + margin, box.top + box.height + margin)
        if variant.crop:
            left, top, right, bottom = *near, *far
        else:
            left, top = min(left, near[0]), min(top, near[1])
            right, bottom = max(right, far[0]), max(bottom, far[1])
    width, height = right - left, bottom - top
    if variant.square:
        side = max(width, height)
        left, top = left - (side - width) // 2, top - (side - height) // 2
        width = height = side
    return Box(left, top, width, height)


def _on_canvas(picture: Image.Image, variant: Variant, box: Box | None) -> Image.Image:
    left, top, width, height = canvas(picture.size, variant, box)
    if (left, top, width, height) == (0, 0, *picture.size):
        return picture
    return picture.crop((left, top, left + width, top + height))  # transparent beyond the edge


def _within(picture: Image.Image, longest_side: int | None) -> Image.Image:
    if longest_side is None or max(picture.size) <= longest_side:
        return picture
    scale = longest_side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # Pillow weighs RGBA by its alpha while resizing, so nothing unseen bleeds into an edge.
    return clear_unseen(picture.resize(size, Image.Resampling.LANCZOS))


def _on_ground(picture: Image.Image, background: str) -> Image.Image:
    colour = ImageColor.getrgb(f"#{background}")
    if len(colour) == 3:  # no alpha of its own: the result is opaque
        ground = Image.new("RGB", picture.size, colour)
        ground.paste(picture, mask=picture.getchannel("A"))
        return ground
    return Image.alpha_composite(Image.new("RGBA", picture.size, colour), picture)


def _encoded(picture: Image.Image, variant: Variant, profile: bytes | None) -> bytes:
    body = BytesIO()
    match variant.format:
        case "png" if profile is None:
            return _plain_png(picture)
        case "png":  # level 6 takes several times as long for a tenth less
            picture.save(body, "PNG", compress_level=1, icc_profile=profile)
        case "webp":  # lossy colour, lossless alpha
            picture.save(
                body, "WEBP", quality=variant.quality, method=1, exact=False, icc_profile=profile
            )
        case "jpeg":
            picture.save(body, "JPEG", quality=variant.quality, icc_profile=profile)
    return body.getvalue()


def _plain_png(picture: Image.Image) -> bytes:
    """RGB or RGBA as PNG without a profile; OpenCV lets the filter be chosen, Pillow does not."""
    order = cv2.COLOR_RGBA2BGRA if picture.mode == "RGBA" else cv2.COLOR_RGB2BGR
    made, body = cv2.imencode(".png", cv2.cvtColor(np.asarray(picture), order), PNG)
    if not made:
        raise ValueError("OpenCV made no PNG")
    return body.tobytes()
