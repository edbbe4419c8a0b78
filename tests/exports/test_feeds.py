"""A product feed in XML is a manifest as it is."""

import tracemalloc
from io import BytesIO
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from packshot.decisions.addresses import Reach
from packshot.facts.columns import ColumnNames
from packshot.facts.errors import BadManifest, BadOption
from packshot.world.manifest_staging import stage_manifest
from packshot.world.xml_faults import Forgiving
from tests.exports.feeds import ATOM, CARELESS, CATALOG, CATALOG_PICTURES, FEEDS, RSS
from tests.exports.test_recognised import IMG, SHARED, WEB, staged


def written(folder: Path, text: str) -> Path:
    """A feed as a file whose name says nothing."""
    file = folder / "feed"
    file.write_text(text.replace("IMG/", IMG))
    return file


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    """With a prefix or without, CDATA or not; an item without a picture is told."""
    text, pictures = FEEDS[name]
    told, rows = staged(written(tmp_path, text))
    assert told.understanding.export == "Google Merchant Center, XML"
    found = [(r["row"], r["sku"], r["url"]) for r in rows if r["url"]]
    assert found == [(row, sku, IMG + address) for row, sku, address in pictures]
    nothing = [(r["row"], r["reject_code"]) for r in rows if not r["url"]]
    assert nothing == ([(3, "no_picture")] if name == "rss" else [])


@pytest.mark.parametrize("size", [16, 17, 23, 64, 10_000])
def test_faults_are_mended_wherever_a_piece_ends(size: int) -> None:
    """The same, however much is read at once; what is whole stays as it is, to the byte."""
    for text, whole in ((CARELESS, False), (RSS, True), (ATOM, True)):
        mended = Forgiving(BytesIO(text.encode()))
        read = b"".join(iter(lambda: mended.read(size), b"")).decode()  # noqa: B023  used at once
        if whole:
            assert read == text
            continue
        item = fromstring(read)[0][0]  # noqa: S314  our own text
        assert [child.text for child in item[1:5]] == [
            "Mug & more",
            "https://shop.example/?a=1&b=2",
            "A&nbsp;mug & a pot",
            "IMG/1.jpg?fit=crop&copy=1&w=600",
        ]


def test_a_feed_is_chosen_from(tmp_path: Path) -> None:
    """By number and by condition."""
    _, rows = staged(written(tmp_path, RSS), pictures="main", where="id <> 'M-2'")
    assert [(r["row"], r["url"]) for r in rows] == [
        (1, f"{IMG}1.jpg?w=800&h=800"),
        (2, None),
        (3, None),
    ]


MANY = "".join(
    f"<item><g:id>{sku}</g:id><g:image_link>IMG/{sku}.jpg</g:image_link><g:price>{price}</g:price>"
    f"{'<g:custom_label_0>sale</g:custom_label_0>' if sku == 'B' else ''}"
    + "".join(
        f"<g:additional_image_link>IMG/{sku}/{number},x.jpg</g:additional_image_link>"
        for number in range(more)
    )
    + f"<g:lifestyle_image_link>IMG/{sku}-room.jpg</g:lifestyle_image_link></item>"
    for sku, price, more in (("A", "4.50", 25), ("B", "10", 0))
)
MANY = f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{MANY}</channel></rss>'


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("price > 5", ["B"]),
        ("Custom_Label_0 = 'sale'", ["B"]),
        ("custom_label_0 <> 'sale'", ["A"]),
        ("true", ["A", "B"]),
    ],
)
def test_a_feed_is_chosen_from_by_any_element(tmp_path: Path, where: str, found: list[str]) -> None:
    """By its local name, wherever it first comes up; an item without it has nothing there."""
    _, rows = staged(written(tmp_path, MANY), where=where, pictures="main")
    assert [r["sku"] for r in rows if r["url"]] == found


