"""Pictures that the tests make, and the files they make of them."""

from io import BytesIO

import numpy as np
from PIL import ExifTags, Image

AS_TAKEN = {  # how an upright picture lies in the file for each EXIF orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def gradient(width: int = 60, height: int = 40) -> Image.Image:
    """A smooth RGB picture that looks different from every side."""
    down, across = np.mgrid[:height, :width]
    red, green = across * 255 // width, down * 255 // height
    return Image.fromarray(np.dstack([red, green, (red + green) // 3]).astype(np.uint8))


def encoded(picture: Image.Image, encoding: str = "PNG", **options: object) -> bytes:
    """The file a picture makes."""
    body = BytesIO()
    picture.save(body, encoding, **options)
    return body.getvalue()


def taken(orientation: int, encoding: str) -> bytes:
    """A file whose pixels lie as a camera wrote them."""
    turn, exif = AS_TAKEN[orientation], Image.Exif()
    picture = gradient() if turn is None else gradient().transpose(turn)
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(picture, encoding, exif=exif)


def noise(side: int = 200) -> Image.Image:
    """The picture that compresses worst."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8))


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures' channels."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())
