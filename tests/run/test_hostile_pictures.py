"""Pictures found in the wild, where they are at hand, on their way through a whole night."""

import shutil
from pathlib import Path

import pytest

from tests.run.nights import Shop

HOSTILE = Path(__file__).parents[3] / "shared" / "images" / "hostile"
ENDINGS = {
    "animated.gif": "cut",
    "bomb-20000x14000.jpg": "rejected too_many_pixels",
    "bomb-header.gif": "rejected too_many_pixels",
    "broken-stream.png": "rejected broken_picture",
    "cmyk-adobe.jpg": "cut",
    "cmyk-icc.jpg": "cut",
    "exif-broken.jpg": "cut",
    "exif-orientation-6.webp": "cut",
    "exif-portrait-1.jpg": "cut",
    "exif-portrait-2.jpg": "cut",
    "exif-portrait-3.jpg": "cut",
    "exif-portrait-4.jpg": "cut",
    "exif-portrait-6.jpg": "cut",
    "grey-icc.jpg": "cut",
    "html-saved-as.jpg": "rejected not_a_picture",
    "junk-before-header-data.jpg": "cut",
    "multi-picture-mpo.jpg": "cut",
    "palette-fully-transparent.png": "skipped already_transparent",
    "palette-trns.png": "skipped already_transparent",
    "photo.avif": "cut",
    "png-1bit-scan.png": "cut",
    "png-bad-idat-crc.png": "cut",
    "png-named.jpg": "skipped already_transparent",
    "png16-grey.png": "cut",
    "png16-rgb.png": "cut",
    "png16-rgba.png": "skipped already_transparent",
    "progressive-huge-icc.jpg": "cut",
    "rgba-input.png": "skipped already_transparent",
    "truncated.jpg": "rejected broken_picture",
    "truncated.png": "rejected broken_picture",
    "zero-byte.jpg": "rejected not_a_picture",
}


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared hostile pictures are not here")
def test_every_picture_ends_as_it_should(shop: Shop) -> None:
    """Whatever can be read is bought once, what is cut out or broken is not bought at all."""
    names = sorted(file.name for file in HOSTILE.iterdir())
    shop.pictures.mkdir()
    for name in names:
        shutil.copy(HOSTILE / name, shop.pictures / name)
    shop.list(*(shop.row(name, name) for name in names))
    night = shop.night()
    told = {
        row["sku"]: " ".join(
            word for word in (row["outcome"], row["reason_code"]) if isinstance(word, str)
        )
        for row in night.report.to_dict("records")
    }
    assert told == ENDINGS
    assert night.seen.posts == sum(ending == "cut" for ending in told.values())