def test_an_element_that_no_item_has_is_told(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(BadOption, match=r"has `colour`, which .*there is: id, image_link, price"):
        staged(written(tmp_path, MANY), where="colour = 'red'")


def test_all_pictures_of_an_item_are_read(tmp_path: Path) -> None:
    """However many there are, each as it is; the scene is one of them."""
    _, rows = staged(written(tmp_path, MANY))
    expected = ["A.jpg", *(f"A/{number},x.jpg" for number in range(25)), "A-room.jpg"]
    assert [r["url"] for r in rows] == [IMG + one for one in (*expected, "B.jpg", "B-room.jpg")]


EXTERNAL = (
    "<external-location><http-url>http://x.example</http-url>"
    "<https-url>https://img.example/static/</https-url></external-location>"
)


@pytest.mark.parametrize(
    ("head", "base_url"),
    [("", f"{IMG}static"), (EXTERNAL, None), (EXTERNAL, f"{IMG}static/")],
    ids=["by hand", "by its head", "both"],
)
def test_a_catalog_of_salesforce_is_read_as_it_is(
    tmp_path: Path, head: str, base_url: str | None
) -> None:
    """Pictures of the view that is wanted, each once; comments and CDATA hold no products."""
    told, rows = staged(written(tmp_path, CATALOG.replace("HEAD", head)), base_url=base_url)
    assert told.understanding.export == "Salesforce B2C Commerce, catalog in XML"
    found = [(r["row"], r["sku"], r["url"]) for r in rows if r["url"]]
    assert found == [(row, sku, f"{IMG}static/{path}") for row, sku, path in CATALOG_PICTURES]
    assert [(r["row"], r["reject_code"]) for r in rows if not r["url"]] == [(2, "no_picture")]
    assert [r["carried_display-name"] for r in rows] == ["Boot & more"] * 2 + [None, ""]


def test_a_catalog_asks_for_what_its_paths_hang_on(tmp_path: Path) -> None:
    """One question instead of a rejection for every picture."""
    with pytest.raises(BadManifest, match=r"such as `large/a\.jpg`; give .*`--base-url`"):
        staged(written(tmp_path, CATALOG.replace("HEAD", "<internal-location base-path='/'/>")))


BOMB = """<?xml version="1.0"?>
<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c SYSTEM "file:///etc/passwd">]>
<rss><channel><item><id>&b;</id><image_link>&c;</image_link></item></channel></rss>
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "defines words of its own"),
        (RSS.partition("</channel>")[0], "is no whole XML"),
        ("<html><body>Log in</body></html>", "is no feed of products"),
        ("<catalog><product/></catalog>", "is no feed of products"),
    ],
    ids=["entities", "cut short", "a page", "another XML"],
)
def test_what_is_no_feed_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    """Nothing is expanded, fetched or half read."""
    with pytest.raises(BadManifest, match=said):
        staged(written(tmp_path, text))


def test_a_large_feed_does_not_stay_in_memory(tmp_path: Path) -> None:
    """Items that were read are forgotten: ten times as many take no more."""
    item = f"<item><id>K%d</id><image_link>{IMG}%d.jpg</image_link></item>\n"
    peaks = []
    for count in (4_000, 40_000):
        items = "".join(item % (number, number) for number in range(count))
        file = tmp_path / f"{count}"
        file.write_text(f"<rss><channel>{items}</channel></rss>")
        del items
        tracemalloc.start()
        told = stage_manifest(
            str(file),
            tmp_path / "staged",
            columns=ColumnNames(),
            reach=Reach(WEB),
            storage_options={},
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert told.images == count
    assert peaks[1] < 2 * peaks[0], peaks


@pytest.mark.skipif(not SHARED.is_dir(), reason="reads exports that lie beside the project")
@pytest.mark.parametrize("name", ["rss_cdata_additional_images.xml", "synthetic_atom.xml"])
def test_other_peoples_feeds_are_recognised(tmp_path: Path, name: str) -> None:
    """One of them real."""
    text = (SHARED / "google_merchant" / name).read_text()
    told, _ = staged(written(tmp_path, text))
    assert (told.images, told.rejected) == (3, 0)
