"""What a manifest is taken for is said before anything is planned, and how sure that is."""

import re
from pathlib import Path

import pytest

from packshot.exports.renditions import RENDITIONS
from packshot.facts.errors import BadManifest
from packshot.facts.job import Job
from packshot.run.inspecting import FIRST, Inspection, inspect_manifest
from packshot.run.looking import plan_only
from tests.exports.feeds import RSS
from tests.exports.samples import SAMPLES
from tests.run.nights import KEY, Shop, photo

IMG = "https://img.example/"


META_OR_GOOGLE = (
    "the header has `id`, `additional_image_link[0]`; `--export-format google` would fit as well"
)


def inspected(folder: Path, text: str, **options: object) -> Inspection:
    """The manifest looked at."""
    file = folder / "anything"
    file.write_text(text.replace("IMG/", IMG))
    job = Job(manifest=str(file), destination="none", options=options)
    return inspect_manifest(job, folder)


def sample(name: str) -> str:
    """The text of one sample."""
    return next(one.text for title, one in SAMPLES.items() if title.startswith(name))


@pytest.mark.parametrize(
    ("text", "options", "sure", "because"),
    [
        (sample("shopify, old"), {}, "sure", "the header has `Handle`, `Image Src`"),
        (sample("etsy: no SKU"), {}, "sure", "the header has `IMAGE1`, `VARIATION 1 TYPE`"),
        (
            sample("woocommerce in Russian"),
            {},
            "likely",
            "its names are in another language, its cells are what the format holds",
        ),
        (
            "id,title,image_link,additional_image_link[0]\nA,Mug,IMG/1.jpg,IMG/2.jpg\n",
            {},
            "likely",
            META_OR_GOOGLE,
        ),
        (
            "id,title,image_link,additional_image_link[0]\nA,Mug,IMG/1.jpg,IMG/2.jpg\n",
            {"export": {"format": "google"}},
            "as asked",
            "the header has `id`, `image_link`",
        ),
        (RSS, {}, "sure", "the root is `rss` or `feed`"),
        ("sku,image_url\nA,IMG/1.jpg\n", {}, "sure", "the header has `sku`, `image_url`"),
        (
            "sku,item_number,image_url\nA,1,IMG/1.jpg\n",
            {},
            "likely",
            "the header has `sku`, `image_url`",
        ),
        (
            "no,pic\nA,IMG/1.jpg\n",
            {"columns": {"sku": "no", "image": ["pic"]}},
            "as asked",
            "the header has `no`, `pic`",
        ),
    ],
    ids=["shopify", "etsy", "woo", "meta", "named", "feed", "plain", "plain guess", "columns"],
)
def test_it_says_how_sure_it_is(
    tmp_path: Path, text: str, options: dict[str, object], sure: str, because: str
) -> None:
    """And by what it was told."""
    found = inspected(tmp_path, text, **options)
    assert (found.sure, found.because) == (sure, because)


RIVALS = "id,title,image_link,additional_image_link[0]\nA,Mug,IMG/1.jpg,IMG/2.jpg\n"


def test_a_guess_between_formats_is_not_run(shop: Shop) -> None:
    """It asks which one is meant, and what is said counts."""
    file = shop.folder / "export.csv"
    file.write_text(RIVALS.replace("IMG/", shop.url("")))
    for number in (1, 2):
        shop.put(f"{number}.jpg", photo(number))
    said = "say which with `--export-format meta` or `--export-format google`."
    with pytest.raises(BadManifest, match=re.escape(META_OR_GOOGLE)) as raised:
        plan_only(shop.job(manifest=str(file)), KEY, shop.folder / "plan")
    assert said in raised.value.message
    with pytest.raises(BadManifest, match="say which with"):
        shop.night(manifest=str(file))
    night = shop.night(manifest=str(file), export={"format": "meta"})
    assert night.summary.outcomes == {"cut": 2}


@pytest.mark.parametrize(
    ("text", "row", "laid_out"),
    [
        (sample("meta: a row of help"), 2, "delimited by comma, utf-8"),
        ("\n\nsku;image_url\nA;IMG/1.jpg\n", 3, "delimited by semicolon, utf-8"),
        (RSS, None, ""),
    ],
    ids=["export", "plain", "feed"],
)
def test_it_says_how_the_text_is_laid_out(
    tmp_path: Path, text: str, row: int | None, laid_out: str
) -> None:
    """Where the header stands, what parts the cells, and the encoding."""
    found = inspected(tmp_path, text)
    assert (found.header_row, found.laid_out) == (row, laid_out)


def test_smaller_copies_are_noticed(tmp_path: Path) -> None:
    """Not rewritten: how the original is asked for nobody has shown."""
    addresses = [
        "IMG/1.jpg?width=1500",
        "IMG/2.386.513.jpg?c=1",
        "IMG/media/catalog/product/cache/0f3a9b1c2d/a/b.jpg",
        "IMG/media/catalog/product/a/b.jpg",
        "IMG/il_fullxfull.123.jpg?v=2&widths=3",
        "IMG/version.1.2.jpg",
    ]
    rows = "".join(f"h{n},{address},1\n" for n, address in enumerate(addresses))
    found = inspected(tmp_path, f"Handle,Image Src,Image Position\n{rows}")
    assert found.smaller == dict.fromkeys(RENDITIONS, 1)
    assert found.first[1].url == f"{IMG}2.386.513.jpg"


def test_everything_is_counted(tmp_path: Path) -> None:
    """Products and pictures, what is left out, what would be rejected, and the first rows."""
    rows = "".join(f"h{n // 2},IMG/{n}.jpg?sig=secret,{1 + n % 2}\n" for n in range(8))
    text = f"Handle,Image Src,Image Position\n{rows}empty,,\nbad,ftp://x/y.jpg,1\n"
    found = inspected(tmp_path, text)
    assert (found.records, found.pictures, found.rejected) == (10, 8, 1)
    assert (found.products, found.most_pictures) == (5, 2)
    assert found.named_by == {"handle": 9}
    assert found.left_out == {"no_picture": 1}
    ((reason, count),) = found.refused.items()
    assert (reason.partition(" ")[0], count) == ("`ftp:`", 1)
    assert [row.row for row in found.first] == list(range(2, 2 + FIRST))
    assert found.first[0].url == f"{IMG}0.jpg"
