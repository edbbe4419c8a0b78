"""Staging: every format, every fault, and no row lost."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from packshot.decisions.addresses import Reach
from packshot.facts.columns import ColumnNames
from packshot.facts.errors import BadManifest
from packshot.world.manifest_staging import Staged, stage_manifest

WEB = frozenset({"http", "https"})
A, B = "https://h/a.jpg", "https://h/b.jpg"
PLAIN = f"sku,image_url,title\nmug,{A},Mug\ncup,{B},Cup\n"

Row = dict[str, Any]
Stage = Callable[..., list[Row]]


def staged(manifest: str, out: Path, allowed: frozenset[str] = WEB, **names: Any) -> Staged:  # noqa: ANN401
    """Stage a manifest with the columns named."""
    return stage_manifest(
        manifest,
        out,
        columns=ColumnNames(**names),
        reach=Reach(allowed),
        storage_options={},
    )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Stage text or bytes under a file name, and read back the rows."""

    def run(content: str | bytes, name: str = "manifest.csv", **options: Any) -> list[Row]:  # noqa: ANN401
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return rows_of(staged(str(file), tmp_path / "staged.parquet", **options))

    return run


def rows_of(result: Staged) -> list[Row]:
    """The staged rows; the counts of the result must fit them."""
    rows: list[Row] = pq.read_table(result.path).to_pylist()
    assert result.rejected == sum(row["reject_code"] is not None for row in rows)
    assert result.images == len(rows) - result.rejected
    return rows


def told(rows: list[Row]) -> list[tuple[int, str]]:
    """Of each row its number, and its SKU or why it was rejected."""
    return [(row["row"], row["reject_code"] or row["sku"]) for row in rows]


def test_a_row_becomes_an_item(stage: Stage) -> None:
    """Row numbers are those of a spreadsheet, and what is not understood is carried."""
    assert stage(PLAIN)[1] == {
        "row": 3,
        "file": None,
        "sku": "cup",
        "key": "cup@h/b.jpg",
        "position": None,
        "image_id": None,
        "url": B,
        "foreground_type": None,
        "resolution": None,
        "skip": False,
        "reject_code": None,
        "reject_reason": None,
        "written": None,
        "carried_title": "Cup",
    }


def parquet(**columns: list[Any]) -> bytes:
    """A Parquet file in memory."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


JSON = "".join(
    json.dumps({"sku": sku, "image_url": url, "title": title}) + "\n"
    for sku, url, title in [("mug", A, "Mug"), ("cup", B, "Cup")]
)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PLAIN, "m.csv"),
        (PLAIN.replace(",", "\t"), "m.tsv"),
        (PLAIN.replace(",", ";"), "m.csv"),
        (PLAIN.replace(",", "|"), "m.txt"),
        (PLAIN.replace("\n", "\r\n"), "m.csv"),
        (PLAIN.replace("\n", "\r"), "m.csv"),
        (PLAIN.rstrip(), "m"),
        ("\ufeff" + PLAIN, "m.csv"),
        (gzip.compress(PLAIN.encode(), mtime=0), "m.csv.gz"),
        (zstandard.compress(PLAIN.encode()), "m.csv.zst"),
        (zstandard.compress(PLAIN[:9].encode()) + zstandard.compress(PLAIN[9:].encode()), "m.zstd"),
        (JSON, "m.jsonl"),
        ("\n" + JSON, "m.ndjson"),
        (gzip.compress(JSON.encode(), mtime=0), "m"),
        (parquet(sku=["mug", "cup"], image_url=[A, B], title=["Mug", "Cup"]), "m.parquet"),
    ],
)
def test_every_format_says_the_same(stage: Stage, content: str | bytes, name: str) -> None:
    """Format, delimiter, line ends, BOM and packing are told from the file itself."""
    rows = stage(content, name)
    assert [(r["key"], r["url"], r["carried_title"]) for r in rows] == [
        ("mug@h/a.jpg", A, "Mug"),
        ("cup@h/b.jpg", B, "Cup"),
    ]


def test_parquet_types_become_text(stage: Stage) -> None:
    """Numbers that pandas turned into floats are whole again; nulls are empty."""
    content = parquet(id=[12345.0, None], image=[[A, B], None], skip=[True, None], price=[1.5, 2])
    rows = stage(content, "m.parquet")
    assert told(rows) == [(1, "12345"), (1, "12345"), (2, "no_sku")]
    assert (rows[0]["skip"], rows[0]["carried_price"]) == (True, "1.5")


def test_json_values_become_text_as_written(stage: Stage) -> None:
    """A price keeps its zero, a nested value stays JSON."""
    line = f'{{"sku": 7, "image": "{A}", "price": 1.10, "tags": {{"a": [1.0]}}, "new": true}}'
    row = stage(line, "m.jsonl")[0]
    assert (row["sku"], row["carried_price"], row["carried_new"]) == ("7", "1.10", "true")
    assert row["carried_tags"] == '{"a": [1.0]}'


def test_several_images_by_rows(stage: Stage) -> None:
    """A position names the picture, however its address changes."""
    rows = stage(f"sku,image,position\nmug,{A},1\nmug,{B},2.0\n")
    assert [(row["key"], row["position"]) for row in rows] == [("mug#1", 1), ("mug#2", 2)]


def test_several_images_by_numbered_columns(stage: Stage) -> None:
    """Each filled cell is an image; what belongs to the row is repeated."""
    rows = stage(f"sku,image_1,image_2,image_3,position,title\nmug,{A},,{B},4,Mug\n")
    assert [(r["row"], r["key"], r["carried_title"]) for r in rows] == [
        (2, "mug@h/a.jpg", "Mug"),
        (2, "mug@h/b.jpg", "Mug"),
    ]
    assert [row["position"] for row in rows] == [None, None]


def test_several_images_by_json_array(stage: Stage) -> None:
    """A list of addresses is a list of images, nulls left out."""
    rows = stage(json.dumps({"sku": "mug", "images": [A, None, B]}), "m.jsonl")
    assert [row["url"] for row in rows] == [A, B]


def test_one_bad_image_of_several_is_rejected_alone(stage: Stage) -> None:
    """The other pictures of the row run."""
    rows = stage(f"sku,image_1,image_2\nmug,{A},ftp://h/b.jpg\n")
    assert told(rows) == [(2, "mug"), (2, "scheme_not_allowed")]


def test_an_image_id_is_the_key(stage: Stage) -> None:
    """The catalog's own id is used as it is."""
    assert stage(f"sku,image,image_id\nmug,{A},i-7\n")[0]["key"] == "i-7"


