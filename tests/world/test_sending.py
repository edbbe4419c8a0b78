"""What goes to a provider, what needs no provider, and the preview that is kept."""

from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from packshot.facts.errors import SourceRefused
from packshot.world.pictures import Prepared, already_cut_out, inspect, prepare, preview
from tests.world.made_pictures import AS_TAKEN, apart, encoded, gradient, noise, taken

PLENTY = 50_000_000


def sent(content: bytes, **limits: object) -> Prepared:
    """What goes to a provider that takes JPEG, PNG and WebP."""
    asked = {"formats": {"JPEG", "PNG", "WEBP"}, "max_bytes": 10**7, "max_pixels": PLENTY} | limits
    return prepare(content, inspect(content, PLENTY), **asked)


def test_transparency_that_reaches_the_frame_is_a_cutout() -> None:
    """Such a source needs no provider."""
    picture = gradient().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 60, 6))
    assert already_cut_out(picture)


def test_a_hole_or_an_opaque_picture_is_no_cutout() -> None:
    """Transparency in the middle leaves the background where it is."""
    picture = gradient().convert("RGBA")
    picture.paste((0, 0, 0, 0), (10, 10, 50, 30))
    assert not already_cut_out(picture)
    assert not already_cut_out(gradient())


@pytest.mark.parametrize(
    ("mode", "encoding"),
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("RGB", "WEBP"),
    ],
)
def test_a_plain_source_is_sent_as_it_is(mode: str, encoding: str) -> None:
    """The provider gets the very bytes."""
    content = encoded(gradient().convert(mode), encoding)
    assert sent(content) == Prepared(content, encoding, 60, 40)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (taken(6, "JPEG"), "JPEG"),
        (taken(3, "PNG"), "PNG"),
        (encoded(gradient().convert("CMYK"), "JPEG"), "JPEG"),
        (encoded(gradient(), "MPO", save_all=True, append_images=[gradient()]), "JPEG"),
        (encoded(gradient(), "AVIF"), "JPEG"),
        (encoded(gradient(), "BMP"), "PNG"),
        (encoded(gradient(), "GIF"), "PNG"),
        (encoded(gradient(), "TIFF"), "PNG"),
        (encoded(gradient().convert("P"), transparency=3), "PNG"),
        (encoded(gradient().convert("LA")), "PNG"),
        (encoded(Image.fromarray(np.full((40, 60), 9000, np.uint16))), "PNG"),
    ],
)
def test_a_peculiar_source_is_sent_upright_and_plain(content: bytes, encoding: str) -> None:
    """What some provider might read wrongly is encoded anew."""
    prepared = sent(content)
    assert (prepared.format, prepared.width, prepared.height) == (encoding, 60, 40)
    assert prepared.content != content
    facts = inspect(prepared.content, PLENTY)
    assert (facts.bits, facts.orientation, facts.frames) == (8, 1, 1)


def test_a_format_that_is_not_taken_is_changed() -> None:
    """A provider of PNG alone gets a PNG of a JPEG."""
    assert sent(encoded(gradient(), "JPEG"), formats={"PNG"}).format == "PNG"


def test_too_many_bytes_cost_some_quality() -> None:
    """A large PNG is sent as a JPEG that fits."""
    prepared = sent(encoded(noise()), max_bytes=60_000)
    assert prepared.format == "JPEG"
    assert len(prepared.content) <= 60_000


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"max_bytes": 5_000}, "too_many_bytes"), ({"max_pixels": 39_999}, "too_many_pixels")],
)
def test_what_the_provider_cannot_take_is_refused(limits: dict[str, int], code: str) -> None:
    """Nothing is shrunk in silence."""
    with pytest.raises(SourceRefused) as caught:
        sent(encoded(noise()), **limits)
    assert caught.value.code == code


@pytest.mark.parametrize("encoding", ["JPEG", "PNG"])
def test_a_preview_is_small_and_upright(encoding: str) -> None:
    """At most 256 pixels and 30 kB, whatever the picture."""
    body = preview(encoded(noise(900), encoding))
    facts = inspect(body, PLENTY)
    assert len(body) <= 30_000
    assert facts.format == "JPEG"
    assert 192 <= max(facts.width, facts.height) <= 256
    assert Image.open(BytesIO(preview(taken(6, encoding)))).size == (60, 40)


