"""A workbook is a manifest as it is."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from packshot.facts.errors import BadManifest
from tests.exports.test_recognised import IMG, staged


def workbook(file: Path, rows: list[list[object]], sheet: str = "Products") -> Path:
    """A workbook whose second sheet holds the products."""
    book = Workbook()
    assert book.active is not None
    book.active.title = "Read me"
    book.active.append(["Nothing", "here"])
    products = book.create_sheet(sheet)
    for row in rows:
        products.append(row)
    book.save(file)
    return file


def test_the_sheet_with_the_products_is_read(tmp_path: Path) -> None:
    """By its name; numbers, blank rows and what Excel escapes are read as a person does."""
    rows = [
        ["ID", "Handle", "Command", "Variant ID", "Image Src", "Image Position", "Image Command"],
        [1.0, "tee_x000D_", "MERGE", 11, f"{IMG}1.jpg; {IMG}2.jpg", 1, "MERGE"],
        [],
        [2, "cup", "MERGE", 12, f"{IMG}3.jpg", 2.0, "MERGE"],
    ]
    told, found = staged(workbook(tmp_path / "anything", rows))
    assert told.understanding.export is not None
    assert told.understanding.export.startswith("Matrixify")
    assert [(r["row"], r["sku"], r["position"], r["url"]) for r in found] == [
        (2, "tee", None, f"{IMG}1.jpg"),
        (2, "tee", None, f"{IMG}2.jpg"),
        (4, "cup", 2, f"{IMG}3.jpg"),
    ]


def test_a_template_of_amazon(tmp_path: Path) -> None:
    """Labels in the shop's language stand above the header."""
    rows = [
        ["TemplateType=fptcustom", "Version=2024", "TemplateSignature=x"],
        ["Hersteller-SKU", "Hauptbild", "Bild 1"],
        ["item_sku", "main_image_url", "other_image_url1"],
        ["A-1", f"{IMG}m.jpg", f"{IMG}o.jpg"],
    ]
    told, found = staged(workbook(tmp_path / "template.xlsm", rows, sheet="Vorlage"))
    assert told.images == 2
    assert {r["sku"] for r in found} == {"A-1"}


def test_a_plain_table_in_the_first_sheet(tmp_path: Path) -> None:
    """Without a sheet of that name the first one counts."""
    book = Workbook()
    assert book.active is not None
    book.active.append(["sku", "image_url"])
    book.active.append(["A", f"{IMG}a.jpg"])
    book.save(tmp_path / "plain.xlsx")
    told, _ = staged(tmp_path / "plain.xlsx")
    assert (told.understanding.export, told.images) == (None, 1)


def test_what_is_no_workbook_is_a_sentence(tmp_path: Path) -> None:
    """A ZIP of something else, and one that is cut short."""
    with ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("table.csv", "sku,image_url\n")
    with pytest.raises(BadManifest, match="is a ZIP; unpack it"):
        staged(tmp_path / "other.zip")
    with ZipFile(tmp_path / "broken.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<nothing/>")
    with pytest.raises(BadManifest, match="is no whole workbook"):
        staged(tmp_path / "broken.xlsx")