def test_a_row_may_have_options_of_its_own(stage: Stage) -> None:
    """Aliases and capitals are understood, empty cells leave the job's options."""
    rows = stage(f"sku,image,foreground_type,resolution,skip\nmug,{A},Car,4K,Yes\ncup,{B},,50mp,\n")
    assert [(r["foreground_type"], r["resolution"], r["skip"]) for r in rows] == [
        ("car", "full", True),
        (None, "50MP", False),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f",{A}", "no_sku"),
        ("mug,", "no_image"),
        ("mug", "no_image"),
        ("mug,https://h/a b.jpg", "bad_url"),
        ("mug,https:///a.jpg", "bad_url"),
        ("mug,a.jpg", "local_path"),
        ("mug,s3://bucket/a.jpg", "scheme_not_allowed"),
        (f"{'m' * 201},{A}", "sku_too_long"),
        (f"mu\x07g,{A}", "bad_sku"),
        (f"mu\0g,{A}", "not_utf8"),
        ("mug,https://h/\0.jpg", "not_utf8"),
        (f"mug,{A},first", "bad_position"),
        (f"mug,{A},,i\x07d", "bad_image_id"),
        (f"mug,{A},,,cup", "bad_override"),
        (f"mug,{A},,,,huge", "bad_override"),
        (f"mug,{A},,,,,perhaps", "bad_override"),
        (f"mug,{A},,,,,,more", "wrong_cell_count"),
        (f'mug,{A},"1', "unclosed_quote"),
        (f'mug,{A},"{"x" * 140_000}"', "cell_too_long"),
    ],
)
def test_a_row_that_yields_no_image_says_why(stage: Stage, line: str, code: str) -> None:
    """One rejected row with number and remedy; its neighbours run."""
    header = "sku,image,position,image_id,foreground_type,resolution,skip"
    rows = stage(f"{header}\nfirst,{A}\n{line}\nlast,{B}\n")
    assert told(rows) == [(2, "first"), (3, code), (4, "last")]
    assert rows[1]["reject_reason"].endswith(".")
    assert rows[1]["key"] is rows[1]["url"] is None


@pytest.mark.parametrize("line", ['{"sku": ', "[1]", "7", "[" * 100_000, '{"sku": "\\ud800"}'])
def test_a_bad_line_of_json_is_rejected_alone(stage: Stage, line: str) -> None:
    """Row numbers are line numbers, blank lines counted."""
    good = json.dumps({"sku": "mug", "image": A})
    rows = stage(f"{good}\n\n{line}\n{good}\n", "m.jsonl")
    assert [row["row"] for row in rows] == [1, 3, 4]
    assert rows[1]["reject_code"] in {"bad_json", "not_utf8"}


