"""Whatever a SKU holds, its pictures lie in one folder of the destination."""

import re
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packshot.facts.naming import picture_path, sku_folder
from packshot.facts.variant import Variant

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "C:\\boot.ini",
    "",
    " ",
    ".",
    "..",
    "...",
    "-rf",
    ".hidden",
    "x" * 5000,
    "one\ntwo",
    "one\n",
    "nul\x00byte",
    "mug 🫖",
    "🫖",
    "%2e%2e",
    "%2e%2e%2fetc",
    "trailing.",
    "trailing ",
    "CON",
    "nul",
    "com1.txt",
    "LPT9.a.b",
    "a:b",
    "a?b*c",
    "half\udcff",
    "\uff23\uff2f\uff2e",
    "a/../b",
]


def is_safe(folder: str) -> bool:
    """One path component on every file system, and no device on Windows."""
    reserved = PureWindowsPath(folder).is_reserved()
    return bool(SAFE.fullmatch(folder)) and not folder.endswith(".") and not reserved


@pytest.mark.parametrize("sku", HOSTILE)
def test_a_hostile_sku_becomes_one_plain_folder(sku: str) -> None:
    """Separators, dots, devices and control characters never reach a path."""
    assert is_safe(sku_folder(sku))
    assert sku_folder(sku) != sku


@given(st.text() | st.from_regex(r"[./\\%a-zA-Z0-9]{0,12}", fullmatch=True))
def test_no_sku_leaves_the_destination(sku: str) -> None:
    """A picture lies exactly one folder below the destination."""
    destination = Path("/shop/pictures")
    path = destination / picture_path(sku, Variant(), "ab" * 32)
    assert is_safe(path.parent.name)
    assert path.resolve().parent.parent == destination


@given(st.text(), st.text())
def test_skus_that_need_another_name_stay_apart(one: str, other: str) -> None:
    """Two SKUs share a folder only if they are the same."""
    assert (sku_folder(one) == sku_folder(other)) == (one == other)


@pytest.mark.parametrize("sku", ["MUG-01", "a", "4006381333931", "rev_2.1", "x" * 100])
def test_a_plain_sku_names_its_own_folder(sku: str) -> None:
    """People find their pictures by what they know."""
    assert sku_folder(sku) == sku


def test_a_slug_says_what_the_sku_was() -> None:
    """A folder that had to be renamed can still be recognised."""
    assert re.fullmatch(r"Mug-blue-12-oz-[0-9a-f]{12}", sku_folder("Mug, blue / 12 oz"))


def test_case_alone_never_overwrites() -> None:
    """Where a file system ignores case, the file names within still differ by content."""
    one = picture_path("Mug", Variant(), "aa" * 32).partition("/")[2]
    other = picture_path("MUG", Variant(), "bb" * 32).partition("/")[2]
    assert one.lower() != other.lower()


def test_a_picture_is_named_by_variant_content_and_format() -> None:
    """The name is stable, and changes when the picture does."""
    large = Variant(name="large", format="webp")
    path = picture_path("MUG-01", large, "ab" * 32)
    assert re.fullmatch(r"MUG-01/large-[0-9a-f]{8}\.webp", path)
    assert path == picture_path("MUG-01", large, "ab" * 32)
    assert path != picture_path("MUG-01", large, "cd" * 32)
