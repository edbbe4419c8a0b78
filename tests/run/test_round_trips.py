"""Every format there and back: each new address in the place of its old one, all else as it was.

What changed is told by cutting the new addresses out of the file and laying the rest over the old
one; nothing that reads or writes exports has a part in it.
"""

import codecs
import html
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from packshot.exports.registry import FORMATS
from tests.exports.feeds import FEEDS
from tests.exports.samples import SAMPLES, Sample
from tests.run.nights import Shop
from tests.run.way_back import CDN, back, made, place, serve, side_table, staged, stocked

REVIEWED = {"cut", "reused"}
ELSEWHERE = ("bigcommerce-v2", "bigcommerce-v3")
"""Formats whose import reads another column than the export fills."""
SHARED = Path(__file__).parents[3] / "shared" / "exports"
WITHOUT = "firebear_configurable.csv"
"""It has no column of pictures."""
SHARED_FILES = sorted(file for file in SHARED.glob("*/*") if file.name != WITHOUT)
HARMLESS = (rb"(?<=;)0(?=;|\\\r|\\\n|$)", rb"[01]")
"""`Delete existing images` of PrestaShop comes back as 0, whatever it was."""
ONE = rb"((?:https?://)?(?:(?!(?<![=/])https?://).)*?)"
"""At most one address; it may hold another."""


def replaced(
    shop: Shop, fields: dict, encoding: str, *, files: bool = False
) -> list[tuple[str, str]]:
    """What stood where the new addresses stand, in the order of the file, each with its new one."""
    old, new = Path(fields["manifest"]).read_bytes(), made(shop, fields).read_bytes()
    encoding = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    told = {
        (unquote(line["new_url"]).replace(CDN, "files") if files else line["new_url"]): line
        for line in side_table(shop)
        if line["new_url"]
    }
    addresses = b"|".join(re.escape(one.encode(encoding)) for one in sorted(told, key=len)[::-1])
    rest = re.split(b"(" + addresses + b")", new) if told else [new]
    pieces = [re.escape(piece) for piece in rest[::2]]
    if b"Delete existing images" in old:
        pieces = [re.sub(*HARMLESS, piece) for piece in pieces]
    laid = re.fullmatch(ONE.join(pieces), old, re.DOTALL)
    assert laid is not None, "something else has changed"
    places = [piece.decode(encoding) for piece in laid.groups()]
    return list(zip(places, (one.decode(encoding) for one in rest[1::2]), strict=True))


def is_source(shop: Shop, written: str, new: str, *, files: bool = False) -> bool:
    """Whether what stood there is the picture that the side table says the new one was made of."""
    meant = html.unescape(written).replace("\\,", ",").strip().partition("?")[0]
    if files:
        new = f"{CDN}/{new.removeprefix('files/')}"
    sources = [
        unquote(line["source_url"]).partition("?")[0]
        for line in side_table(shop)
        if unquote(line["new_url"]) == unquote(new)
    ]
    if meant.startswith("wix:"):
        return any(source.rpartition("/")[2] in meant for source in sources)
    return any(meant and source.endswith(unquote(meant).lstrip("/")) for source in sources)


def has_its_size(shop: Shop, fields: dict, line: dict[str, str]) -> bool:
    """Whether a new picture is as large as the old one; each old one has a size of its own."""
    name = unquote(line["new_url"]).removeprefix(f"{CDN}/")
    new = Path(shop.job(**fields).destination) / name
    old = shop.pictures / place(shop, line["source_url"])
    return Image.open(new).size == Image.open(old).size


def sold(shop: Shop, sample: Sample) -> dict:
    """The fields of a job for a sample whose pictures the shop serves."""
    wix = f"{shop.url('')}" if sample.format.startswith("wix") else None
    return stocked(shop, sample.text, sample.encoding, sample.base_url or wix)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_export_comes_back_with_new_pictures(shop: Shop, name: str) -> None:
    """Nothing else changes by a byte; read again, it is the same products."""
    sample = SAMPLES[name]
    fields = sold(shop, sample)
    night = shop.night(**fields)
    assert set(night.outcomes.values()) <= REVIEWED
    done = back(shop, fields)
    assert (done.written, done.kept) == (len(sample.pictures), {})
    told = side_table(shop)
    assert all(has_its_size(shop, fields, line) for line in told)
    assert [line["source_url"] for line in told] == [
        row["url"] for row in staged(shop, fields) if row["url"]
    ]
    files = FORMATS[sample.format].way_back.taken == "files"
    pairs = replaced(shop, fields, sample.encoding, files=files)
    assert len(pairs) >= len(sample.pictures)
    if sample.format in ELSEWHERE:
        assert [new for _, new in pairs] == [line["new_url"] for line in told]
        return
    wrong = [pair for pair in pairs if not is_source(shop, *pair, files=files)]
    assert not wrong
    again = fields | {"manifest": str(made(shop, fields))}
    again["export"] = {"base_url": CDN} if files else again["export"]
    rows = [row for row in staged(shop, again) if row["url"]]
    found = {(row["row"], row["sku"], row["position"]) for row in rows}
    assert found == {(row, sku, position) for row, sku, _, position in sample.pictures}
    assert all(row["url"].startswith(f"{CDN}/") for row in rows)


