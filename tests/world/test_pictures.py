"""Source pictures: facts, upright pixels, what is sent, previews, the budget."""

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Event, Thread

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from packshot.facts.errors import SourceRefused
from packshot.world.pictures import (
    PixelBudget,
    Prepared,
    already_cut_out,
    decode_upright,
    inspect,
    prepare,
    preview,
)

HOSTILE = Path(__file__).parents[3] / "shared" / "images" / "hostile"
PLENTY = 50_000_000
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


def refusal(content: bytes, max_pixels: int = PLENTY) -> str:
    """The code that reading a picture ends with."""
    with pytest.raises(SourceRefused) as caught:
        inspect(content, max_pixels), decode_upright(content)
    return caught.value.code


def sent(content: bytes, **limits: object) -> Prepared:
    """What goes to a provider that takes JPEG, PNG and WebP."""
    asked = {"formats": {"JPEG", "PNG", "WEBP"}, "max_bytes": 10**7, "max_pixels": PLENTY} | limits
    return prepare(content, inspect(content, PLENTY), **asked)


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures' channels."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


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


@pytest.mark.filterwarnings("error")
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


def noise(side: int = 200) -> Image.Image:
    """The picture that compresses worst."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8))


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
    assert (facts.format, max(facts.width, facts.height)) == ("JPEG", 256)
    assert Image.open(BytesIO(preview(taken(6, encoding)))).size == (60, 40)


def test_a_preview_is_white_where_nothing_is() -> None:
    """JPEG has no transparency, and black would look like a product."""
    body = preview(encoded(Image.new("RGBA", (30, 30), (0, 0, 0, 0))))
    assert Image.open(BytesIO(body)).getpixel((9, 9)) == (255, 255, 255)


def test_the_budget_makes_a_thread_wait() -> None:
    """A picture that does not fit waits until another is done."""
    budget, inside = PixelBudget(100), Event()

    def work() -> None:
        with budget.hold(60):
            inside.set()

    with budget.hold(60):
        thread = Thread(target=work)
        thread.start()
        assert not inside.wait(0.05)
    assert inside.wait(5)
    thread.join()


def test_a_giant_goes_alone_and_is_not_overtaken() -> None:
    """Larger than the whole budget, it still gets its turn before those behind it."""
    budget, order = PixelBudget(100), []

    def work(pixels: int) -> None:
        with budget.hold(pixels):
            order.append(pixels)

    with ThreadPoolExecutor(3) as pool, budget.hold(10):
        for place, pixels in enumerate((500, 20, 30), start=1):
            pool.submit(work, pixels)
            while len(budget._queue) < place:
                pass
        assert order == []
    assert order[0] == 500


def test_the_budget_is_given_back_after_an_error() -> None:
    """A broken picture does not shrink the budget."""
    budget = PixelBudget(10)
    with pytest.raises(KeyError), budget.hold(10):
        raise KeyError
    with budget.hold(10):
        assert budget._free == 0
    assert budget._free == 10


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
