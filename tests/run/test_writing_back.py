"""From a shop's export to its import file, through a whole night."""

import csv
import gzip
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

from packshot.exports.registry import FORMATS
from packshot.facts.errors import BadOption
from packshot.run.looking import scratch_folder, stage
from tests.exports.feeds import CATALOG, CATALOG_PICTURES, FEEDS
from tests.exports.samples import SAMPLES
from tests.run.nights import Night, Shop, photo
from tests.run.way_back import CDN, back, side_table, stocked

GOOGLE = (
    "id\ttitle\timage_link\tadditional_image_link\n"
    "A\tMug\tIMG/1.jpg\tIMG/2.jpg\nB\tPot\tIMG/3.jpg\t\n"
)


def test_what_was_not_made_keeps_its_old_picture(shop: Shop) -> None:
    """And is listed with the reason."""
    fields = stocked(shop, GOOGLE)
    shop.take_down("2.jpg")
    shop.night(**fields)
    done = back(shop, fields)
    assert done.written == 2
    (reason,) = done.kept
    assert "404" in reason
    lines = (shop.folder / "import" / "export.csv").read_text().splitlines()
    assert lines[1].split("\t")[3] == shop.url("2.jpg")
    told = {line["source_url"].rpartition("/")[2]: line for line in side_table(shop)}
    assert (told["2.jpg"]["new_url"], told["2.jpg"]["outcome"]) == ("", "failed")


