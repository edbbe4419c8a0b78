"""What was bought is kept as it came, and its head tells what it is."""

import io
import zipfile
from pathlib import Path

import pytest

from packshot.facts.errors import TryTomorrow
from packshot.facts.purchase import PurchaseClass, Receipt
from packshot.world.masters import (
    HEAD_BYTES,
    Demanded,
    Masters,
    folder_of,
    pack,
    read_receipt,
)
from packshot.world.store import LocalStore, Store
from tests.world.made_receipts import FINGERPRINT, receipt

PREVIEW = b"\xff\xd8" + b"p" * 30_000
RESULT = b"\x89PNG" + bytes(range(256)) * 400
MASTER = f"{folder_of(FINGERPRINT)}/removebg.zip"


def test_a_master_comes_back_as_it_went(place: Store) -> None:
    """Receipt and result, byte for byte."""
    masters = Masters(place)
    masters.keep(receipt(), PREVIEW, RESULT)
    assert masters.open(FINGERPRINT, "removebg")[:2] == (receipt(), RESULT)
    assert masters.receipts(FINGERPRINT) == [receipt()]


def test_the_first_bytes_hold_the_receipt() -> None:
    """A shelf can be looked through without reading the pictures."""
    packed = pack(receipt(), PREVIEW, RESULT)
    assert len(packed) > 100_000
    assert read_receipt(packed[:HEAD_BYTES]) == receipt()


def test_a_master_is_an_ordinary_archive() -> None:
    """Any tool opens it; entries are stored, receipt first."""
    archive = zipfile.ZipFile(io.BytesIO(pack(receipt(), PREVIEW, RESULT)))
    assert archive.namelist() == ["receipt.json", "preview.jpg", "result.png"]
    assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert archive.read("preview.jpg") == PREVIEW


def test_equal_purchases_are_equal_bytes() -> None:
    """Storing one twice changes nothing."""
    assert pack(receipt(), PREVIEW, RESULT) == pack(receipt(), PREVIEW, RESULT)


@pytest.mark.parametrize("head", [b"", b"PK\x03\x04", b"x" * 100, pack(receipt(), b"", b"")[:200]])
def test_what_is_no_master_is_refused(head: bytes) -> None:
    """Empty, cut off, or something else."""
    with pytest.raises(ValueError, match="must begin with its receipt"):
        read_receipt(head)


@pytest.mark.parametrize("damage", [b"", b"not a zip" * 100, pack(receipt(), b"", b"")[:-30]])
def test_a_damaged_master_fails_its_items_by_name(tmp_path: Path, damage: bytes) -> None:
    """Buying it again in silence would hide that purchases are getting lost."""
    place = LocalStore(str(tmp_path))
    place.write(MASTER, damage)
    with pytest.raises(TryTomorrow, match=r"removebg\.zip is not a master") as refusal:
        Masters(place).open(FINGERPRINT, "removebg")
    assert refusal.value.code == "master_unreadable"


def test_a_damaged_receipt_is_not_overlooked(tmp_path: Path) -> None:
    """A shelf with something unreadable on it is not empty."""
    place = LocalStore(str(tmp_path))
    place.write(MASTER, b"not a zip")
    with pytest.raises(TryTomorrow, match="restore or remove it"):
        Masters(place).receipts(FINGERPRINT)


def test_a_flipped_bit_is_found_on_opening(tmp_path: Path) -> None:
    """The archive's own checksums are looked at."""
    place = LocalStore(str(tmp_path))
    packed = pack(receipt(), PREVIEW, RESULT)
    place.write(MASTER, packed.replace(b"\x89PNG", b"\x88PNG"))
    with pytest.raises(TryTomorrow):
        Masters(place).open(FINGERPRINT, "removebg")


def test_nothing_was_bought_under_a_new_name(place: Store) -> None:
    """An empty shelf is no trouble."""
    assert Masters(place).receipts("00" * 32) == []
    with pytest.raises(FileNotFoundError):
        Masters(place).open("00" * 32, "removebg")


def worth(kind: PurchaseClass, provider: str) -> Receipt:
    """A purchase of a class by a provider."""
    return receipt(purchase_class=kind, provider=provider)


def test_receipts_come_best_first(place: Store) -> None:
    """Providers lie side by side under one fingerprint."""
    masters = Masters(place)
    for kind, provider in zip(PurchaseClass, ("z", "degraded", "local", "sandbox"), strict=True):
        masters.keep(worth(kind, provider), b"", RESULT)
    assert [r.provider for r in masters.receipts(FINGERPRINT)] == [
        "z",
        "degraded",
        "local",
        "sandbox",
    ]


@pytest.mark.parametrize(
    ("asked", "provider", "chosen"),
    [
        (PurchaseClass.PAID, None, "paid-2"),
        (PurchaseClass.PAID, "paid-3", "paid-3"),
        (PurchaseClass.PAID, "local", None),
        (PurchaseClass.FREE, "local", "local"),
        (PurchaseClass.FREE, None, "paid-2"),
        (PurchaseClass.TEST, "cheap", None),
    ],
)
def test_the_first_that_satisfies_is_chosen(
    asked: PurchaseClass, provider: str | None, chosen: str | None
) -> None:
    """By class, and by provider where one was named."""
    shelf = [
        worth(PurchaseClass.DEGRADED, "cheap"),
        worth(PurchaseClass.PAID, "paid-2"),
        worth(PurchaseClass.PAID, "paid-3"),
        worth(PurchaseClass.FREE, "local"),
    ]
    found = Demanded(asked, provider, None).met_by(shelf)
    assert (found and found.provider) == chosen


def test_sizes_that_were_bought_are_known_to_all_who_share_the_state(place: Store) -> None:
    """A size is noted once, and whoever opens the state later finds it."""
    masters = Masters(place)
    assert masters.sizes() == frozenset()
    for megapixels in (4, 12, 4):
        masters.note_size(megapixels)
    assert masters.sizes() == Masters(place).sizes() == {4, 12}
