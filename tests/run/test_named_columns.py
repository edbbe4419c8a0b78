"""The user's own columns take the place of a format's; its lists and its products stay."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from packshot.decisions.addresses import Reach
from packshot.facts.columns import ColumnNames, Understanding
from packshot.facts.errors import BadManifest, BadOption
from packshot.facts.export_choice import ExportChoice
from packshot.run.looking import scratch_folder
from packshot.run.writing_back import Wish, write_back
from packshot.world.manifest_staging import stage_manifest
from tests.exports.feeds import RSS
from tests.exports.test_recognised import IMG, WEB
from tests.run.nights import Shop, photo

WOO = 'ID,Type,SKU,Name,Images,More\n7,simple,A,Mug,"IMG/1.jpg, IMG/2.jpg","IMG/3.jpg, IMG/4.jpg"\n'
SHOPIFY = (
    "Handle,Title,Variant SKU,Image Src,Image Position,Variant Image,Asset\n"
    f"tee,Tee,T1,{IMG}1.jpg,1,{IMG}3.jpg,a1\ntee,,,{IMG}2.jpg,2,,a2\n"
)
Rows = list[tuple[str, str]]


def staged(
    folder: Path, text: str, choice: ExportChoice | None = None, **columns: object
) -> tuple[Understanding, Rows, list[str]]:
    """What a file is taken for, its pictures with their keys, and why others are rejected."""
    file = folder / "manifest"
    file.write_text(text.replace("IMG/", IMG))
    told = stage_manifest(
        str(file),
        folder / "staged",
        columns=ColumnNames.model_validate(columns),
        reach=Reach(WEB),
        storage_options={},
        choice=choice or ExportChoice(),
    )
    rows = pq.read_table(told.path).to_pylist()
    pictures = [(row["key"], row["url"].removeprefix(IMG)) for row in rows if row["url"]]
    refused = [row["reject_code"] for row in rows if row["reject_code"]]
    return told.understanding, pictures, refused


@pytest.mark.parametrize(
    ("text", "columns", "found"),
    [
        (WOO, {"sku": "ID"}, {"7": ["1", "2"]}),
        (WOO, {"image": ["More"]}, {"A": ["3", "4"]}),
        (WOO, {"sku": "id", "image": ["images", "more"]}, {"7": ["1", "2", "3", "4"]}),
        (SHOPIFY, {"sku": "Variant SKU"}, {"T1": ["1", "3", "2"]}),
        (SHOPIFY, {"image": ["Variant Image"]}, {"T1": ["3"]}),
        (SHOPIFY, {"image": ["Image Src"]}, {"tee": ["1", "2"]}),
    ],
    ids=["key", "pictures", "both", "product's key", "variants", "gallery"],
)
def test_named_columns_leave_the_format_as_it_is(
    tmp_path: Path, text: str, columns: dict[str, object], found: dict[str, list[str]]
) -> None:
    """Lists are parted, and rows without the key belong to the product above."""
    meaning, pictures, refused = staged(tmp_path, text, **columns)
    assert meaning.export is not None
    assert meaning.because.endswith("; its columns are as asked")
    expected = [(sku, f"{number}.jpg") for sku, numbers in found.items() for number in numbers]
    assert [(key.partition("@")[0].partition("#")[0], url) for key, url in pictures] == expected
    assert set(refused) <= {"no_picture"}


def test_ids_and_positions_may_be_named_as_well(tmp_path: Path) -> None:
    """Each picture goes by the id, and the positions are those of the column."""
    _, pictures, _ = staged(tmp_path, SHOPIFY, image=["Image Src"], image_id="asset")
    assert pictures == [("a1", "1.jpg"), ("a2", "2.jpg")]
    numbered = SHOPIFY.replace("a1", "8").replace("a2", "9")
    _, pictures, _ = staged(tmp_path, numbered, image=["Image Src"], position="Asset")
    assert pictures == [("tee#8", "1.jpg"), ("tee#9", "2.jpg")]


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With those that are."""
    with pytest.raises(BadManifest, match=r"no column `Sku2`.*choose one of `ID`, `Type`"):
        staged(tmp_path, WOO, sku="Sku2")


def test_a_feed_in_xml_goes_by_another_key(tmp_path: Path) -> None:
    """Its pictures it names itself."""
    text = RSS.replace("</g:id>", "</g:id><g:mpn>P-1</g:mpn>", 1)
    meaning, pictures, _ = staged(tmp_path, text, sku="mpn")
    assert meaning.export == "Google Merchant Center, XML"
    assert pictures[0][0].startswith("P-1@")
    with pytest.raises(BadManifest, match="leave `--image-column`"):
        staged(tmp_path, text, image=["image_link"])


def test_the_key_of_a_feed_may_be_any_element(tmp_path: Path) -> None:
    """By its local name; one that no item has is told."""
    text = RSS.replace("</g:id>", "</g:id><g:gtin>400</g:gtin>", 1)
    _, pictures, refused = staged(tmp_path, text, sku="g:gtin")
    assert {key.partition("@")[0] for key, _ in pictures} == {"400"}
    assert refused == ["no_sku", "no_picture"]
    with pytest.raises(BadOption, match=r"has `ean`, which .*: id, gtin"):
        staged(tmp_path, text, sku="ean")


@pytest.mark.parametrize(
    ("cell", "found", "refused"),
    [
        (f"{IMG}1.jpg, {IMG}2.jpg|{IMG}3.jpg", ["1.jpg", "2.jpg", "3.jpg"], []),
        (f"{IMG}1.jpg\n{IMG}2.jpg;{IMG}3.jpg {IMG}4.jpg", [f"{n}.jpg" for n in (1, 2, 3, 4)], []),
        (f"{IMG}w_80,h_80/1.jpg,{IMG}2.jpg", ["w_80,h_80/1.jpg", "2.jpg"], []),
        (f"{IMG}a?to={IMG}1.jpg", [f"a?to={IMG}1.jpg"], []),
        (f"{IMG}1.jpg or so, {IMG}2.jpg", [], ["bad_url"]),
        (f"{IMG}1.jpg,https://me:pass@img.example/2.jpg", [], ["bad_url"]),
    ],
    ids=["marks", "blanks", "comma inside", "one inside", "not whole", "a login"],
)
def test_a_cell_of_a_plain_table_may_hold_several(
    tmp_path: Path, cell: str, found: list[str], refused: list[str]
) -> None:
    """Where each piece is a whole address; what is not stays a sentence."""
    choice = ExportChoice(format="table")
    _, pictures, why = staged(tmp_path, f'ID,Images\n7,"{cell}"\n', choice)
    assert [url for _, url in pictures] == found
    assert why == refused


def test_several_of_a_cell_come_back(shop: Shop) -> None:
    """Each in its place, and what parts them stays."""
    for number in (1, 2, 3):
        shop.put(f"{number}.jpg", photo(number))
    one, two, three = (shop.url(f"{number}.jpg") for number in (1, 2, 3))
    file = shop.folder / "plain.csv"
    file.write_text(f'sku,image_url,more\nA,"{one}, {two}",x\nB,{three},y\n')
    fields = {"manifest": str(file)}
    shop.take_down("2.jpg")
    shop.night(**fields)
    with scratch_folder() as folder:
        wish = Wish(shop.folder / "import", "https://cdn.example/new")
        assert write_back(shop.job(**fields), wish, folder).written == 2
    _, row, other = (shop.folder / "import" / "plain.csv").read_text().splitlines()
    assert row.startswith('A,"https://cdn.example/new/')
    assert row.endswith(f', {two}",x')
    assert other.startswith("B,https://cdn.example/new/")
