"""Source pictures: their facts, their upright pixels, and what is refused."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from packshot.facts.errors import SourceRefused
from packshot.world.pictures import decode_upright, inspect
from tests.world.made_pictures import AS_TAKEN, apart, encoded, gradient, taken

PLENTY = 50_000_000


def refusal(content: bytes, max_pixels: int = PLENTY) -> str:
    """The code that reading a picture ends with."""
    with pytest.raises(SourceRefused) as caught:
        inspect(content, max_pixels), decode_upright(content)
    return caught.value.code


@pytest.mark.parametrize("encoding", ["PNG", "TIFF", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", AS_TAKEN)
def test_every_orientation_comes_out_upright(orientation: int, encoding: str) -> None:
    """The eight ways to hold a camera give one picture, and its facts say the upright size."""
    content = taken(orientation, encoding)
    facts = inspect(content, PLENTY)
    assert (facts.width, facts.height) == (60, 40)
    assert apart(decode_upright(content), gradient()) < 6


def test_facts_are_read_from_the_header() -> None:
    """Format, mode, alpha and frames are known without decoding."""
    facts = inspect(encoded(gradient().convert("RGBA"), icc_profile=b"x" * 200), PLENTY)
    assert (facts.format, facts.mode, facts.bits, facts.frames) == ("PNG", "RGBA", 8, 1)
    assert facts.has_alpha
    assert facts.has_profile


def test_transparency_of_a_palette_counts_as_alpha() -> None:
    """A tRNS chunk is alpha too."""
    content = encoded(gradient().convert("P"), transparency=0)
    assert inspect(content, PLENTY).has_alpha


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><p>Not found", "an HTML page"),
        (b"<svg xmlns=''/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        (b'{"error": 404}', "a JSON answer"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x18ftypheic", "not read here"),
        (b"Hello", "not read here"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not read here"),
    ],
)
def test_what_is_no_picture_is_named(content: bytes, words: str) -> None:
    """A merchandiser learns what lies at the address instead."""
    with pytest.raises(SourceRefused, match=words) as caught:
        inspect(content, PLENTY)
    assert caught.value.code == "not_a_picture"


def bomb(width: int, height: int) -> bytes:
    """A PNG that is only a header."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n\x00\x00\x00\r" + header + struct.pack(">I", zlib.crc32(header))
    return start + b"\x00\x00\x00\x00IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    """The header alone decides, below Pillow's own limits and above."""
    assert refusal(bomb(side, side)) == "too_many_pixels"


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
def test_half_a_file_is_a_broken_picture(encoding: str) -> None:
    """A file that ends early is no reason for an error of Pillow's."""
    content = encoded(gradient(600, 400), encoding)
    assert refusal(content[: len(content) // 2]) == "broken_picture"


def test_a_picture_cut_within_its_header_is_broken() -> None:
    """It is a picture, so it is not called something else."""
    assert refusal(encoded(gradient())[:20]) == "broken_picture"


@pytest.mark.filterwarnings("default:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"MM\0*\0\0\0\x08\xff\xff\x01\x12broken", b"rubbish"])
def test_malformed_exif_does_not_matter(exif: bytes) -> None:
    """The pixels are sound."""
    content = encoded(gradient(), "PNG", exif=b"Exif\0\0" + exif)
    assert inspect(content, PLENTY).orientation == 1
    assert decode_upright(content).size == (60, 40)


def test_cmyk_becomes_srgb() -> None:
    """Without a profile, ink is converted by the plain formula."""
    content = encoded(gradient().convert("CMYK"), "JPEG", quality=95)
    picture = decode_upright(content)
    assert picture.mode == "RGB"
    assert apart(picture, gradient()) < 6


def test_sixteen_bits_are_scaled() -> None:
    """A 16-bit grey is its 8-bit neighbour, neither clipped nor wrapped."""
    grey = Image.fromarray(np.array([[0, 257, 32896, 65535]], np.uint16))
    for encoding in ("PNG", "TIFF"):
        pixels = np.asarray(decode_upright(encoded(grey, encoding)))
        assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_one_transparent_grey_of_65536_is_kept() -> None:
    """The tRNS chunk of 16-bit grey survives."""
    grey = Image.fromarray(np.array([[700, 40000]], np.uint16))
    picture = decode_upright(encoded(grey, transparency=700))
    assert np.asarray(picture)[0, :, 3].tolist() == [0, 255]


def test_a_transparent_colour_of_16_bits_is_kept() -> None:
    """The tRNS chunk of 16-bit RGB survives, though Pillow reads eight bits."""
    pixels = np.full((1, 2, 3), 30_000, np.uint16)
    pixels[0, 0] = 700
    plain = cv2.imencode(".png", pixels)[1].tobytes()
    clear = b"tRNS" + struct.pack(">HHH", 700, 700, 700)
    chunk = struct.pack(">I", 6) + clear + struct.pack(">I", zlib.crc32(clear))
    at = plain.index(b"IDAT") - 4
    picture = decode_upright(plain[:at] + chunk + plain[at:])
    assert np.asarray(picture)[0, :, 3].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("mode", "wanted"), [("1", "RGB"), ("L", "RGB"), ("P", "RGB"), ("LA", "RGBA"), ("F", "RGB")]
)
def test_every_mode_becomes_rgb_or_rgba(mode: str, wanted: str) -> None:
    """Nothing later has to know another mode."""
    content = encoded(gradient().convert(mode), "PNG" if mode != "F" else "TIFF")
    assert decode_upright(content).mode == wanted


def test_a_palette_keeps_its_transparency() -> None:
    """The transparent colour becomes alpha 0."""
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((1, 0), 1)
    alpha = np.asarray(decode_upright(encoded(picture, transparency=1)))[0, :, 3]
    assert alpha.tolist() == [255, 0]


def test_an_animation_is_its_first_frame() -> None:
    """Frames are counted; the first is what the shop shows."""
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert inspect(content, PLENTY).frames == 3
    assert decode_upright(content).getpixel((5, 5)) == (255, 0, 0)


def swapped_profile() -> bytes:
    """An sRGB profile under another name whose red and blue primaries have changed places."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")


def test_an_embedded_profile_is_applied_and_dropped() -> None:
    """What a profile calls red is red afterwards, and the old profile is not saved again."""
    profile = swapped_profile().replace(b"s\0R\0G\0B", b"o\0t\0h\0e")
    content = encoded(Image.new("RGB", (4, 4), (255, 0, 0)), icc_profile=profile)
    picture = decode_upright(content)
    assert picture.getpixel((0, 0)) == (0, 0, 255)
    assert not picture.info


def test_grey_takes_a_profile_made_for_colours() -> None:
    """Grey stays grey, whichever primaries the profile has."""
    grey = gradient().convert("L")
    picture = decode_upright(encoded(grey, icc_profile=swapped_profile()))
    assert apart(picture, grey.convert("RGB")) < 2


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK"])
def test_a_useless_profile_is_ignored(mode: str) -> None:
    """Rubbish in place of a profile does not cost the picture."""
    content = encoded(gradient().convert(mode), "TIFF", icc_profile=b"no profile at all")
    assert apart(decode_upright(content).convert("RGB"), gradient()) < 200
