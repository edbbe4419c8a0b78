"""Files that change pictures and nothing else, for platforms that take them."""

import csv
from pathlib import Path

import pytest

from tests.exports.samples import SAMPLES
from tests.run.nights import Shop
from tests.run.test_writing_back import CDN, back, side_table, stocked

HEAD_V3 = (
    "Item,ID,Name,SKU,Price,Variant Image URL,Internal Image URL (Export),Image URL (Import),"
    "Image Description,Image is Thumbnail,Image Sort Order\r\n"
)
BIGCOMMERCE_3 = (
    HEAD_V3 + "Product,10,Mug,MUG,9.00,,,,,,\r\n"
    "Variant,11,,MUG-R,,IMG/red.jpg,,,,,\r\n"
    "Image,12,,,,,IMG/1.jpg,,front,TRUE,0\r\n"
    "Image,13,,,,,IMG/gone.jpg,,,FALSE,1\r\n"
    "Image,14,,,,,IMG/3.jpg,,back,FALSE,2\r\n"
    "Product,20,Pot,POT,1.00,,,,,,\r\n"
    "Image,21,,,,,IMG/gone.jpg,,,TRUE,0\r\n"
)
EBAY = (
    "\ufeffInfo,Version=1.0.0,Template=fx_category_template_EBAY_US\r\n"
    "*Action(SiteID=US|Version=1193),ItemID,CustomLabel,*Title,PicURL,Relationship\r\n"
    'Add,1,A,"Mug, blue",IMG/1.jpg|IMG/2.jpg,\r\n'
    "Add,2,B,Pot,IMG/gone.jpg,\r\n"
    "Add,3,C,Cup,IMG/3.jpg,\r\n"
    ",,C-1,,IMG/4.jpg,Variation\r\n"
    "Add,4,D,Jug,IMG/5.jpg,\r\n"
    ",,D-1,,,Variation\r\n"
    "Info,Indicators: Required,,,,\r\n"
)
AMAZON = (
    "TemplateType=fptcustom\tVersion=2024\tTemplateSignature=x\t\t\t\r\n"
    "SKU\tTyp\tArt\tAktion\tBild\tBild 1\r\n"
    "item_sku\tfeed_product_type\titem_name\tupdate_delete\tmain_image_url\tother_image_url1\r\n"
    "A-1\tcup\tBecher\tUpdate\tIMG/1.jpg\tIMG/2.jpg\r\n"
    "A-2\tcup\tTasse\tUpdate\tIMG/gone.jpg\t\r\n"
)


def slim(shop: Shop, text: str, **wish: object) -> list[list[str]]:
    """The rows of the slim file after a night in which one picture was not there."""
    fields = stocked(shop, text)
    if "IMG/gone.jpg" in text:
        shop.take_down("gone.jpg")
    shop.night(**fields)
    back(shop, fields, **wish)
    (file,) = (shop.folder / "import").glob("*.slim.csv")
    with file.open(newline="") as opened:
        return list(csv.reader(opened, delimiter="\t" if "\t" in text else ","))


def new(shop: Shop, name: str) -> str:
    """The address of what was made of a picture."""
    return next(
        line["new_url"] for line in side_table(shop) if line["source_url"] == shop.url(name)
    )


def test_bigcommerce_gets_pictures_below_their_product(shop: Shop) -> None:
    """Only what changed, and the product that it belongs to."""
    header, *rows = slim(shop, BIGCOMMERCE_3)
    assert header == [
        "Item",
        "ID",
        "Name",
        "SKU",
        "Image URL (Import)",
        "Image Description",
        "Image is Thumbnail",
        "Image Sort Order",
    ]
    assert rows == [
        ["Product", "10", "Mug", "MUG", "", "", "", ""],
        ["Image", "12", "", "", new(shop, "1.jpg"), "front", "TRUE", "0"],
        ["Image", "14", "", "", new(shop, "3.jpg"), "back", "FALSE", "2"],
    ]


def test_bigcommerce_gets_the_ids_of_pictures(shop: Shop) -> None:
    """In the older format each slot has its own columns; the name comes twice, and counts once."""
    text = (
        "Item Type,Product ID,Product Name,Product Code/SKU,Price,Category,Product Image ID - 1,"
        "Product Image File - 1,Product Image File - 1,Product Image URL - 1,Product Image ID - 2,"
        "Product Image File - 2,Product Image File - 2,Product Image URL - 2\r\n"
        "Product,5,Mug,MUG,9,Home,71,m.jpg,d/1/m.jpg,IMG/1.jpg,72,n.jpg,d/1/n.jpg,IMG/2.jpg\r\n"
        "Product,6,Pot,POT,9,Home,73,p.jpg,d/1/p.jpg,IMG/gone.jpg,,,,\r\n"
    )
    header, *rows = slim(shop, text)
    assert header == [
        *("Item Type", "Product ID", "Product Name", "Category"),
        *("Product Image ID - 1", "Product Image ID - 2"),
        *("Product Image File - 1", "Product Image File - 2"),
    ]
    assert rows == [
        ["Product", "5", "Mug", "Home", "71", "72", new(shop, "1.jpg"), new(shop, "2.jpg")]
    ]
    whole = (shop.folder / "import" / "export.csv").read_text().splitlines()[1].split(",")
    assert whole[7:10] == [new(shop, "1.jpg"), "d/1/m.jpg", shop.url("1.jpg")]
    assert whole[11:14] == [new(shop, "2.jpg"), "d/1/n.jpg", shop.url("2.jpg")]