MAGENTO = "sku,base_image,additional_images\nA,no_selection,"
WOO = "ID,Type,SKU,Name,Images\n1,simple,A,Mug,"
NESTED = {
    "paths": (f'{MAGENTO}"/old/b.jpg,/b.jpg"\n', "old/b.jpg", ",/b.jpg"),
    "paths, the shorter first": (f'{MAGENTO}"/b.jpg,/old/b.jpg"\n', "old/b.jpg", "/b.jpg,"),
    "addresses": (f'{WOO}"IMG/a.jpg.old, IMG/a.jpg"\n', "a.jpg.old", ", IMG/a.jpg"),
    "addresses, the shorter first": (
        f'{WOO}"IMG/a.jpg, IMG/a.jpg.old"\n',
        "a.jpg.old",
        "IMG/a.jpg, ",
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_an_address_within_one_that_failed_is_left_alone(shop: Shop, name: str) -> None:
    """In a list, the new address takes the place of its own old one."""
    text, failed, made = NESTED[name]
    fields = stocked(shop, text, base="https://img.example")
    shop.take_down(failed)
    shop.night(**fields)
    assert back(shop, fields).written == 1
    (new_url,) = filter(None, (line["new_url"] for line in side_table(shop)))
    host = shop.url("").rstrip("/")
    instead = made.replace(made.strip(", "), new_url)
    expected = text.replace(made, instead).replace("IMG", host)
    assert (shop.folder / "import" / "export.csv").read_text() == expected


SHOPIFY = "Handle,Title,Image Src,Image Position\na,A,IMG/a.jpg,1\n"
TORN = {
    "a doubled quote and an open one": 'b,"19"" tv,IMG/b.jpg,1\nc,C,IMG/c.jpg,1\n',
    "an open quote that meets another": 'b,"Tv,IMG/b.jpg,1\nc,"C, x",IMG/c.jpg,1\n',
    "more cells than the header has": "b,T,v,IMG/b.jpg,1\nc,C,IMG/c.jpg,1\n",
    "a cell too long to be read": f"b,{'x' * 140_000},IMG/b.jpg,1\nc,C,IMG/c.jpg,1\n",
    "a long cell within quotes": f'b,"\n{"x" * 140_000}\n",IMG/b.jpg,1\nc,C,IMG/c.jpg,1\n',
}


@pytest.mark.parametrize("name", TORN)
def test_rows_below_a_torn_one_have_their_own_pictures(shop: Shop, name: str) -> None:
    """The way back counts rows as the run did; the torn one stays as it was."""
    below = 'd,"two\nlines",IMG/d.jpg,1\n\ne,E,IMG/e.jpg,1,\nf,F,IMG/f.jpg'
    fields = stocked(shop, SHOPIFY + TORN[name] + below)
    shop.night(**fields)
    assert back(shop, fields).written == 5
    expected = Path(fields["manifest"]).read_text()
    for letter in "acdef":
        (line,) = (
            one for one in side_table(shop) if one["source_url"] == shop.url(f"{letter}.jpg")
        )
        assert line["new_url"]
        expected = expected.replace(line["source_url"], line["new_url"])
    assert shop.url("b.jpg") in expected
    assert (shop.folder / "import" / "export.csv").read_text() == expected


def test_a_night_with_few_changes_is_written_back_too(shop: Shop) -> None:
    """What it learned lies beside what the first one did."""
    head, *rows = "sku,image\n", *(f"S{number},IMG/{number}.jpg\n" for number in range(30))
    shop.night(**stocked(shop, head + "".join(rows[:-1])))
    fields = stocked(shop, head + "".join(rows))
    shop.night(**fields)
    done = back(shop, fields)
    assert (done.written, done.kept) == (30, {})


def test_a_picture_that_was_replaced_since_keeps_its_address(shop: Shop) -> None:
    """What stands there now has not been cut out."""
    fields = stocked(shop, GOOGLE)
    shop.night(**fields)
    manifest = Path(fields["manifest"])
    manifest.write_text(manifest.read_text().replace("3.jpg", "4.jpg"))
    assert back(shop, fields).kept == {"no run has seen this picture": 1}


def test_the_slim_file_has_only_what_an_import_needs(shop: Shop) -> None:
    """And the side table has every picture."""
    fields = stocked(shop, GOOGLE)
    shop.night(**fields)
    back(shop, fields)
    with (shop.folder / "import" / "export.slim.csv").open(newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    assert header == ["id", "image_link", "additional_image_link"]
    assert [row[0] for row in rows] == ["A", "B"]
    assert all(cell.startswith(CDN) for row in rows for cell in row[1:] if cell)


def test_what_lies_on_the_shops_own_machine_is_listed(shop: Shop) -> None:
    """It costs nothing, fails nothing, keeps its address, and stands in the side table."""
    fields = stocked(shop, GOOGLE.replace("IMG/3.jpg", "http://192.168.7.7/3.jpg"))
    night = shop.night(**fields)
    assert night.summary.outcomes == {"cut": 2, "skipped": 1}
    done = back(shop, fields)
    assert done.written == 2
    told = [line for line in side_table(shop) if "192.168" in line["source_url"]]
    assert [(line["outcome"], line["new_url"]) for line in told] == [("skipped", "")]
    assert "http://192.168.7.7/3.jpg" in (shop.folder / "import" / "export.csv").read_text()


EBAY = (
    "Info,Version=1.0.0\r\nAction(SiteID=US),CustomLabel,PicURL\r\n"
    "Revise,A,IMG/1.jpg|IMG/2.jpg\r\nRevise,B,IMG/3.jpg\r\n"
)


def test_pictures_of_a_listing_go_together(shop: Shop) -> None:
    """Where a platform mixes no hosting, one that failed keeps the others back."""
    fields = stocked(shop, EBAY)
    shop.take_down("2.jpg")
    shop.night(**fields)
    done = back(shop, fields)
    assert done.written == 1
    assert any("may not be mixed" in reason for reason in done.kept)
    text = (shop.folder / "import" / "export.csv").read_text()
    assert f"{shop.url('1.jpg')}|{shop.url('2.jpg')}" in text


def test_a_platform_is_not_given_what_it_refuses(shop: Shop) -> None:
    """WebP for Magento, pictures over http for eBay, a folder that holds the manifest itself."""
    magento = next(one for one in SAMPLES.values() if one.format == "magento")
    webp = {"variants": [{"name": "web", "format": "webp"}]}
    fields = stocked(shop, magento.text, base=magento.base_url) | webp
    shop.night(**fields)
    with pytest.raises(BadOption, match="takes no WEBP; choose a variant of gif, jpeg, jpg, png"):
        back(shop, fields)
    with pytest.raises(BadOption, match="is no address"):
        back(shop, fields, public_url="cdn.example")
    with pytest.raises(BadOption, match="no variant `print`; choose one of web"):
        back(shop, fields, variant="print")
    plain = stocked(shop, EBAY) | {"max_gone_share": 1.0}
    shop.night(**plain)
    assert back(shop, plain, public_url="http://cdn.example").written == 0
    with pytest.raises(BadOption, match="is the manifest itself"):
        back(shop, plain, folder=shop.folder)


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_comes_back_with_new_pictures(shop: Shop, name: str) -> None:
    """In XML, too, nothing else changes: not a blank, not a prefix, not how text is escaped."""
    text, pictures = FEEDS[name]
    fields = stocked(shop, text)
    shop.night(**fields)
    assert back(shop, fields).written == len(pictures)
    old, new = Path(fields["manifest"]).read_text(), (shop.folder / "import/export.csv").read_text()
    items = old.split("</item>")
    for line, (row, _, address) in zip(side_table(shop), pictures, strict=True):
        for written in (shop.url(address), shop.url(address).replace("&", "&amp;")):
            items[row - 1] = items[row - 1].replace(written, line["new_url"])
    assert new == "</item>".join(items)


def test_a_catalog_of_salesforce_comes_back_with_paths(shop: Shop) -> None:
    """Below the folder that its paths hang on; another place is told, and nothing changes."""
    fields = stocked(shop, CATALOG.replace("HEAD", ""), base="https://img.example")
    shop.night(**fields)
    old, new = Path(fields["manifest"]), shop.folder / "import" / "export.csv"
    done = back(shop, fields)
    assert done.written == 0
    (reason,) = done.kept
    assert reason.startswith(f"the platform takes paths below {shop.url('').rstrip('/')} only")
    assert new.read_bytes() == old.read_bytes()
    assert back(shop, fields, public_url=shop.url("new shoes")).written == len(CATALOG_PICTURES)
    expected = old.read_text()
    head, comment, rest = expected.partition("</product> -->")
    for line, (_, _, path) in zip(side_table(shop), CATALOG_PICTURES, strict=True):
        made = unquote(line["new_url"]).removeprefix(shop.url(""))
        assert made.startswith("new shoes/")
        written = unquote(path).replace("&", "&amp;")
        rest = rest.replace(f'"{written}"', f'"{made}"').replace(f"'{written}'", f"'{made}'")
    assert new.read_text() == head + comment + rest


def test_an_archive_of_akeneo_comes_back_with_files(shop: Shop) -> None:
    """Unpacked, the pictures lie beside the table; so they do in the archive that is imported."""
    text = "sku;categories;enabled;family;groups;photo\nAK-1;a;1;shoes;;files/AK-1/photo/x 1.png\n"
    manifest = shop.folder / "products.csv"
    manifest.write_text(text)
    picture = shop.folder / "files" / "AK-1" / "photo" / "x 1.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(photo(3))
    fields = {"manifest": str(manifest), "allow_local": True}
    night = shop.night(**fields)
    assert set(night.outcomes.values()) == {"cut"}
    assert back(shop, fields).written == 1
    old, new = text.splitlines(), (shop.folder / "import" / "products.csv").read_text().splitlines()
    assert new[0] == old[0]
    written = new[1].removeprefix("AK-1;a;1;shoes;;files/")
    assert Path(shop.job(**fields).destination, written).is_file()


def test_two_sheets_of_opencart_come_back(shop: Shop) -> None:
    """Further pictures stand in a sheet of their own and belong to the product of their number."""
    book = Workbook()
    products, options = book.active, book.create_sheet("Options")
    assert products is not None
    products.title = "Products"
    products.append(["product_id", "name(en-gb)", "sku", "model", "image_name"])
    products.append([9, "Mug", None, "M-9", "catalog/mug.jpg"])
    products.append([10, "Pot\nblue", None, "M-10", "catalog/pot.jpg"])
    options.append(["product_id", "option"])
    further = book.create_sheet("AdditionalImages")
    further.append(["sort_order", "product_id", "image"])
    for row in ([0, 10, "catalog/pot-2.jpg"], [0, 9, "catalog/mug-2.jpg"], [1, 9, "c/m 3.jpg"]):
        further.append(row)
    manifest = shop.folder / "backup.xlsx"
    book.save(manifest)
    base = shop.url("").rstrip("/")
    fields = {"manifest": str(manifest), "export": {"base_url": base}}
    with scratch_folder() as folder:
        rows = pq.read_table(stage(shop.job(**fields), folder).path).to_pylist()
    assert [(row["row"], row["sku"], row["url"].removeprefix(f"{base}/")) for row in rows] == [
        (2, "M-9", "catalog/mug.jpg"),
        (3, "M-10", "catalog/pot.jpg"),
        (4, "M-10", "catalog/pot-2.jpg"),
        (5, "M-9", "catalog/mug-2.jpg"),
        (6, "M-9", "c/m%203.jpg"),
    ]
    for colour, row in enumerate(rows):
        file = shop.pictures / unquote(urlsplit(row["url"]).path.partition(f"/{shop.name}/")[2])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photo(colour))
    shop.night(**fields)
    assert back(shop, fields, public_url=f"{base}/packshot").written == 5
    again = load_workbook(shop.folder / "import" / "backup.xlsx")
    made = [line["new_url"].removeprefix(f"{base}/") for line in side_table(shop)]
    assert [again["Products"][f"E{row}"].value for row in (2, 3)] == made[:2]
    assert [again["AdditionalImages"][f"C{row}"].value for row in (2, 3, 4)] == made[2:]
    assert [again["AdditionalImages"][f"B{row}"].value for row in (1, 2, 3, 4)] == [
        "product_id",
        *(10, 9, 9),
    ]
    assert again["Products"]["B3"].value == "Pot\nblue"


def test_a_workbook_comes_back_cell_by_cell(shop: Shop) -> None:
    """Other sheets, other cells and their formats stay."""
    text = "ID,Handle,Variant ID,Image Src,Image Type,Note\n1,tee,11,IMG/1.jpg; IMG/2.jpg,IMAGE,\n"
    fields = stocked(shop, text)
    book = Workbook()
    notes, products = book.active, book.create_sheet("Products")
    assert notes is not None
    notes["A1"] = "keep me"
    for row in csv.reader(Path(fields["manifest"]).read_text().splitlines()):
        products.append(row)
    products["B2"].font = Font(bold=True)
    products["F2"] = "=1+1"
    manifest = shop.folder / "Products.xlsx"
    book.save(manifest)
    fields |= {"manifest": str(manifest)}
    shop.night(**fields)
    assert back(shop, fields).written == 2
    again = load_workbook(shop.folder / "import" / "Products.xlsx")
    assert again["Sheet"]["A1"].value == "keep me"
    assert again["Products"]["B2"].font.bold
    assert again["Products"]["F2"].value == "=1+1"
    first, second = str(again["Products"]["D2"].value).split("; ")
    assert {first, second} == {line["new_url"] for line in side_table(shop)}


def test_a_plain_table_comes_back_too(shop: Shop) -> None:
    """Whatever it calls its columns; what is no text has the side table."""
    fields = stocked(shop, "sku;image;note\nA;IMG/1.jpg;x\nB;IMG/2.jpg;y\n")
    night: Night = shop.night(**fields)
    assert len(night.outcomes) == 2
    assert back(shop, fields).written == 2
    lines = (shop.folder / "import" / "export.csv").read_text().splitlines()
    assert [line.split(";")[2] for line in lines] == ["note", "x", "y"]
    assert all(CDN in line for line in lines[1:])


def test_columns_that_differ_in_brackets_only_are_two(shop: Shop) -> None:
    """Each new address in its own column; a column that nobody named stays."""
    text = "sku;Image (front);Image (back);Images\nA;IMG/f.jpg;IMG/b.jpg;IMG/f.jpg\n"
    columns = {"sku": "sku", "image": ["Image (front)", "Image (back)"]}
    fields = stocked(shop, text, columns=columns)
    shop.night(**fields)
    assert back(shop, fields).written == 2
    front, behind = (line["new_url"] for line in side_table(shop))
    header, row = (shop.folder / "import" / "export.csv").read_text().splitlines()
    assert header == text.splitlines()[0]
    assert row == f"A;{front};{behind};{shop.url('f.jpg')}"


def test_what_stands_nowhere_in_its_row_is_not_said_to_be_written(shop: Shop) -> None:
    """A plain table is fetched from what it says, and an entity there is not undone."""
    fields = stocked(shop, "sku,image\nA,IMG/f.jpg?a=1&amp;b=2\nB,IMG/b.jpg\n")
    shop.night(**fields)
    done = back(shop, fields)
    assert done.written == 1
    (reason,) = done.kept
    assert reason.startswith("its address does not stand in its row")
    assert [line["reason"] for line in side_table(shop)] == [reason, ""]
    text = (shop.folder / "import" / "export.csv").read_text()
    assert text.count(CDN) == 1


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-8"])
def test_a_feed_is_read_in_the_encoding_that_it_declares(shop: Shop, encoding: str) -> None:
    """An address with an umlaut in it is found again, and no other letter changes."""
    text = (
        f"<?xml version='1.0' encoding='{encoding}'?>\n<rss><channel><item><id>A</id>"
        "<title>Bücher §</title><image_link>IMG/tür.jpg</image_link></item></channel></rss>\n"
    )
    fields = stocked(shop, text, encoding)
    shop.night(**fields)
    assert back(shop, fields).written == 1
    (line,) = side_table(shop)
    expected = Path(fields["manifest"]).read_bytes().decode(encoding)
    expected = expected.replace(shop.url("tür.jpg"), line["new_url"])
    assert (shop.folder / "import" / "export.csv").read_bytes() == expected.encode(encoding)


def test_files_of_one_name_come_back_below_their_folders(shop: Shop) -> None:
    """None is written over another, neither is its slim file."""
    fields = stocked(shop, GOOGLE)
    manifest = Path(fields["manifest"])
    for folder, line in (("de", 1), ("fr", 2)):
        lines = manifest.read_text().splitlines(keepends=True)
        (shop.folder / "catalogs" / folder).mkdir(parents=True)
        (shop.folder / "catalogs" / folder / "x.csv").write_text(lines[0] + lines[line])
    fields |= {"manifest": str(shop.folder / "catalogs" / "*" / "x.csv")}
    shop.night(**fields)
    done = back(shop, fields)
    assert done.written == 3
    made = shop.folder / "import"
    names = ["de/x.csv", "de/x.slim.csv", "fr/x.csv", "fr/x.slim.csv", "pictures.csv"]
    assert sorted(done.files) == [str(made / name) for name in names]
    assert sorted(str(one) for one in made.rglob("*") if one.is_file()) == sorted(done.files)
    assert [(made / name).read_text().count(CDN) for name in names] == [2, 2, 1, 1, 3]


def test_a_manifest_called_like_the_side_table_comes_back(shop: Shop) -> None:
    """The side table has another name then."""
    fields = stocked(shop, "sku,image\nA,IMG/1.jpg\n")
    manifest = shop.folder / "pictures.csv"
    manifest.write_bytes(Path(fields["manifest"]).read_bytes())
    fields |= {"manifest": str(manifest)}
    shop.night(**fields)
    made = shop.folder / "import"
    assert back(shop, fields).files == [
        str(made / "pictures.csv"),
        str(made / "pictures.outcomes.csv"),
    ]
    new_url = next(csv.DictReader((made / "pictures.outcomes.csv").open()))["new_url"]
    expected = manifest.read_text().replace(shop.url("1.jpg"), new_url)
    assert (made / "pictures.csv").read_text() == expected


def test_nothing_half_is_left(shop: Shop) -> None:
    """What cannot be finished leaves the folder as it was; no file of the manifest is lost."""
    fields = stocked(shop, GOOGLE)
    manifest = Path(fields["manifest"])
    shop.night(**fields)
    back(shop, fields)
    made = shop.folder / "import"
    before = {file: file.read_bytes() for file in made.iterdir()}
    catalogs = shop.folder / "catalogs"
    (catalogs / "old").mkdir(parents=True)
    for name in ("export.csv", "export.csv.gz", "old/export.csv"):
        content = manifest.read_bytes()
        (catalogs / name).write_bytes(gzip.compress(content) if "gz" in name else content)
    for wanted, folder in (("*.*", made), ("**/*.csv", catalogs / "old")):
        whole = {file: file.read_bytes() for file in catalogs.rglob("*") if file.is_file()}
        refused = fields | {"manifest": str(catalogs / wanted)}
        with pytest.raises(BadOption, match=r"would be written as|is the manifest itself"):
            back(shop, refused, folder=folder)
        assert {file: file.read_bytes() for file in catalogs.rglob("*") if file.is_file()} == whole
    assert {file: file.read_bytes() for file in made.iterdir()} == before


FEED = (
    "<rss><channel>{}</channel></rss>",
    "<item><id>{}</id><image_link>IMG/{}</image_link>{}</item>",
    "<additional_image_link>IMG/{}</additional_image_link>",
)
CHOSEN = {
    "an export": ("sku,base_image,additional_images\nA,IMG/1.jpg,IMG/2.jpg\nB,IMG/3.jpg,\n", True),
    "a plain table": ("sku,image_1,image_2\nA,IMG/1.jpg,IMG/2.jpg\nB,IMG/3.jpg,\n", True),
    "a feed": (
        FEED[0].format(
            FEED[1].format("A", "1.jpg", FEED[2].format("2.jpg")) + FEED[1].format("B", "3.jpg", "")
        ),
        False,
    ),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_what_was_left_out_stands_in_the_side_table(shop: Shop, name: str) -> None:
    """With the reason, as every picture does, and with its key where the file is a table."""
    text, keyed = CHOSEN[name]
    fields = stocked(shop, text)
    sku = "id" if name == "a feed" else "sku"
    for choice, left in (({"pictures": "main"}, "2"), ({"where": f"{sku} = 'A'"}, "3")):
        chosen = fields | {"export": choice}
        shop.night(**chosen, max_gone_share=1.0)
        assert back(shop, chosen).written == 2
        told = {line["source_url"]: line for line in side_table(shop)}
        assert set(told) == {shop.url(f"{number}.jpg") for number in (1, 2, 3)}
        out = told.pop(shop.url(f"{left}.jpg"))
        assert (out["outcome"], out["new_url"]) == ("skipped", "")
        assert out["reason"] == "Left out by `--where` or `--pictures`."
        expected = f"{'A' if left == '2' else 'B'}@{shop.url('').partition('//')[2]}{left}.jpg"
        assert out["key"] == (expected if keyed else "")
        assert {line["outcome"] for line in told.values()} == {"cut"}


def test_a_listing_of_which_some_is_left_out_is_not_mixed(shop: Shop) -> None:
    """What was left out has its old address, beside which eBay takes no new one."""
    fields = stocked(shop, EBAY)
    fields |= {"export": {"pictures": "main"}}
    shop.night(**fields)
    done = back(shop, fields)
    assert done.written == 1
    assert any("may not be mixed" in reason for reason in done.kept)


def test_pictures_of_one_path_are_told_apart(shop: Shop) -> None:
    """The side table keeps what of a query says which picture, and no more."""
    fields = stocked(
        shop, "sku,image\nA,IMG/i.png?id=1&token=x-y-z\nB,IMG/i.png?token=x-y-z&id=2\n"
    )
    shop.night(**fields)
    assert back(shop, fields).written == 2
    told = [line["source_url"] for line in side_table(shop)]
    assert told == [shop.url("i.png?id=1"), shop.url("i.png?id=2")]
    assert "x-y-z" not in (shop.folder / "import" / "pictures.csv").read_text()


def test_every_format_says_what_an_import_does() -> None:
    """Nobody imports a catalog blindly."""
    assert all(one.way_back.told for one in FORMATS.values())
