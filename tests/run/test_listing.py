"""A folder of pictures is a manifest, too."""

import csv
from pathlib import Path

import boto3
import pytest

from packshot.facts.errors import BadManifest, BadOption
from packshot.facts.job import Storage
from packshot.run.listing import list_pictures
from tests.run.nights import Shop, photo


def rows(file: Path) -> list[tuple[str, str]]:
    """SKU and the last part of the address."""
    with file.open(newline="") as opened:
        return [(row["sku"], Path(row["image_url"]).name) for row in csv.DictReader(opened)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two products, and what else lies in a folder."""
    for name in ("MUG-1/front.jpg", "MUG-1/back.PNG", "CUP.webp", ".hidden/x.jpg", "notes.txt"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photo(len(name)))
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("pattern", "skus"),
    [
        ("{stem}", ["CUP", "back", "front"]),
        ("{folder}-{stem}", ["-CUP", "MUG-1-back", "MUG-1-front"]),
        ("{path}", ["CUP.webp", "MUG-1/back.PNG", "MUG-1/front.jpg"]),
    ],
)
def test_a_row_for_each_picture(folder: Path, pattern: str, skus: list[str]) -> None:
    """Sorted, and nothing that is hidden or no picture."""
    out = folder.parent / "m.csv"
    assert list_pictures(str(folder), pattern, out, Storage()) == (3, 3)
    assert [sku for sku, _ in rows(out)] == skus


def test_such_a_manifest_runs(shop: Shop, folder: Path) -> None:
    """With the permission to read files."""
    out = shop.folder / "m.csv"
    list_pictures(str(folder), "{stem}", out, Storage())
    night = shop.night(manifest=str(out), allow_local=True)
    assert set(night.outcomes.values()) == {"cut"}
    assert len(night.outcomes) == 3


def test_a_prefix_of_a_bucket(bucket_url: str, tmp_path: Path) -> None:
    """The same on object storage."""
    bucket = bucket_url.removeprefix("s3://")
    boto3.client("s3").put_object(Bucket=bucket, Key="in/A/1.jpg", Body=photo(1))
    out = tmp_path / "m.csv"
    assert list_pictures(f"{bucket_url}/in", "{folder}", out, Storage()) == (1, 1)
    assert out.read_text().splitlines()[1] == f"A,{bucket_url}/in/A/1.jpg"


@pytest.mark.parametrize("pattern", ["{sku}", "{", "fixed", "{stem.x}"])
def test_a_pattern_that_makes_no_sku_is_told(folder: Path, pattern: str) -> None:
    """Before anything is written."""
    with pytest.raises(BadOption, match=r"such as `\{stem\}`"):
        list_pictures(str(folder), pattern, folder.parent / "m.csv", Storage())
    assert not (folder.parent / "m.csv").exists()


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    """And leaves no file behind."""
    with pytest.raises(BadManifest, match="there are no pictures"):
        list_pictures(str(tmp_path), "{stem}", tmp_path / "m.csv", Storage())
    assert list(tmp_path.iterdir()) == []
