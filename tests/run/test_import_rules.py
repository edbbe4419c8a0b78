"""What the import of a platform would refuse is not written for it."""

from collections import Counter
from pathlib import Path

import pytest

from packshot.exports.registry import FORMATS
from packshot.facts.errors import BadOption
from packshot.run.import_rules import listings
from packshot.run.spared import Spared
from packshot.run.writing_back import WrittenBack
from packshot.world.export_heading import Heading
from packshot.world.raw_records import RawRecord
from tests.exports.feeds import CATALOG, CATALOG_PICTURES
from tests.run.nights import Shop
from tests.run.test_writing_back import CDN, back, side_table, stocked

EBAY = "Info,Version=1.0.0\n*Action(SiteID=US),ItemID,CustomLabel,PicURL,Relationship\n"
GOOGLE = "id,title,image_link,additional_image_link,lifestyle_image_link\n"
BIGCOMMERCE = (
    "Item,ID,Name,SKU,Internal Image URL (Export),Image URL (Import),Image Sort Order\n"
    "Product,10,Mug,MUG,,,\nImage,12,,,IMG/1.jpg,,0\n"
)
FEED = (
    '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>A</g:id>'
    "<g:image_link>IMG/m.jpg</g:image_link>"
)


def after_a_night(shop: Shop, text: str, **export: object) -> WrittenBack:
    """What is written after a night in which one picture was not there."""
    fields = stocked(shop, text)
    fields["export"] |= export
    if "IMG/gone.jpg" in text:
        shop.take_down("gone.jpg")
    shop.night(**fields)
    return back(shop, fields)


def unchanged(shop: Shop) -> bool:
    """Whether the export came back as it was."""
    new = (shop.folder / "import" / "export.csv").read_bytes()
    return new == (shop.folder / "export.csv").read_bytes()


def several(count: int, separator: str, name: str = "p") -> str:
    """A list of pictures."""
    return separator.join(f"IMG/{name}{number}.jpg" for number in range(count))


def test_pictures_that_were_not_chosen_count_in_a_listing(shop: Shop) -> None:
    """Only the first was wanted; the others stay with eBay, so it does, too."""
    done = after_a_night(shop, f"{EBAY}Revise,1,A,IMG/1.jpg|IMG/2.jpg,\n", pictures="main")
    assert done.written == 0
    assert any("may not be mixed" in reason for reason in done.kept)
    assert unchanged(shop)
    slim = (shop.folder / "import" / "export.slim.csv").read_text()
    assert slim.count("\n") == 2  # the rows above


@pytest.mark.parametrize("gone", ["listing", "variation", "none"])
def test_a_listing_and_its_variations_go_together(shop: Shop, gone: str) -> None:
    """Whichever of them kept an old picture; the next listing is not concerned."""
    first, second = (
        f"IMG/{'gone' if gone == one else one}.jpg" for one in ("listing", "variation")
    )
    rows = f"Revise,1,A,{first},\n,,A-1,{second},Variation\nRevise,2,B,IMG/b.jpg,\n"
    assert after_a_night(shop, EBAY + rows).written == (3 if gone == "none" else 1)
    lines = (shop.folder / "import" / "export.csv").read_text().splitlines()
    assert [CDN in line for line in lines[2:]] == [gone == "none", gone == "none", True]