def test_ebay_revises_listings(shop: Shop) -> None:
    """The first line stays to the byte; variations with pictures need the whole file."""
    rows = slim(shop, EBAY)
    pictures = f"{new(shop, '1.jpg')}|{new(shop, '2.jpg')}"
    assert rows[1:] == [
        ["*Action(SiteID=US|Version=1193)", "ItemID", "CustomLabel", "PicURL"],
        ["Revise", "1", "A", pictures],
        ["Revise", "4", "D", new(shop, "5.jpg")],
    ]
    first = (shop.folder / "import" / "export.slim.csv").read_bytes().split(b"\r\n")[0]
    assert first == EBAY.encode().split(b"\r\n")[0]


def test_amazon_updates_partly(shop: Shop) -> None:
    """Its three rows above stay whole, and every column its place; nothing else is filled in."""
    rows = slim(shop, AMAZON)
    assert rows[:3] == [line.split("\t") for line in AMAZON.split("\r\n")[:3]]
    pictures = [new(shop, "1.jpg"), new(shop, "2.jpg")]
    assert rows[3:] == [["A-1", "cup", "", "PartialUpdate", *pictures]]


MAGENTO = (
    "sku,store_view_code,name,base_image\r\n"
    "B-1,,Bag,IMG/bag.jpg\r\nB-1,de,Tasche,IMG/tasche.jpg\r\n"
)
SHOPIFY = (
    "Handle,Title,Variant SKU,Image Src,Image Position,Image Alt Text,Variant Image\r\n"
    "tee,Tee,T1,IMG/1.jpg,1,front,IMG/v.jpg\r\ntee,,T2,,,,IMG/v2.jpg\r\n"
)
MATRIXIFY = (
    "ID,Handle,Command,Variant ID,Image Type,Image Src,Image Position,Image Command\r\n"
    "1,tee,REPLACE,11,IMAGE,IMG/1.jpg,1,REPLACE\r\n"
    "1,tee,MERGE,,EXTERNAL_VIDEO,https://video.example/x,3,MERGE\r\n"
)


def test_magento_gets_no_picture_of_a_store_view(shop: Shop) -> None:
    """Without its view the row would be the product's own."""
    assert slim(shop, MAGENTO) == [["sku", "base_image"], ["B-1", new(shop, "bag.jpg")]]


def test_shopify_gets_no_row_without_a_picture_of_the_gallery(shop: Shop) -> None:
    """A blank cell would be taken for news."""
    assert slim(shop, SHOPIFY) == [
        ["Handle", "Title", "Image Src", "Image Position", "Image Alt Text"],
        ["tee", "Tee", new(shop, "1.jpg"), "1", "front"],
    ]


def test_matrixify_merges_pictures_and_leaves_videos_alone(shop: Shop) -> None:
    """In a file whose name says what it holds."""
    assert slim(shop, MATRIXIFY) == [
        ["ID", "Handle", "Image Src", "Image Position", "Command", "Image Command"],
        ["1", "tee", new(shop, "1.jpg"), "1", "MERGE", "MERGE"],
    ]
    assert (shop.folder / "import" / "export.Products.slim.csv").exists()


def test_a_slim_file_is_read_like_its_export(shop: Shop) -> None:
    """UTF-16 has its mark of byte order; without one nobody could tell what it is."""
    fields = stocked(shop, "\ufeff" + SHOPIFY.replace("tee", "футболка"), "utf-16-le")
    shop.night(**fields)
    back(shop, fields)
    old, new = Path(fields["manifest"]), shop.folder / "import" / "export.slim.csv"
    assert new.read_bytes()[:2] == old.read_bytes()[:2]
    assert new.read_text("utf-16").startswith("Handle,")


def test_without_the_column_that_says_so_there_is_no_such_file(shop: Shop) -> None:
    """Else an import would take empty cells for news."""
    fields = stocked(shop, AMAZON.replace("update_delete", "other"))
    shop.take_down("gone.jpg")
    shop.night(**fields)
    back(shop, fields)
    assert not (shop.folder / "import" / "export.slim.csv").exists()


def test_what_an_import_would_not_read_is_told(shop: Shop) -> None:
    """BigCommerce reads another column than it writes; without it nothing is claimed."""
    text = BIGCOMMERCE_3.replace("Image URL (Import)", "Nothing")
    fields = stocked(shop, text)
    shop.night(**fields)
    done = back(shop, fields)
    assert done.written == 1  # the variant's own
    assert done.kept == {"the export has no column that an import reads it from": 4}


@pytest.mark.parametrize("name", SAMPLES)
def test_no_slim_file_says_anything_that_deletes(shop: Shop, name: str) -> None:
    """No command, no column that clears a gallery."""
    sample = SAMPLES[name]
    wix = shop.url("") if sample.format.startswith("wix") else None
    fields = stocked(shop, sample.text, sample.encoding, sample.base_url or wix)
    shop.night(**fields)
    done = back(shop, fields)
    for file in map(Path, done.files):
        if ".slim" in file.name:
            text = file.read_text(sample.encoding).casefold()
            assert CDN in text
            assert not any(word in text for word in ("replace", "delete existing"))
