"""The demo's sample catalog is complete, small, and can be drawn again."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from manifests.draw_samples import PICTURES, TROUBLE, draw

MANIFESTS = Path(__file__).parents[1] / "manifests"
SAMPLES = MANIFESTS / "samples"
REDRAWN = ("ball.jpg", "mug-cutout.png")
"""A quick one and the transparent one; all of them take more than a minute."""


def rows() -> list[dict[str, str]]:
    """Read the sample manifest."""
    with (MANIFESTS / "sample.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def pixels(content: bytes) -> NDArray[np.int16]:
    """Decode a picture."""
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture).astype(np.int16)


def test_every_named_picture_is_there_but_the_missing_one() -> None:
    """The manifest names one path that does not exist, and only that one."""
    named = {row["image_url"] for row in rows() if row["image_url"]}
    assert {path for path in named if not (MANIFESTS / path).is_file()} == {"samples/spoon.jpg"}


def test_every_sample_is_named_and_drawn() -> None:
    """No file lies in the folder that the manifest or the script does not know."""
    there = {path.name for path in SAMPLES.iterdir()}
    assert there == {*PICTURES, *TROUBLE}
    assert there == {Path(row["image_url"]).name for row in rows()} - {"", "spoon.jpg"}


def test_samples_are_small() -> None:
    """A clone does not carry more than 1.5 MB of pictures."""
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= 1_500_000


def test_the_manifest_shows_what_its_readme_says() -> None:
    """Row numbers as a spreadsheet counts them lead to the rows that are described."""
    row = dict(enumerate(rows(), 2))
    assert row[2]["sku"] == row[3]["sku"]
    assert row[5]["foreground_type"] == "product"
    assert "<b>" in row[9]["title"]
    assert row[10]["title"].startswith("=SUM")
    assert row[15]["image_url"] == row[4]["image_url"]
    assert [number for number, cells in row.items() if cells["skip"]] == [17]
    assert [number for number, cells in row.items() if not cells["image_url"]] == [20]
    assert max(row) == 21


def test_one_picture_lies_on_its_side() -> None:
    """The lamp needs its EXIF orientation to stand upright."""
    with Image.open(SAMPLES / "lamp.jpg") as lamp:
        assert lamp.getexif()[ExifTags.Base.Orientation] == 6
        assert lamp.width > lamp.height


def test_one_picture_is_already_cut_out() -> None:
    """The hand-cut mug has clear corners, clear space in its handle, and a solid body."""
    alpha = pixels((SAMPLES / "mug-cutout.png").read_bytes())[..., 3]
    assert alpha[0, 0] == alpha[-1, -1] == 0
    assert (alpha == 255).mean() > 0.2


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_no_whole_picture(name: str) -> None:
    """What is meant to be rejected cannot be decoded to its end."""
    with pytest.raises(OSError, match=r"truncated|cannot identify"):
        pixels((SAMPLES / name).read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("name", REDRAWN)
def test_redrawing_gives_the_same_picture(name: str, tmp_path: Path) -> None:
    """The committed pictures are what the script draws, but for the encoder's version."""
    redrawn = tmp_path / name
    redrawn.write_bytes(draw(name))
    before, after = pixels((SAMPLES / name).read_bytes()), pixels(redrawn.read_bytes())
    assert before.shape == after.shape
    assert np.abs(before - after).mean() <= 2
