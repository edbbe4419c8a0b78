"""Bring a decoded picture of any mode and colour space to 8-bit sRGB."""

import struct
from io import BytesIO
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageCms

DAMAGED = (  # what Pillow's readers raise on damaged data
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    EOFError,
    struct.error,
)

_PROFILE_MODES = MappingProxyType({"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"})


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Make RGB or RGBA of a decoded picture, through its embedded profile where that is usable."""
    picture = _eight_bit(image)
    if not profile and picture.mode in {"RGB", "RGBA"}:
        return picture
    see_through = picture.mode in {"LA", "RGBA"}
    alpha = picture.getchannel("A") if see_through else None
    colour = picture.convert(picture.mode[:-1]) if see_through else picture
    if profile:
        colour = _converted(colour, profile)
    if colour.mode != "RGB":
        colour = colour.convert("RGB")
    if alpha is not None:
        colour.putalpha(alpha)
    return colour


def _eight_bit(image: Image.Image) -> Image.Image:
    """Bring any mode to L, LA, RGB, RGBA or CMYK."""
    see_through = image.has_transparency_data
    clear = image.info.get("transparency")
    if isinstance(clear, tuple) and max(clear) > 255:  # of 16-bit RGB, whose low bytes Pillow drops
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    match image.mode:
        case "CMYK":
            return image
        case "1" | "L" | "LA" | "La" | "F":
            wanted = "LA" if see_through else "L"
        case "I" | "I;16" | "I;16L" | "I;16B" | "I;16N":
            return _scaled(image)
        case _:
            wanted = "RGBA" if see_through else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _scaled(image: Image.Image) -> Image.Image:
    """Bring 16-bit grey to 8 bit, one transparent value included."""
    values = np.asarray(image)
    grey = Image.fromarray(
        ((values.clip(0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8)
    )
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _converted(colour: Image.Image, profile: bytes) -> Image.Image:
    """Apply an embedded profile; one that is broken or made for other channels is ignored."""
    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _PROFILE_MODES.get(given.profile.xcolor_space.strip())
        if colour.mode == "L" and mode == "RGB":
            colour = colour.convert("RGB")
        if colour.mode != mode or (given.profile.profile_description or "").startswith("sRGB"):
            return colour
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(colour, given, srgb, outputMode="RGB") or colour
    except (ImageCms.PyCMSError, *DAMAGED):
        return colour