@pytest.mark.parametrize(
    "tail",
    [
        '{0},"Nice',
        '{0},"Nice\n3,{0},fine\n4,{0},24"',
        '{0},"Nice\n3,{0},"fine"',
        '{0},"Nice\n3,{0},fine\n4,{0},"fine", really',
    ],
)
def test_an_unclosed_quote_loses_only_its_row(stage: Stage, tail: str) -> None:
    """Whatever a stray quote meets further down, the rows between are read."""
    lines = f"2,{tail.format(A)}".split("\n")
    filler = [f"x,{B},fine"] * 3
    rows = stage("\n".join(["sku,image,title", *lines, *filler]) + "\n")
    assert told(rows)[:1] == [(2, "unclosed_quote")]
    assert told(rows)[-3:] == [(row, "x") for row in range(len(lines) + 2, len(lines) + 5)]
    assert [row["row"] for row in rows] == list(range(2, len(lines) + 5))


def test_a_quoted_cell_may_span_lines(stage: Stage) -> None:
    """A description of several lines is one record and one row number."""
    text = 'Nice, "blue"\n\nsee https://h/, and more\r\nend'
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows([["sku", "image", "title"], ["mug", A, text], ["cup", B, ""]])
    rows = stage(sink.getvalue())
    assert told(rows) == [(2, "mug"), (3, "cup")]
    assert rows[0]["carried_title"] == text


def test_blank_lines_are_counted_but_are_no_records(stage: Stage) -> None:
    """A spreadsheet shows them as rows, and so do the numbers."""
    assert told(stage(f"\nsku,image\n\nmug,{A}\n  \ncup,{B}\n")) == [(4, "mug"), (6, "cup")]


def test_bytes_that_are_not_utf8_spoil_only_what_they_touch(stage: Stage) -> None:
    """A carried cell shows U+FFFD, a SKU is rejected."""
    latin = f"sku,image,größe\nmug,{A},gro\xdf\nt\xfcte,{B},\n".encode("latin-1")
    rows = stage(latin)
    assert told(rows) == [(2, "mug"), (3, "not_utf8")]
    assert rows[0]["carried_gr\ufffd\ufffde"] == "gro\ufffd"


def test_paths_lead_from_the_manifests_folder(stage: Stage, tmp_path: Path) -> None:
    """Once allowed, a path is made absolute; the key keeps it as written."""
    row = stage("sku,image\nmug,shots/a b.jpg\n", allowed=WEB | {"file"})[0]
    assert row["url"] == str(tmp_path / "shots" / "a b.jpg")
    assert row["key"] == "mug@shots/a b.jpg"


def test_a_folder_is_one_manifest(tmp_path: Path) -> None:
    """Files come in order, each row names its file, other files are left alone."""
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "b.csv").write_text(PLAIN)
    (folder / "a.csv.gz").write_bytes(gzip.compress(PLAIN.encode()))
    (folder / "README.md").write_text("no table")
    result = staged(str(folder), tmp_path / "staged.parquet")
    assert result.files == ("a.csv.gz", "b.csv")
    assert [(r["file"], r["row"]) for r in rows_of(result)] == [
        (name, row) for name in result.files for row in (2, 3)
    ]


def test_a_glob_is_one_manifest(tmp_path: Path) -> None:
    """Names tell files in different folders apart."""
    for day in ("mon", "tue"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "feed.csv").write_text(PLAIN)
    result = staged(f"{tmp_path}/*/feed.csv", tmp_path / "staged.parquet")
    assert result.files == ("mon/feed.csv", "tue/feed.csv")
    assert result.rows == 4


def test_a_folder_of_folders_names_the_glob(tmp_path: Path) -> None:
    """Partitions of Parquet lie one level below."""
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1" / "part.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadManifest, match=r"by a glob, such as `catalog/\*/\*\.parquet`"):
        staged(str(tmp_path), tmp_path / "staged.parquet")


