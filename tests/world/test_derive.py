"""Finished pictures: geometry, edges, background, encodings."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from packshot.facts.errors import SkipImage
from packshot.facts.purchase import Box
from packshot.facts.variant import Variant
from packshot.world.cutouts import Cutout, alpha_box, alpha_of
from packshot.world.derive import Derived, derive

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
BOX = Box(30, 20, 40, 10)


def cutout(profile: bytes | None = None) -> Cutout:
    """A red block of 40 x 10 in a picture of 100 x 80."""
    picture = Image.new("RGBA", (100, 80))
    picture.paste((255, 0, 0, 255), (30, 20, 70, 30))
    return Cutout(picture, profile)


def opened(derived: Derived) -> Image.Image:
    """The picture a shop would show."""
    picture = Image.open(BytesIO(derived.content))
    assert picture.size == (derived.width, derived.height)
    return picture


def test_a_plain_png_is_the_cutout() -> None:
    """Encoded and decoded, not a pixel differs."""
    assert opened(derive(cutout(), Variant(), BOX)).tobytes() == cutout().picture.tobytes()


@pytest.mark.parametrize(
    ("wanted", "size", "block"),
    [
        ({"crop": True}, (40, 10), Box(0, 0, 40, 10)),
        ({"crop": True, "margin": 0.1}, (48, 18), Box(4, 4, 40, 10)),
        ({"crop": True, "square": True}, (40, 40), Box(0, 15, 40, 10)),
        ({"crop": True, "margin": 0.25, "square": True}, (60, 60), Box(10, 25, 40, 10)),
        ({"square": True}, (100, 100), Box(30, 30, 40, 10)),
        ({"margin": 0.4}, (100, 80), Box(30, 20, 40, 10)),
        ({"margin": 0.49}, (100, 80), Box(30, 20, 40, 10)),
        ({"longest_side": 50}, (50, 40), Box(15, 10, 20, 5)),
        ({"longest_side": 5000}, (100, 80), Box(30, 20, 40, 10)),
        ({"crop": True, "square": True, "longest_side": 32}, (32, 32), Box(0, 12, 32, 8)),
    ],
)
def test_the_canvas_is_as_asked(
    wanted: dict[str, object], size: tuple[int, int], block: Box
) -> None:
    """Crop, margin, square and longest side, alone and together; never enlarged."""
    picture = opened(derive(cutout(), Variant.model_validate(wanted), BOX))
    assert picture.size == size
    assert alpha_box(alpha_of(picture), threshold=128) == block


def test_a_margin_without_crop_widens_the_canvas_where_needed() -> None:
    """A product at the edge gets its free border."""
    picture = Image.new("RGBA", (100, 80))
    picture.paste((255, 0, 0, 255), (0, 20, 40, 30))
    derived = derive(Cutout(picture, None), Variant(margin=0.25), Box(0, 20, 40, 10))
    assert alpha_box(alpha_of(opened(derived))) == (10, 20, 40, 10)
    assert (derived.width, derived.height) == (110, 80)


def test_without_a_box_nothing_is_cropped() -> None:
    """An empty cutout stays whole."""
    derived = derive(cutout(), Variant(crop=True, margin=0.2), None)
    assert (derived.width, derived.height) == (100, 80)


def test_shrinking_leaves_no_halo() -> None:
    """Edge pixels keep the product's colour; what is unseen stays zero."""
    pixels = np.asarray(opened(derive(cutout(), Variant(longest_side=37), BOX))).astype(int)
    edge = pixels[(pixels[..., 3] > 20) & (pixels[..., 3] < 250)]
    assert len(edge)
    assert edge[:, 0].min() >= 250
    assert edge[:, 1:3].max() <= 5
    assert not pixels[pixels[..., 3] == 0].any()


def test_an_opaque_background_fills_the_canvas() -> None:
    """The result needs no alpha any more."""
    picture = opened(derive(cutout(), Variant(background="00ff00", crop=True, margin=0.1), BOX))
    assert picture.mode == "RGB"
    assert picture.getpixel((0, 0)) == (0, 255, 0)
    assert picture.getpixel((20, 9)) == (255, 0, 0)


def test_a_half_transparent_background_stays_so() -> None:
    """Eight digits of colour bring their own alpha."""
    picture = opened(derive(cutout(), Variant(background="00ff0080"), BOX))
    assert picture.getpixel((0, 0)) == (0, 255, 0, 128)
    assert picture.getpixel((50, 25)) == (255, 0, 0, 255)


def test_jpeg_is_opaque() -> None:
    """On the colour that the variant must name."""
    picture = opened(derive(cutout(), Variant(format="jpeg", background="fff"), BOX))
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert picture.getpixel((2, 2)) == (255, 255, 255)


def test_webp_keeps_alpha_exactly() -> None:
    """Colour may lose, alpha does not."""
    soft = cutout()
    ramp = np.arange(8000).reshape(80, 100) % 256
    soft.picture.putalpha(Image.fromarray(ramp.astype(np.uint8)))
    picture = opened(derive(soft, Variant(format="webp", quality=30), None))
    assert picture.format == "WEBP"
    assert np.array_equal(alpha_of(picture), alpha_of(soft.picture))


@pytest.mark.parametrize("encoding", ["png", "webp", "jpeg"])
def test_the_profile_travels_along(encoding: str) -> None:
    """Colours mean the same in every variant, shrunk and put on a ground or not."""
    wanted = Variant(format=encoding, background="ffffff", longest_side=50)
    assert opened(derive(cutout(SRGB), wanted, BOX)).info["icc_profile"] == SRGB
    assert "icc_profile" not in opened(derive(cutout(), wanted, BOX)).info


@pytest.mark.parametrize("encoding", ["png", "webp", "jpeg"])
def test_the_same_comes_out_twice(encoding: str) -> None:
    """A file name stands for its bytes."""
    wanted = Variant(format=encoding, background="ffffff", crop=True, longest_side=33)
    assert derive(cutout(), wanted, BOX) == derive(cutout(), wanted, BOX)


def test_a_side_that_the_format_cannot_hold_is_said() -> None:
    """WebP ends at 16,383 pixels; the remedy is named."""
    long = Cutout(Image.new("RGBA", (16_400, 2)), None)
    with pytest.raises(SkipImage, match="longest side") as caught:
        derive(long, Variant(format="webp"), None)
    assert caught.value.code == "variant_too_large"
