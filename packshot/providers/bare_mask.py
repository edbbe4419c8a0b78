"""A mask that came back alone, laid beside the colours of its source."""

from io import BytesIO
from typing import Final
from zipfile import ZIP_STORED, ZipFile

from PIL import Image

from packshot.providers.answers import Look
from packshot.providers.face import Source
from packshot.world.pictures import decode_upright, inspect

NAMES: Final = {"png": "alpha.png", "jpeg": "alpha.jpg"}


def with_colours(source: Source, mask: bytes, look: Look) -> bytes:
    """A ZIP of colour and alpha, as remove.bg makes it itself.

    The source's own file is its colour where the mask has its size; else it is made that size.
    Raises `ValueError` for a mask in another encoding.
    """
    if look.format not in NAMES:
        raise ValueError(f"a mask as {look.format}")
    name, colour = _colour(source, (look.width, look.height))
    body = BytesIO()
    with ZipFile(body, "w", ZIP_STORED) as archive:
        archive.writestr(name, colour)
        archive.writestr(NAMES[look.format], mask)
    return body.getvalue()


def _colour(source: Source, size: tuple[int, int]) -> tuple[str, bytes]:
    facts = inspect(source.content, source.width * source.height)
    as_it_is = facts.format == "JPEG" and facts.mode == "RGB" and facts.orientation == 1
    if as_it_is and (facts.width, facts.height) == size:
        return "color.jpg", source.content
    picture = decode_upright(source.content).convert("RGB")
    body = BytesIO()
    picture.resize(size, Image.Resampling.LANCZOS).save(body, "PNG", compress_level=1)
    return "color.png", body.getvalue()