def listed(sample: Sample) -> int | None:
    """The first row with several pictures."""
    rows = Counter(row for row, *_ in sample.pictures)
    return next((row for row, count in rows.items() if count > 1), None)


@pytest.mark.parametrize(
    ("name", "last"),
    [(name, last) for name, one in SAMPLES.items() if listed(one) for last in (False, True)],
)
def test_one_that_failed_keeps_its_place_among_others(shop: Shop, name: str, *, last: bool) -> None:
    """Whether it is the first of them or the last; a listing that is not mixed stays whole."""
    sample = SAMPLES[name]
    fields = sold(shop, sample)
    in_row = [row["url"] for row in staged(shop, fields) if row["row"] == listed(sample)]
    failed = in_row[-1 if last else 0]
    shop.take_down(place(shop, failed))
    shop.night(**fields)
    done = back(shop, fields)
    lost = [line for line in side_table(shop) if line["outcome"] == "failed"]
    assert {line["source_url"] for line in lost} == {failed}
    rules = FORMATS[sample.format].way_back
    kept = len(in_row) if rules.all_or_none else len(lost)
    assert done.written == len(sample.pictures) - kept
    files = rules.taken == "files"
    for written, new in replaced(shop, fields, sample.encoding, files=files):
        assert sample.format in ELSEWHERE or is_source(shop, written, new, files=files)


@pytest.mark.parametrize("name", FEEDS)
def test_one_that_failed_in_a_feed_keeps_its_place(shop: Shop, name: str) -> None:
    """Elements that come again are a list, too."""
    text, pictures = FEEDS[name]
    fields = stocked(shop, text)
    failed = shop.url(pictures[-1][2].partition("?")[0])
    shop.take_down(place(shop, failed))
    shop.night(**fields)
    lost = sum(picture.partition("?")[0] in failed for _, _, picture in pictures)
    assert back(shop, fields).written == len(pictures) - lost
    pairs = replaced(shop, fields, "utf-8")
    assert len(pairs) == len(pictures) - lost
    assert all(is_source(shop, *pair) for pair in pairs)


@pytest.mark.skipif(not SHARED_FILES, reason="the shared exports are not here")
@pytest.mark.parametrize("file", SHARED_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_shared_export_comes_back(shop: Shop, file: Path) -> None:
    """Files as platforms write them; one without pictures comes back as it was."""
    manifest = shop.folder / file.name
    manifest.write_bytes(file.read_bytes())
    host = shop.url("").rstrip("/")
    fields = {"manifest": str(manifest), "export": {"base_url": "https://img.example"}}
    hosts = {row["url"].split("/")[2] for row in staged(shop, fields) if row["url"]}
    content = file.read_bytes()
    for one in hosts:
        content = re.sub(rb"https?://" + re.escape(one.encode()), host.encode(), content)
    manifest.write_bytes(content)
    fields["export"] = {"base_url": host}
    serve(shop, fields)
    pictures = [row["url"] for row in staged(shop, fields) if row["url"]]
    if pictures:
        assert set(shop.night(**fields).outcomes.values()) <= REVIEWED
    done = back(shop, fields)
    assert (done.written, done.kept) == (len(pictures), {})
    encoding = "utf-8" if _is_utf8(content) else "cp1252"
    files = file.parent.name == "akeneo"
    pairs = replaced(shop, fields, encoding, files=files)
    assert len(pairs) >= len(pictures)
    if file.parent.name != "bigcommerce":
        assert not [pair for pair in pairs if not is_source(shop, *pair, files=files)]


def _is_utf8(content: bytes) -> bool:
    try:
        codecs.decode(content, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
