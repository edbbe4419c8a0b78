"""What providers return: read whole or refused, and measured."""

from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from packshot.facts.alpha import Sides, in_source_pixels
from packshot.facts.errors import Unreachable
from packshot.facts.purchase import Box
from packshot.world.cutouts import Cutout, alpha_box, alpha_of, measure_alpha, read_cutout
from tests.world.made_pictures import encoded

RECORDED = Path(__file__).parents[3] / "shared/provider-fixtures/removebg-ruby-vcr/example-cat.zip"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def disc(width: int = 80, height: int = 60) -> NDArray[np.uint8]:
    """The alpha of a round product with a soft edge."""
    down, across = np.mgrid[:height, :width]
    distance = np.hypot(across - width / 2, down - height / 2)
    return ((height / 3 - distance) * 60).clip(0, 255).astype(np.uint8)


def zipped(
    entries: dict[str, bytes] | None = None, *, method: int = ZIP_STORED, **more: bytes
) -> bytes:
    """A provider's ZIP: a colour JPEG over an alpha PNG unless told otherwise."""
    colour, alpha = Image.new("RGB", (80, 60), (200, 90, 40)), Image.fromarray(disc())
    usual = {"color.jpg": encoded(colour, "JPEG"), "alpha.png": encoded(alpha)}
    body = BytesIO()
    with ZipFile(body, "w", method) as archive:
        for name, content in ({**usual, **more} if entries is None else entries).items():
            archive.writestr(name, content)
    return body.getvalue()


def read(content: bytes, encoding: str = "zip") -> Cutout:
    """Read with room for a megapixel."""
    return read_cutout(content, encoding, max_pixels=10**6)


def broken(content: bytes, encoding: str = "zip") -> str:
    """The sentence a damaged answer ends with."""
    with pytest.raises(Unreachable) as caught:
        read(content, encoding)
    assert caught.value.code == "broken_answer"
    return str(caught.value)


def test_a_zip_is_composed() -> None:
    """Colour and alpha come together, and colour is zero where nothing is seen."""
    picture = read(zipped()).picture
    pixels = np.asarray(picture)
    assert np.array_equal(alpha_of(picture), disc())
    assert pixels[30, 40, :3].tolist() == pytest.approx([200, 90, 40], abs=3)
    assert not pixels[disc() == 0].any()


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recorded answers are not here")
def test_a_recorded_zip_is_read() -> None:
    """A real answer, as it came in 2020."""
    picture = read(RECORDED.read_bytes()).picture
    assert picture.mode == "RGBA"
    assert 0.05 < measure_alpha(alpha_of(picture)).share_kept < 0.95


def test_a_deflated_zip_with_a_note_is_read() -> None:
    """Other entries, even ones named like a way out, are left alone."""
    content = zipped(method=ZIP_DEFLATED, **{"../color.jpg": b"x", "readme.txt": b"x"})
    assert read(content).picture.size == (80, 60)


COLOUR = encoded(Image.new("RGB", (80, 60)), "JPEG")
ALPHA = encoded(Image.fromarray(disc()))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"color.jpg": COLOUR}, "exactly one"),
        ({"colour.jpg": COLOUR, "mask.png": ALPHA}, "exactly one"),
        ({"x/color.jpg": COLOUR, "/alpha.png": ALPHA}, "exactly one"),
        ({"color.jpg": COLOUR, "color.png": COLOUR, "alpha.png": ALPHA}, "exactly one"),
        ({f"{number}.png": ALPHA for number in range(9)}, "9 entries"),
        ({"color.jpg": COLOUR, "alpha.png": encoded(Image.new("L", (9, 9)))}, "(9, 9)"),
        ({"color.jpg": COLOUR, "alpha.png": ALPHA[:90]}, "image"),
        ({"color.jpg": b"<html>", "alpha.png": ALPHA}, "cannot identify"),
        ({"color.jpg": COLOUR, "alpha.png": encoded(Image.new("I;16", (80, 60)))}, "8 bits"),
    ],
)
def test_an_odd_zip_is_a_broken_answer(entries: dict[str, bytes], words: str) -> None:
    """Nothing is guessed from wrong names, sizes or halves."""
    assert words in broken(zipped(entries))


def test_a_zip_bomb_is_refused_unread() -> None:
    """Eight megabytes of nothing in a small file."""
    content = zipped(method=ZIP_DEFLATED, **{"color.jpg": bytes(8 * 10**6)})
    assert len(content) < 20_000
    assert "larger than any picture" in broken(content)