def test_a_manifest_may_lie_elsewhere(tmp_path: Path) -> None:
    """Any place that fsspec knows, and paths in it lead back there."""
    url = f"memory://{uuid4()}/feed.csv"
    fsspec.open(url, "w").open().close()
    with fsspec.open(url, "w") as file:
        file.write("sku,image\nmug,a.jpg\n")
    rows = rows_of(staged(url, tmp_path / "staged.parquet", WEB | {"memory"}))
    assert rows[0]["url"] == url.replace("memory://", "memory:///").replace("feed.csv", "a.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(PLAIN.encode() * 99, mtime=0)[:-9], "cut short"),
        (zstandard.compress(PLAIN.encode() * 99)[:-9], "cut short"),
        (parquet(sku=["mug"])[:-9], "cut short"),
        (gzip.compress(parquet(sku=["mug"])), "unpack it"),
        ("PK\x03\x04", "is a ZIP"),
        ("<rss>", "XML"),
        ("[{}]", "JSON Lines"),
        (b"\xff\xfe<\0r\0", "UTF-16"),
        (b"\x89PNG\0\0\0", "neither CSV"),
        ("sku,image,title,Title\n", "twice"),
        ('sku,"image\n', "not closed"),
        ("title,price\n", "--sku-column"),
        ("not json\n", "--sku-column"),
    ],
)
def test_a_file_that_is_no_manifest_says_so(
    stage: Stage, tmp_path: Path, content: str | bytes, message: str
) -> None:
    """The run does not begin, and nothing half staged is left behind."""
    with pytest.raises(BadManifest, match=message):
        stage(content)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.csv"]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("memory://none/feed.csv", r"nothing at `memory://none/feed.csv`; check the path\."),
        (
            "http://me:secret@127.0.0.1:9/feed.csv?sig=secret",
            "`http://127.0.0.1:9/feed.csv` cannot",
        ),
        ("nonsense://feed.csv", "cannot be read"),
        (".", r"names end in \.csv, .*\.parquet"),
    ],
)
def test_a_place_without_manifest_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: str, message: str
) -> None:
    """The address is shown, its login and query are not."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadManifest, match=message) as caught:
        staged(manifest, tmp_path / "out")
    assert "secret" not in str(caught.value)


def test_a_manifest_is_read_from_the_web(tmp_path: Path) -> None:
    """A signed address works, and paths lead to the same folder of the same site."""
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "m.csv.gz").write_bytes(gzip.compress(b"sku,image\nmug,a.jpg\n"))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_port}"
        rows = rows_of(staged(f"{site}/feeds/m.csv.gz?sig=secret", tmp_path / "out"))
        server.shutdown()
    assert [row["url"] for row in rows] == [f"{site}/feeds/a.jpg"]


def test_files_of_one_manifest_share_their_columns(tmp_path: Path) -> None:
    """The message names the columns that differ."""
    (tmp_path / "a.csv").write_text(PLAIN)
    (tmp_path / "b.csv").write_text(PLAIN.replace("title", "name"))
    with pytest.raises(BadManifest, match=r"`b.csv` differs.*: name, title"):
        staged(str(tmp_path), tmp_path / "out.parquet")


def test_a_header_alone_is_an_empty_catalog(stage: Stage) -> None:
    """No rows is an answer; whether it is believed is decided elsewhere."""
    assert stage("sku,image\n") == []


def test_fields_that_come_up_late_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be carried is named."""
    monkeypatch.setattr("packshot.world.manifest_records._CHUNK_CHARS", 50)
    lines = [{"sku": "mug", "image": A}] * 3 + [{"sku": "cup", "image": B, "late": 1}]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = staged(str(tmp_path / "m.jsonl"), tmp_path / "staged.parquet")
    assert result.rows == 4
    assert result.understanding.sentences()[-1].endswith("too late: late")


CELLS = st.text(st.sampled_from('ab,;\n\r" \0\udc80é'), max_size=8) | st.just(A)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=12), st.sampled_from([1, 40, 4_000_000]))
def test_every_record_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, str]], size: int
) -> None:
    """Each row number occurs, whatever the cells hold and however the file is cut in chunks."""
    sink = io.StringIO(newline="")
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerows([("sku", "image", "title"), *records])
    folder = tmp_path_factory.mktemp("manifest")
    file = folder / "m.csv"
    file.write_bytes(sink.getvalue().encode("utf-8", "surrogateescape"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packshot.world.manifest_records._CHUNK_CHARS", size)
        rows = rows_of(staged(str(file), folder / "out"))
    assert {row["row"] for row in rows} == set(range(2, len(records) + 2))


WHOLE = f"whole,{A},line"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*'ab,"\n', A, f"\n{WHOLE}\n"]), max_size=60).map("".join))
def test_no_line_is_swallowed(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """However quotes are strewn, a line that is a whole record becomes one."""
    folder = tmp_path_factory.mktemp("manifest")
    (folder / "m.csv").write_text(f"sku,image,title\n{text}\n", newline="")
    rows = rows_of(staged(str(folder / "m.csv"), folder / "out"))
    assert sum(row["sku"] == "whole" for row in rows) >= text.split("\n").count(WHOLE)
    assert [row["row"] for row in rows] == sorted({row["row"] for row in rows})
