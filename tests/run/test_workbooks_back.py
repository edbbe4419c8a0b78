"""A workbook comes back with all that it held beside its pictures."""

import csv
from pathlib import Path
from zipfile import ZipFile

from openpyxl import Workbook, load_workbook

from tests.run.nights import Shop
from tests.run.test_writing_back import CDN, back, side_table, stocked

AMAZON = (
    "TemplateType=fptcustom\tVersion=2024\tTemplateSignature=x\t\r\n"
    "SKU\tTyp\tAktion\tBild\r\n"
    "item_sku\tfeed_product_type\tupdate_delete\tmain_image_url\r\n"
    "A-1\tcup\tUpdate\tIMG/1.jpg\r\n"
)
MATRIXIFY = (
    "ID,Handle,Variant ID,Image Src,Image Type,Variant Image\n"
    "1,tee,11,IMG/1.jpg,IMAGE,\n1,tee,12,IMG/2.jpg; IMG/3.jpg,IMAGE,IMG/4.jpg\n"
)
MACROS = b"\xd0\xcf\x11\xe0 a project of macros"
_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_WITH_MACROS = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
_RELATION = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"


def sheet(shop: Shop, text: str, title: str) -> tuple[Workbook, dict]:
    """A workbook with an export in it, and the fields of a job for the export's text."""
    fields = stocked(shop, text)
    book = Workbook()
    assert book.active is not None
    book.active.title = title
    with Path(fields["manifest"]).open(newline="") as file:
        for row in csv.reader(file, delimiter="\t" if "\t" in text else ","):
            book.active.append(row)
    return book, fields


def with_macros(plain: Path, file: Path) -> None:
    """The same workbook as Excel saves one with macros."""
    with ZipFile(plain) as old, ZipFile(file, "w") as new:
        for name in old.namelist():
            part = old.read(name).decode()
            if name == "[Content_Types].xml":
                part = part.replace(_MAIN, _WITH_MACROS).replace(
                    "</Types>",
                    '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
                    "</Types>",
                )
            if name == "xl/_rels/workbook.xml.rels":
                relation = f'<Relationship Id="rIdM" Type="{_RELATION}" Target="vbaProject.bin"/>'
                part = part.replace("</Relationships>", f"{relation}</Relationships>")
            new.writestr(name, part)
        new.writestr("xl/vbaProject.bin", MACROS)


def test_macros_come_back(shop: Shop) -> None:
    """Without them, and what says that they are there, Excel would not open it."""
    book, fields = sheet(shop, AMAZON, "Template")
    book.save(shop.folder / "plain.xlsx")
    manifest = shop.folder / "template.xlsm"
    with_macros(shop.folder / "plain.xlsx", manifest)
    fields |= {"manifest": str(manifest)}
    shop.night(**fields)
    assert back(shop, fields).written == 1
    again = shop.folder / "import" / "template.xlsm"
    with ZipFile(again) as archive:
        assert archive.read("xl/vbaProject.bin") == MACROS
        assert _WITH_MACROS in archive.read("[Content_Types].xml").decode()
        assert _RELATION in archive.read("xl/_rels/workbook.xml.rels").decode()
        assert len(archive.namelist()) == len({*archive.namelist()})
    (line,) = side_table(shop)
    assert load_workbook(again)["Template"]["D4"].value == line["new_url"]


def test_the_slim_file_of_a_workbook_is_text(shop: Shop) -> None:
    """And is named so."""
    book, fields = sheet(shop, AMAZON, "Template")
    fields |= {"manifest": str(shop.folder / "template.xlsm")}
    book.save(fields["manifest"])
    shop.night(**fields)
    back(shop, fields)
    names = {file.name for file in (shop.folder / "import").iterdir()}
    assert names == {"template.xlsm", "template.slim.csv", "pictures.csv"}
    lines = (shop.folder / "import" / "template.slim.csv").read_text().splitlines()
    assert lines[3] == f"A-1,cup,PartialUpdate,{side_table(shop)[0]['new_url']}"


def test_links_of_cells_lead_to_new_pictures(shop: Shop) -> None:
    """One that led to an old picture among several goes; one that led elsewhere stays."""
    book, fields = sheet(shop, MATRIXIFY, "Products")
    products = book["Products"]
    products["D2"].hyperlink = shop.url("1.jpg")
    products["D3"].hyperlink = shop.url("2.jpg")
    products["F3"].hyperlink = "https://elsewhere.example/"
    fields |= {"manifest": str(shop.folder / "Products.xlsx")}
    book.save(fields["manifest"])
    shop.night(**fields)
    assert back(shop, fields).written == 4
    again = load_workbook(shop.folder / "import" / "Products.xlsx")["Products"]
    assert again["D2"].value == again["D2"].hyperlink.target
    assert str(again["D2"].value).startswith(CDN)
    assert again["D3"].hyperlink is None
    assert again["F3"].hyperlink.target == "https://elsewhere.example/"