def test_an_unusual_compression_is_refused() -> None:
    """Stored and deflated are what services send."""
    assert "unusual" in broken(zipped(method=ZIP_LZMA))


@pytest.mark.parametrize("length", [0, 10, 700, -30])
def test_a_truncated_zip_is_a_broken_answer(length: int) -> None:
    """The same request may succeed again."""
    assert broken(zipped()[:length])


def test_a_damaged_entry_is_a_broken_answer() -> None:
    """The checksum of the ZIP is heeded."""
    content = bytearray(zipped())
    content[200] ^= 0xFF
    assert broken(bytes(content))


@pytest.mark.parametrize("encoding", ["png", "webp"])
def test_a_picture_with_alpha_is_a_cutout(encoding: str) -> None:
    """Alpha comes back as it was, colour where nothing is seen does not."""
    sent = Image.new("RGBA", (80, 60), (10, 200, 30, 0))
    sent.putalpha(Image.fromarray(disc()))
    options = {"lossless": True, "exact": True} if encoding == "webp" else {}
    pixels = np.asarray(read(encoded(sent, encoding, **options), encoding).picture)
    assert np.array_equal(pixels[..., 3], disc())
    assert pixels[30, 40].tolist() == [10, 200, 30, 255]
    assert not pixels[disc() == 0].any()


@pytest.mark.parametrize(("mode", "encoding"), [("RGB", "jpeg"), ("L", "png"), ("RGB", "webp")])
def test_a_picture_without_alpha_is_opaque(mode: str, encoding: str) -> None:
    """Grey is a picture too, never taken for an alpha."""
    picture = read(encoded(Image.new(mode, (8, 8)), encoding), encoding).picture
    assert picture.mode == "RGBA"
    assert alpha_of(picture).min() == 255


@pytest.mark.parametrize("content", [b"", b"<html>busy</html>", ALPHA[:60], zipped()])
def test_anything_else_is_a_broken_answer(content: bytes) -> None:
    """A page of a proxy, half a PNG, nothing at all."""
    assert broken(content, "png")


def test_an_answer_with_too_many_pixels_is_refused() -> None:
    """The header is enough to tell."""
    assert "2000 x 2000" in broken(encoded(Image.new("L", (2000, 2000))), "png")


def test_the_profile_is_kept() -> None:
    """Of a PNG and of a ZIP's colour; none stays none."""
    picture = Image.new("RGB", (80, 60))
    colour = encoded(picture, "JPEG", icc_profile=SRGB)
    assert read(encoded(picture, icc_profile=SRGB), "png").profile == SRGB
    assert read(zipped({"color.jpg": colour, "alpha.png": ALPHA})).profile == SRGB
    assert read(zipped()).profile is None


def test_the_box_surrounds_what_is_visible() -> None:
    """Noise below the threshold does not widen it."""
    alpha = np.zeros((60, 80), np.uint8)
    alpha[10:20, 30:70] = 255
    alpha[0, 0] = 7
    assert alpha_box(alpha) == Box(30, 10, 40, 10)
    assert alpha_box(alpha, threshold=1) == Box(0, 0, 70, 20)
    assert alpha_box(np.zeros((5, 5), np.uint8)) is None


def test_an_alpha_is_put_into_numbers() -> None:
    """Shares, touched sides, parts and box of two blocks, one of them half transparent."""
    alpha = np.zeros((100, 200), np.uint8)
    alpha[50:100, 0:50] = 255
    alpha[10:20, 100:150] = 100
    facts = measure_alpha(alpha)
    assert (facts.width, facts.height, facts.islands) == (200, 100, 2)
    assert (facts.share_kept, facts.share_soft) == (0.125, 0.025)
    assert facts.touches == Sides(left=0.5, top=0, right=0, bottom=0.25)
    assert facts.box == Box(0, 10, 150, 90)


def test_specks_are_no_islands_and_wires_do_not_break() -> None:
    """At 4000 pixels, a line two pixels wide still joins its ends."""
    alpha = np.zeros((1000, 4000), np.uint8)
    alpha[500:502, 100:3900] = 255
    alpha[100:104, 100:104] = 255
    assert measure_alpha(alpha).islands == 1


def test_a_box_is_scaled_to_the_source() -> None:
    """The receipt counts in pixels of the source, also when the cutout is smaller."""
    assert in_source_pixels(Box(1, 2, 3, 4), (10, 10), (40, 20)) == Box(4, 4, 12, 8)
