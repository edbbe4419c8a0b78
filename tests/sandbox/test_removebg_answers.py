"""The pictures and headers that come back from the played remove.bg."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from packshot.sandbox.cutting import fitted
from tests.sandbox.calling import Caller, opened, picture


@pytest.mark.parametrize(
    ("size", "megapixels", "expected"),
    [
        ((2400, 1600), 0.25, (612, 408)),
        ((5184, 3456), 10, (3873, 2582)),
        ((400, 267), 0.25, (400, 267)),
    ],
)
def test_sizes_round_to_nearest(
    size: tuple[int, int], megapixels: float, expected: tuple[int, int]
) -> None:
    """The three sizes that were recorded, one of them slightly over its area."""
    assert fitted(*size, megapixels) == expected


def test_a_result_is_shrunk_to_its_size_and_never_enlarged(api: Caller) -> None:
    """The headers name the size of the result and the best that could be had."""
    small = api.cut(picture(2400, 1600), size="small")
    assert opened(small).size == (612, 408)
    names = ("x-width", "x-height", "x-max-width", "x-max-height")
    assert [small.headers[name] for name in names] == ["612", "408", "2400", "1600"]
    assert opened(api.cut(picture(400, 267), size="4k")).size == (400, 267)
    assert opened(api.cut(picture(2400, 1600), size="medium")).size == (1500, 1000)


def test_a_png_ends_at_ten_megapixels(api: Caller) -> None:
    """A ZIP or JPEG of the same picture is whole."""
    large = picture(4000, 3000)
    assert opened(api.cut(large, size="full")).size == (3651, 2739)
    assert opened(api.cut(large, size="full", format="jpg")).size == (4000, 3000)
    assert api.cut(large, size="full", format="zip").headers["x-width"] == "4000"


@pytest.mark.parametrize(
    ("fields", "kind", "mode"),
    [
        ({}, "PNG", "RGBA"),
        ({"bg_color": "81d4fa"}, "JPEG", "RGB"),
        ({"bg_color": "green"}, "JPEG", "RGB"),
        ({"bg_color": "81d4fa77"}, "PNG", "RGBA"),
        ({"bg_color": "00000000"}, "PNG", "RGBA"),
        ({"channels": "alpha"}, "JPEG", "L"),
        ({"channels": "alpha", "format": "png"}, "PNG", "L"),
        ({"format": "jpg"}, "JPEG", "RGB"),
        ({"format": "webp"}, "WEBP", "RGBA"),
    ],
)
def test_the_format_follows_transparency(
    api: Caller, fields: dict[str, str], kind: str, mode: str
) -> None:
    """`auto` is a PNG only where something is transparent."""
    image = opened(api.cut(**fields))
    assert (image.format, image.mode) == (kind, mode)


def test_a_half_transparent_background_is_kept_as_given(api: Caller) -> None:
    """Eight hex digits end in alpha."""
    assert opened(api.cut(bg_color="c57f4980")).getpixel((0, 0)) == (197, 127, 73, 128)


@pytest.mark.parametrize("cutouts", ["studio", "canned"])
def test_colour_is_black_where_nothing_is_visible(api: Caller, cutouts: str) -> None:
    """No trace of the background is left under zero alpha."""
    api.state.change({"cutouts": cutouts})
    pixels = np.asarray(opened(api.cut(size="full")))
    hidden = pixels[:, :, 3] == 0
    assert 0 < hidden.mean() < 1
    assert not pixels[hidden][:, :3].any()


@pytest.mark.parametrize("cutouts", ["studio", "canned"])
def test_a_zip_holds_the_same_cutout_stored(api: Caller, cutouts: str) -> None:
    """color.jpg with its background comes first, then alpha.png, equal to the PNG's alpha."""
    api.state.change({"cutouts": cutouts})
    alpha = opened(api.cut(size="full", format="png")).getchannel("A")
    answer = api.cut(size="full", format="zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        entries = archive.infolist()
        colour, matte = (Image.open(io.BytesIO(archive.read(entry))) for entry in entries)
    assert [entry.filename for entry in entries] == ["color.jpg", "alpha.png"]
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert (colour.mode, matte.mode, colour.size) == ("RGB", "L", (400, 300))
    assert min(colour.getpixel((2, 2))) > 200
    assert matte.tobytes() == alpha.tobytes()


def test_crop_keeps_the_foreground_and_its_margin(api: Caller) -> None:
    """The box in the headers is what a crop leaves; margins may leave the frame."""
    box = {
        side: int(api.cut().headers[f"x-foreground-{side}"])
        for side in ("left", "top", "width", "height")
    }
    assert box["left"] > 0
    cropped = api.cut(crop="true")
    assert opened(cropped).size == (box["width"], box["height"])
    assert cropped.headers["x-credits-charged"] == "0.25"
    wide = opened(api.cut(crop="true", crop_margin="10px 50%"))
    assert wide.size == (box["width"] + 2 * round(box["width"] / 2), box["height"] + 20)


def test_outside_the_region_all_is_background(api: Caller) -> None:
    """A region in percent or pixels bounds the foreground."""
    for region in ("0% 0% 50% 100%", "0px 0px 200px 300px"):
        answer = api.cut(roi=region)
        right = int(answer.headers["x-foreground-left"]) + int(answer.headers["x-foreground-width"])
        assert right == 200


def test_a_picture_may_lie_behind(api: Caller) -> None:
    """A background picture fills the frame, and the answer is opaque."""
    ground = picture(50, 50)
    files = {"image_file": ("a", picture()), "bg_image_file": ("b", ground)}
    image = opened(api.http.post("/v1.0/removebg", files=files))
    assert (image.format, image.size) == ("JPEG", (400, 300))


def test_a_sideways_photo_comes_back_upright(api: Caller) -> None:
    """The orientation in EXIF is applied."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = io.BytesIO()
    Image.open(io.BytesIO(picture())).save(turned, "JPEG", exif=exif)
    for cutouts in ("canned", "studio"):
        api.state.change({"cutouts": cutouts})
        assert opened(api.cut(turned.getvalue())).size == (300, 400)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "product"),
        ({"type": "person"}, "person"),
        ({"type": "transportation"}, "other"),
        ({"type": "transportation", "type_level": "2"}, "transportation"),
        ({"type_level": "none"}, None),
    ],
)
def test_the_type_is_told_as_finely_as_asked(
    api: Caller, fields: dict[str, str], kind: str | None
) -> None:
    """A fixed type is repeated; level `none` says nothing."""
    assert api.cut(**fields).headers.get("x-type") == kind
