"""What was paid for and could not be stored waits on this machine."""

import errno
import os
import sys
from io import BytesIO
from pathlib import Path
from subprocess import run

import pytest
from PIL import Image

from packshot.facts.errors import StoreUnavailable
from packshot.facts.purchase import Box, PurchaseClass, Receipt
from packshot.world import spool as spool_module
from packshot.world.machine import process_mark
from packshot.world.masters import Masters, pack
from packshot.world.spool import Spool
from packshot.world.store import LocalStore, Store
from tests.world.made_receipts import receipt
from tests.world.processes import ROOT

RECEIPTS = [receipt(fingerprint=letter * 64) for letter in "ab"]


def packed(of: Receipt) -> bytes:
    """A master with this receipt."""
    return pack(of, b"preview", b"result")


def filled(folder: Path, state_url: str = "s3://shop/state") -> Spool:
    """A spool with two purchases in it."""
    spool = Spool(folder / "spool", state_url)
    for purchase in RECEIPTS:
        spool.keep(purchase, packed(purchase))
    return spool


def test_what_waited_is_delivered_once(place: Store, tmp_path: Path) -> None:
    """The next run finds the purchases where it looks for them."""
    spool, masters = filled(tmp_path), Masters(place)
    assert (spool.deliver(masters), spool.deliver(masters)) == (2, 0)
    for purchase in RECEIPTS:
        assert masters.open(purchase.fingerprint, "removebg")[:2] == (purchase, b"result")
    assert list(spool.folder.iterdir()) == []


def test_what_is_worth_less_by_now_is_not_delivered(tmp_path: Path) -> None:
    """Somebody has bought the real picture meanwhile; a test of it is thrown away."""
    spool = Spool(tmp_path / "spool", "s3://shop/state")
    masters = Masters(LocalStore(str(tmp_path / "state")))
    test, paid = (receipt(purchase_class=name) for name in (PurchaseClass.TEST, PurchaseClass.PAID))
    spool.keep(test, packed(test))
    masters.keep(paid, b"preview", b"paid for")
    spool.deliver(masters)
    assert masters.open(paid.fingerprint, "removebg")[:2] == (paid, b"paid for")
    assert list(spool.folder.iterdir()) == []


