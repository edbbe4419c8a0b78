"""Exports in other encodings than UTF-8, there and back to the byte."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from packshot.facts.errors import BadManifest
from packshot.run.looking import scratch_folder, stage
from packshot.world.encodings import encoding_of, is_unsure
from tests.exports.samples import CHOSEN, ENCODED, JAPANESE, Sample
from tests.exports.test_recognised import IMG, staged, written
from tests.run.nights import Shop, photo
from tests.run.test_writing_back import CDN, back, side_table


@pytest.mark.parametrize("name", ENCODED)
def test_the_bytes_tell_the_encoding(tmp_path: Path, name: str) -> None:
    """Keys are read as they are meant."""
    sample = ENCODED[name]
    told, rows = staged(written(tmp_path, sample))
    assert told.understanding.export is not None
    assert told.understanding.export.endswith(sample.encoding)
    found = [(r["row"], r["sku"], r["url"], r["position"]) for r in rows if r["url"]]
    assert found == [(row, sku, IMG + url, at) for row, sku, url, at in sample.pictures]


@pytest.mark.parametrize("name", CHOSEN)
def test_what_the_bytes_do_not_tell_is_asked(tmp_path: Path, name: str) -> None:
    """And read once it is said."""
    sample = CHOSEN[name]
    file = written(tmp_path, sample)
    with pytest.raises(BadManifest, match=r"--export-encoding|neither CSV"):
        staged(file)
    told, rows = staged(file, encoding=sample.encoding)
    assert told.rejected == 0
    assert [r["sku"] for r in rows] == [sku for _, sku, _, _ in sample.pictures]


@pytest.mark.parametrize("name", [*ENCODED, *CHOSEN])
def test_other_encodings_come_back_to_the_byte(shop: Shop, name: str) -> None:
    """Nothing but the cells of pictures has other bytes."""
    sample = (ENCODED | CHOSEN)[name]
    file, fields = _stocked(
        shop, sample, sample.text.encode(sample.encoding), chosen=name in CHOSEN
    )
    shop.night(**fields)
    assert back(shop, fields).written == len(sample.pictures)
    assert (shop.folder / "import" / "export.csv").read_bytes() == _expected(shop, sample, file)


def test_bytes_that_mean_the_same_character_stay_apart(shop: Shop) -> None:
    """Shift-JIS has some signs twice, and a file may hold bytes that are nothing."""
    sample = ENCODED["Shift-JIS, as Amazon in Japan has it"]
    strange = b"\x87\x90\x81\xe0\xfa\x54\x81\xca\xff"
    brand = "社".encode("cp932")
    content = sample.text.encode("cp932").replace(brand, brand + strange)
    assert content.decode("cp932", "replace").encode("cp932", "replace") != content
    file, fields = _stocked(shop, sample, content, chosen=True)
    shop.night(**fields)
    assert back(shop, fields).written == 2
    assert (shop.folder / "import" / "export.csv").read_bytes() == _expected(shop, sample, file)


def test_half_a_character_of_utf_16_stays(shop: Shop) -> None:
    """What stands for nothing is kept as it is."""
    sample = ENCODED["UTF-16, as Excel saves Unicode text"]
    word = "хорошая".encode("utf-16-le")
    content = sample.text.encode("utf-16-le").replace(word, b"\x00\xd8" + word)
    file, fields = _stocked(shop, sample, content, chosen=False)
    shop.night(**fields)
    assert back(shop, fields).written == 2
    assert (shop.folder / "import" / "export.csv").read_bytes() == _expected(shop, sample, file)


def test_a_plain_table_in_utf_16(tmp_path: Path) -> None:
    """The same for tables of no known shop; what is cut in half is a sentence."""
    file = tmp_path / "plain.csv"
    text = f"\ufeffsku\timage_url\nКружка-1\t{IMG}1.jpg\n"  # noqa: RUF001
    file.write_bytes(text.encode("utf-16-le"))
    told, rows = staged(file)
    assert told.understanding.header == ("sku", "image_url")
    assert [r["sku"] for r in rows] == ["Кружка-1"]
    file.write_bytes(text.encode("utf-16-le")[:-1])
    with pytest.raises(BadManifest, match="is damaged or cut short"):
        staged(file)
    file.write_bytes("\ufeff<rss><channel/></rss>".encode("utf-16-le"))
    with pytest.raises(BadManifest, match="is UTF-16 and no table; save it as UTF-8"):
        staged(file)


@pytest.mark.parametrize(
    ("content", "encoding", "unsure"),
    [
        (b"plain", "utf-8", False),
        ("größer, für Öl • “schön”".encode("cp1252"), "cp1252", False),
        ("čtyři žluté hrnky".encode("cp1250"), "cp1252", False),
        ("Кружка чёрная".encode("cp1251"), "cp1252", True),
        ("Κούπα μαύρη".encode("cp1253"), "cp1252", True),
        (JAPANESE.encode("cp932"), "cp932", False),
    ],
)
def test_a_guess_knows_when_it_is_one(content: bytes, encoding: str, *, unsure: bool) -> None:
    """Words of a Western language are mostly ASCII."""
    assert encoding_of(content) == encoding
    assert is_unsure(content, encoding) is unsure


def _stocked(
    shop: Shop, sample: Sample, content: bytes, *, chosen: bool
) -> tuple[Path, dict[str, object]]:
    """An export whose pictures the shop's host serves, and the fields of a job for it."""
    file = shop.folder / "export.csv"
    host = f"{shop.url('').rstrip('/')}/".encode("ascii")
    old = "IMG/".encode(sample.encoding)
    file.write_bytes(content.replace(old, host.decode().encode(sample.encoding)))
    fields = {
        "manifest": str(file),
        "export": {"encoding": sample.encoding if chosen else None},
    }
    for colour, (_, _, url, _) in enumerate(sample.pictures):
        shop.put(url, photo(colour))
    with scratch_folder() as folder:
        rows = pq.read_table(stage(shop.job(**fields), folder).path).num_rows
    assert rows == len(sample.pictures)
    return file, fields


def _expected(shop: Shop, sample: Sample, file: Path) -> bytes:
    """The old file with the new addresses."""
    content = file.read_bytes()
    for line in side_table(shop):
        assert line["new_url"].startswith(CDN)
        content = content.replace(
            line["source_url"].encode(sample.encoding), line["new_url"].encode(sample.encoding)
        )
    return content
