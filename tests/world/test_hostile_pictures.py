"""Pictures found in the wild, where they are at hand."""

from pathlib import Path

import pytest

from packshot.facts.errors import SourceRefused
from packshot.world.pictures import decode_upright, inspect
from tests.world.made_pictures import apart

HOSTILE = Path(__file__).parents[3] / "shared" / "images" / "hostile"
PLENTY = 50_000_000

HOSTILE_ENDINGS = {
    "animated.gif": "RGB 245x245",
    "bomb-20000x14000.jpg": "too_many_pixels",
    "bomb-header.gif": "too_many_pixels",
    "broken-stream.png": "broken_picture",
    "cmyk-adobe.jpg": "RGB 100x100",
    "cmyk-icc.jpg": "RGB 500x333",
    "exif-broken.jpg": "RGB 800x531",
    "exif-orientation-6.webp": "RGB 128x128",
    "exif-portrait-6.jpg": "RGB 1200x1800",
    "grey-icc.jpg": "RGB 400x267",
    "html-saved-as.jpg": "not_a_picture",
    "junk-before-header-data.jpg": "RGB 1024x768",
    "multi-picture-mpo.jpg": "RGB 640x480",
    "palette-fully-transparent.png": "RGBA 300x300",
    "palette-trns.png": "RGBA 32x32",
    "photo.avif": "RGB 128x128",
    "png-1bit-scan.png": "RGB 2809x2074",
    "png-bad-idat-crc.png": "RGB 32x32",
    "png16-grey.png": "RGB 32x32",
    "png16-rgb.png": "RGB 900x600",
    "png16-rgba.png": "RGBA 32x32",
    "progressive-huge-icc.jpg": "RGB 425x250",
    "rgba-input.png": "RGBA 2048x1536",
    "truncated.jpg": "broken_picture",
    "truncated.png": "broken_picture",
    "zero-byte.jpg": "not_a_picture",
}


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared hostile pictures are not here")
@pytest.mark.parametrize("name", HOSTILE_ENDINGS)
def test_hostile_pictures_end_as_expected(name: str) -> None:
    """Found in the wild: each is read or refused with its reason."""
    content = (HOSTILE / name).read_bytes()
    try:
        inspect(content, PLENTY)
        picture = decode_upright(content)
        ending = f"{picture.mode} {picture.width}x{picture.height}"
    except SourceRefused as refused:
        ending = refused.code
    assert ending == HOSTILE_ENDINGS[name]


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared hostile pictures are not here")
def test_real_photos_of_every_orientation_agree() -> None:
    """Five real files, one upright picture."""
    files = sorted(HOSTILE.glob("exif-portrait-*.jpg"))
    first, *others = [decode_upright(file.read_bytes()).reduce(16) for file in files]
    assert all(apart(first, other) < 6 for other in others)