def test_a_store_that_is_still_away_leaves_them_waiting(tmp_path: Path) -> None:
    """Nothing is lost by trying."""
    spool = filled(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        spool.deliver(Masters(LocalStore(str(tmp_path / "file" / "state"))))
    assert len(list(spool.folder.glob("*.zip"))) == 2


def test_each_state_has_a_spool_of_its_own(tmp_path: Path) -> None:
    """A purchase never ends up in another shop's state."""
    filled(tmp_path)
    other = Spool(tmp_path / "spool", "s3://other/state")
    assert other.deliver(Masters(LocalStore(str(tmp_path / "state")))) == 0


def test_half_a_purchase_is_not_delivered(tmp_path: Path) -> None:
    """Only whole files count."""
    spool = filled(tmp_path)
    (spool.folder / "cc.removebg.partial").write_bytes(b"half")
    assert spool.deliver(Masters(LocalStore(str(tmp_path / "state")))) == 2


def test_a_spool_that_cannot_be_written_says_what_was_lost(tmp_path: Path) -> None:
    """It stops the run, since the next purchase would be lost as well."""
    (tmp_path / "spool").touch()
    with pytest.raises(StoreUnavailable, match=r"could keep the purchase aaaaaaaa…") as refusal:
        filled(tmp_path)
    assert refusal.value.code == "purchase_lost"


def full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    """A spool on a disk that has no room for one file more."""

    def no_room(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spool = Spool(folder / "spool", "s3://shop/state")
    monkeypatch.setattr(spool_module, "force_to_disk", no_room)
    return spool


def test_where_there_is_no_room_the_copy_of_the_answer_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is whole, and the next run stores it."""
    spool = Spool(tmp_path / "spool", "s3://shop/state")
    spool.note_answer(RECEIPTS[0], packed(RECEIPTS[0]))
    (copy,) = spool.folder.iterdir()
    assert full(tmp_path, monkeypatch).keep(RECEIPTS[0], packed(RECEIPTS[0])) == copy
    assert list(spool.folder.iterdir()) == [copy]


def test_what_is_kept_needs_no_copy(tmp_path: Path) -> None:
    """One file remains of a purchase, not two."""
    spool = Spool(tmp_path / "spool", "s3://shop/state")
    spool.note_answer(RECEIPTS[0], packed(RECEIPTS[0]))
    kept = spool.keep(RECEIPTS[0], packed(RECEIPTS[0]))
    assert list(spool.folder.iterdir()) == [kept]


def test_a_purchase_that_finds_no_room_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of the room is for the next try."""
    spool = full(tmp_path, monkeypatch)
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        spool.keep(RECEIPTS[0], packed(RECEIPTS[0]))
    assert list(spool.folder.iterdir()) == []


def test_a_kill_while_a_purchase_is_put_aside_leaves_nothing_for_ever(tmp_path: Path) -> None:
    """Half of it is removed by the next run."""
    spool = filled(tmp_path)
    keep = """
import os, sys
from pathlib import Path
from packshot.world import spool as module
from tests.world.made_receipts import receipt
module.force_to_disk = lambda path: os._exit(9)
module.Spool(Path(sys.argv[1]), "s3://shop/state").keep(receipt(fingerprint="c" * 64), b"half")
"""
    run([sys.executable, "-c", keep, str(tmp_path / "spool")], cwd=ROOT, check=False)
    assert len(list(spool.folder.glob("*.partial"))) == 1
    assert spool.deliver(Masters(LocalStore(str(tmp_path / "state")))) == 2
    assert list(spool.folder.iterdir()) == []


def test_a_probe_leaves_nothing_and_names_what_to_do(tmp_path: Path) -> None:
    """A folder in which nothing can wait is found before anything is paid for."""
    spool = filled(tmp_path)
    spool.probe()
    assert not list(spool.folder.glob("*probe*"))
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match=r"name another folder with `options.spool`") as no:
        Spool(tmp_path / "file", "s3://shop/state").probe()
    assert no.value.code == "spool_unwritable"


def an_answer(spool: Spool, letter: str, content: bytes, mark: str) -> Path:
    """A copy of an answer that the process with this mark was about to store."""
    size = {"result_width": 8, "result_height": 6, "box_computed": None}
    bought = receipt(fingerprint=letter * 64, **size)
    spool.note_answer(bought, pack(bought, b"preview", content))
    (file,) = spool.folder.glob(f"*-{letter * 64}.removebg.answer")
    return file.rename(file.with_name(file.name.replace(process_mark(), mark)))


def test_answers_of_the_dead_are_delivered_whole(tmp_path: Path) -> None:
    """What decodes becomes a master with its box, the rest is dropped; the living keep theirs."""
    spool, masters = filled(tmp_path), Masters(LocalStore(str(tmp_path / "state")))
    dead = f"{process_mark().partition('-')[0]}-{2**22 + 1}"
    an_answer(spool, "c", cutout(), dead)
    an_answer(spool, "d", b"half a picture", dead)
    mine = an_answer(spool, "e", cutout(), process_mark())
    (spool.folder / mine.name.replace(process_mark(), dead)).with_suffix(".partial").touch()
    assert spool.deliver(masters) == 3
    (kept,) = masters.receipts("c" * 64)
    assert kept.box_computed == Box(16, 8, 32, 24)
    assert not masters.receipts("d" * 64) + masters.receipts("e" * 64)
    assert list(spool.folder.iterdir()) == [mine]
    spool.forget_answer("e" * 64, "removebg")
    assert not mine.exists()


def test_an_answer_outlives_its_container(tmp_path: Path) -> None:
    """Its process had our very number, or ran where we cannot look: then its age tells."""
    spool, masters = filled(tmp_path), Masters(LocalStore(str(tmp_path / "state")))
    mine = process_mark()
    an_answer(spool, "c", cutout(), f"{mine.partition('.')[0]}.1")
    elsewhere = an_answer(spool, "d", cutout(), "0123456789ab-1.1")
    assert spool.deliver(masters) == 3
    assert masters.receipts("c" * 64)
    assert list(spool.folder.iterdir()) == [elsewhere]
    os.utime(elsewhere, (0, 0))
    assert spool.deliver(masters) == 1
    assert masters.receipts("d" * 64)


def cutout() -> bytes:
    """A PNG of eight by six with a block in it."""
    picture = Image.new("RGBA", (8, 6))
    picture.paste((60, 80, 120, 255), (2, 1, 6, 4))
    body = BytesIO()
    picture.save(body, "PNG")
    return body.getvalue()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """The operator learns which file to look at."""
    spool = filled(tmp_path)
    (spool.folder / "00.removebg.zip").write_bytes(b"not a zip")
    with pytest.raises(StoreUnavailable, match=r"00\.removebg\.zip is not a master"):
        spool.deliver(Masters(LocalStore(str(tmp_path / "state"))))