def test_a_file_of_nothing_but_variations_is_not_held_whole() -> None:
    """A listing is held until its end is seen, which a broken file may never have."""
    rows = [RawRecord(row, "", ["", "Variation" if row else ""], []) for row in range(2500)]
    assert [len(one) for one in listings(iter(rows), 1)] == [1000, 1000, 500]
    assert [len(one) for one in listings(iter(rows[:3]), None)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (f"{EBAY}Revise,1,A,LIST,\n".replace("LIST", several(25, "|")), 24),
        (f"{EBAY}Revise,1,A,IMG/a.jpg,\n,,A-1,{several(13, '|')},Variation\n", 12),
        (f'{GOOGLE}A,Mug,IMG/m.jpg,"{several(11, ",")}",\n', 10),
        (
            FEED
            + "".join(
                f"<g:additional_image_link>{one}</g:additional_image_link>"
                for one in several(11, ",").split(",")
            )
            + "</item></channel></rss>\n",
            10,
        ),
    ],
    ids=["ebay, a listing", "ebay, a variation", "google", "google in XML"],
)
def test_one_picture_too_many_keeps_a_product_as_it_was(shop: Shop, text: str, most: int) -> None:
    """An import would refuse the whole of it; at the limit it goes through."""
    done = after_a_night(shop, text)
    assert done.written == 0
    assert list(done.kept) == [f"the platform takes {most} pictures there"]
    assert unchanged(shop)
    for last in ("|IMG/p24.jpg", f"|IMG/p{most}.jpg", f",IMG/p{most}.jpg"):
        text = text.replace(last, "")
    text = text.replace("<g:additional_image_link>IMG/p10.jpg</g:additional_image_link>", "")
    assert not after_a_night(shop, text).kept


@pytest.mark.parametrize(
    "text",
    [
        f'{GOOGLE}A,Mug,IMG/m.jpg,"{several(10, ",")}",IMG/life.jpg\n',
        FEED
        + "".join(
            f"<g:additional_image_link>{one}</g:additional_image_link>"
            for one in several(10, ",").split(",")
        )
        + "<g:lifestyle_image_link>IMG/life.jpg</g:lifestyle_image_link></item></channel></rss>\n",
    ],
    ids=["table", "XML"],
)
def test_a_lifestyle_picture_is_no_further_one(shop: Shop, text: str) -> None:
    """Google takes ten further ones beside it and the main one."""
    done = after_a_night(shop, text)
    assert (done.written, done.kept) == (12, {})


@pytest.mark.parametrize(
    ("text", "longest"),
    [(f"{GOOGLE}A,Mug,IMG/m.jpg,,\n", 2000), (BIGCOMMERCE, 1024)],
    ids=["google", "bigcommerce"],
)
def test_an_address_is_as_long_as_the_platform_takes(shop: Shop, text: str, longest: int) -> None:
    """And not a character longer."""
    fields = stocked(shop, text)
    shop.night(**fields)
    assert back(shop, fields).written == 1
    column = "".join((shop.folder / "import" / "export.csv").read_text().split(f"{CDN}/")[1:])
    made = len(f"{CDN}/") + len(column.split(",")[0])
    longer = f"{CDN}/{'x' * (longest - made - 1)}"
    assert back(shop, fields, public_url=longer).written == 1
    refused = back(shop, fields, public_url=f"{longer}x")
    assert refused.kept == {f"the platform takes addresses of {longest} characters": 1}
    assert (
        Path(fields["manifest"]).read_bytes()
        == (shop.folder / "import" / "export.csv").read_bytes()
    )


def test_addresses_are_ascii(shop: Shop) -> None:
    """Feeds take nothing else; escapes that are there already stay."""
    fields = stocked(shop, f"{GOOGLE}A,Mug,IMG/m.jpg,,\n")
    shop.night(**fields)
    assert back(shop, fields, public_url="https://bücher.example/neu ü/%C3%A4").written == 1
    (line,) = side_table(shop)
    assert line["new_url"].startswith("https://xn--bcher-kva.example/neu%20%C3%BC/%C3%A4/")
    assert line["new_url"] in (shop.folder / "import" / "export.csv").read_text()
    with pytest.raises(BadOption, match="is no name of a host; give another"):
        back(shop, fields, public_url=f"https://{'ü' * 70}.example/")