def test_a_preview_is_white_where_nothing_is() -> None:
    """JPEG has no transparency, and black would look like a product."""
    body = preview(encoded(Image.new("RGBA", (30, 30), (0, 0, 0, 0))))
    assert Image.open(BytesIO(body)).getpixel((9, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (encoded(gradient(), "JPEG", quality=95), "JPEG"),
        (encoded(gradient()), "PNG"),
        (encoded(gradient().convert("L")), "PNG"),
        (encoded(gradient().convert("RGBA")), "PNG"),
        (encoded(gradient().convert("P")), "PNG"),
        (encoded(gradient().convert("CMYK"), "JPEG", quality=95), "JPEG"),
        (taken(6, "JPEG"), "JPEG"),
        (taken(8, "PNG"), "PNG"),
        (encoded(gradient(), "WEBP", quality=95), "JPEG"),
    ],
)
def test_a_shrunk_picture_looks_the_same(content: bytes, encoding: str) -> None:
    """Upright, in its colours, in the size that was asked for."""
    prepared = sent(content, size=(30, 20))
    facts = inspect(prepared.content, PLENTY)
    assert (prepared.format, prepared.width, prepared.height) == (encoding, 30, 20)
    assert (facts.width, facts.height, facts.orientation) == (30, 20, 1)
    wanted = gradient(30, 20).convert("L") if facts.mode == "L" else gradient(30, 20)
    got = Image.open(BytesIO(prepared.content)).convert(wanted.mode)
    assert apart(got, wanted) < 12


@pytest.mark.parametrize("orientation", AS_TAKEN)
def test_a_large_photograph_is_upright_and_sharp_when_shrunk(orientation: int) -> None:
    """A JPEG is decoded at a part of its size only, however the camera was held."""
    large, exif = gradient(1203, 803), Image.Exif()
    turn = AS_TAKEN[orientation]
    exif[ExifTags.Base.Orientation] = orientation
    taken_so = large if turn is None else large.transpose(turn)
    content = encoded(taken_so, "JPEG", quality=95, exif=exif)
    got = Image.open(BytesIO(sent(content, size=(150, 100)).content))
    assert got.size == (150, 100)
    assert apart(got, large.resize((150, 100), Image.Resampling.LANCZOS)) < 2


@pytest.mark.parametrize("encoding", ["JPEG", "PNG"])
def test_a_shrunk_picture_keeps_its_profile(encoding: str) -> None:
    """The same numbers under the same profile, as if it had been sent as it is."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    other = profile.replace(b"s\0R\0G\0B", b"o\0t\0h\0e").replace(b"rXYZ", b"?XYZ")
    other = other.replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    content = encoded(Image.new("RGB", (60, 40), (200, 30, 30)), encoding, icc_profile=other)
    small = Image.open(BytesIO(sent(content, size=(30, 20)).content))
    assert small.info["icc_profile"] == other
    assert small.convert("RGB").getpixel((9, 9)) == pytest.approx((200, 30, 30), abs=3)
    turned = Image.open(BytesIO(sent(content, formats={"PNG"}, size=(30, 20)).content))
    assert turned.info["icc_profile"] == other


def test_colours_that_not_everybody_reads_are_converted() -> None:
    """Ink becomes sRGB, and an ink profile is not saved with it."""
    content = encoded(gradient().convert("CMYK"), "JPEG", icc_profile=b"no profile at all")
    small = Image.open(BytesIO(sent(content, size=(30, 20)).content))
    assert (small.mode, "icc_profile" in small.info) == ("RGB", False)


def test_a_fine_pattern_becomes_its_mean() -> None:
    """Good resampling: lines of one pixel do not turn into others."""
    lines = Image.fromarray(np.tile(np.array([[0], [255]], np.uint8), (200, 400)))
    pixels = np.asarray(Image.open(BytesIO(sent(encoded(lines), size=(100, 100)).content)))
    assert pixels[5:-5].std() < 3
    assert pixels.mean() == pytest.approx(127.5, abs=2)


def test_edges_of_transparency_do_not_darken() -> None:
    """What is under zero alpha does not bleed into the product."""
    picture = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    picture.paste((250, 250, 250, 255), (20, 10, 41, 31))
    pixels = np.asarray(Image.open(BytesIO(sent(encoded(picture), size=(30, 20)).content)))
    assert pixels[pixels[..., 3] > 40][:, :3].min() > 240


def test_a_size_as_it_is_changes_nothing() -> None:
    """The very bytes go out."""
    content = encoded(gradient(), "JPEG")
    assert sent(content, size=(60, 40)).content == content


def test_a_picture_beyond_the_limit_may_be_sent_shrunk() -> None:
    """Only what is sent counts against what the provider takes."""
    content = encoded(noise())
    assert sent(content, max_pixels=39_999, size=(100, 100)).width == 100
    assert sent(content, max_bytes=60_000, size=(100, 100)).format == "PNG"