def test_paths_are_told_below_a_base_beyond_ascii(shop: Shop) -> None:
    """However the two addresses are written."""
    fields = stocked(shop, CATALOG.replace("HEAD", ""), base="https://img.example/schön")
    shop.night(**fields)
    base = fields["export"]["base_url"]
    assert back(shop, fields, public_url=f"{base}/neu").written == len(CATALOG_PICTURES)
    assert '"neu/' in (shop.folder / "import" / "export.csv").read_text()


MATRIXIFY = (
    "ID,Handle,Command,Variant ID,Image Type,Image Src,Image Position,Image Command\n"
    "1,tee,REPLACE,11,IMAGE,IMG/1.jpg,1,Replace\n1,tee,MERGE,,IMAGE,IMG/2.jpg,2,MERGE\n"
    "2,cup,DELETE,21,IMAGE,IMG/gone.jpg,1,MERGE\n"
)
PRESTASHOP = (
    "Product ID;Name *;Reference #;Image URLs (x,y,z...);Delete existing images (0 = No, 1 = Yes)\n"
    "3;Mug;R;IMG/1.jpg,IMG/gone.jpg;1\n4;Pot;S;IMG/2.jpg;0\n"
)
FRENCH = (
    "ID;Nom *;Catégories (x,y,z...);URL des images (x,y,z...);"
    "Supprimer les images existantes (0 = Non, 1 = Oui)\n"
    "3;Tasse;Accueil;IMG/1.jpg;1\n"
)
AMAZON = "item_sku\tupdate_delete\tmain_image_url\nA-1\tDelete\tIMG/1.jpg\n"


@pytest.mark.parametrize(
    ("text", "again", "spared"),
    [
        (
            MATRIXIFY,
            {"tee,REPLACE": "tee,MERGE", "1,Replace": "1,MERGE", "DELETE": "MERGE"},
            [
                "`Command` says MERGE instead of REPLACE",
                "`Image Command` says MERGE instead of Replace",
                "`Command` says MERGE instead of DELETE",
            ],
        ),
        (
            PRESTASHOP,
            {".jpg;1": ".jpg;0"},
            ["`Delete existing images (0 = No, 1 = Yes)` says 0 instead of 1"],
        ),
        (
            FRENCH,
            {".jpg;1": ".jpg;0"},
            ["`Supprimer les images existantes (0 = Non, 1 = Oui)` says 0 instead of 1"],
        ),
        (
            f"{EBAY}End,1,A,IMG/1.jpg,\n",
            {"End": "Revise"},
            ["`*Action(SiteID=US)` says Revise instead of End"],
        ),
        (
            AMAZON,
            {"Delete": "PartialUpdate"},
            ["`update_delete` says PartialUpdate instead of Delete"],
        ),
    ],
    ids=["matrixify", "prestashop", "prestashop in French", "ebay", "amazon"],
)
def test_nothing_comes_back_that_deletes(
    shop: Shop, text: str, again: dict[str, str], spared: list[str]
) -> None:
    """In any row, with a new picture or without; it is told, and all else stays."""
    done = after_a_night(shop, text)
    assert [*done.spared] == [f"{one}, so that an import deletes nothing" for one in spared]
    old, new = (
        (folder / "export.csv").read_text() for folder in (shop.folder, shop.folder / "import")
    )
    for said, instead in again.items():
        old = old.replace(said, instead)
    for line in side_table(shop):
        old = old.replace(line["source_url"], line["new_url"] or line["source_url"])
    assert new == old


def test_a_command_that_cannot_be_changed_is_told() -> None:
    """Its row is quoted so that nothing in it is written again; nobody imports it unawares."""
    told: Counter[str] = Counter()
    heading = Heading(FORMATS["matrixify"], "utf-8", ",", 0, ("Command",), ("command",), 0)
    assert Spared(heading, told).cells(RawRecord(2, "REPLACE\n", ["REPLACE"], None)) == {}
    (sentence,) = told
    assert sentence.startswith("`Command` still says REPLACE, which would delete")
