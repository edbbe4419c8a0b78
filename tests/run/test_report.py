"""The report's laws: every row is accounted for, and `docs/report.md` describes what is there."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packshot.facts.columns import ColumnNames
from packshot.facts.errors import NeedsAnswer
from packshot.facts.outcome import Outcome
from packshot.run.report_tables import FAILED_COLUMNS
from packshot.run.summary import WAITED_FOR, Money, Summary
from tests.run.nights import Night, Shop, photo

DOCUMENT = Path(__file__).parents[2] / "docs/report.md"
HEADER = ("sku", "image_url", "position", "skip", "resolution", "note")
SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
ENDED = {str(outcome) for outcome in Outcome}
JSON_TYPES = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}

cells = st.one_of(
    st.sampled_from(["", "A", "B", "=1+1", "+1", "-1", "@A", "\t", "ä", "'", '"', ";", "x" * 300]),
    st.text(st.characters(blacklist_characters="\r\n"), max_size=8),
)
urls = st.one_of(
    st.sampled_from(
        ["", "https://h/a.png", "https://h/b.png?v=1", "//h/c.png", "h/d.png", "ftp://h/e.png"]
    ),
    cells,
)
rows = st.tuples(
    cells,
    urls,
    st.sampled_from(["", "1", "2", "-1", "first"]),
    st.sampled_from(["", "yes", "no", "perhaps"]),
    st.sampled_from(["", "preview", "4k", "huge"]),
    cells,
)


@pytest.fixture
def free(shop: Shop) -> Shop:
    """A shop whose night costs and fetches nothing."""
    shop.settings = {"provider": "local", "limit": 0, "max_gone_share": 1.0}
    return shop


def write(shop: Shop, header: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    """A manifest with these cells, every one in quotes."""
    shop.folder.mkdir(parents=True, exist_ok=True)
    with shop.manifest.open("w", newline="", errors="replace") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([header, *lines])


def folder_of(shop: Shop, night: Night) -> Path:
    """Where the night's files lie."""
    return shop.state / shop.catalog / "runs" / night.summary.run_id


def sheet(shop: Shop, night: Night, name: str = "report.csv") -> list[dict[str, str]]:
    """A CSV file, as another program reads it."""
    with (folder_of(shop, night) / name).open(newline="") as file:
        return list(csv.DictReader(file))


# --- every row -------------------------------------------------------------------------------


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lines=st.lists(rows, min_size=1, max_size=6))
def test_every_row_ends_once(free: Shop, lines: list[tuple[str, ...]]) -> None:
    """Whatever a manifest holds, each row is there with one outcome, and no cell is a formula."""
    write(free, HEADER, lines)
    night = free.night()
    assert list(night.report["row"]) == list(range(2, len(lines) + 2))
    assert set(night.report["outcome"]) <= ENDED
    assert (night.summary.rows, night.summary.items) == (len(lines), len(lines))
    assert sum(night.summary.outcomes.values()) == len(lines)
    assert night.report["reason_code"].notna().all()
    shown = sheet(free, night)
    assert not [cell for row in shown for cell in row.values() if cell.startswith(SPREADSHEET)]
    assert len(shown) == (night.report["reason_code"] != "limit").sum()
    failed = night.report["outcome"].isin({"failed", "rejected"})
    assert len(sheet(free, night, "failed.csv")) == failed.sum()


def test_several_images_of_a_row_are_several_items(free: Shop) -> None:
    """A row is there once per image, and once where it has none; repeats within a row count."""
    records: list[dict[str, Any]] = [
        {"sku": "a", "images": ["https://h/1.png", "https://h/2.png"]},
        {"sku": "b", "images": []},
        {"sku": "c", "images": ["https://h/1.png", "https://h/1.png", "ftp://h/x", "ftp://h/y"]},
        {"sku": "", "images": ["https://h/1.png"]},
    ]
    free.folder.mkdir(parents=True, exist_ok=True)
    free.manifest.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    night = free.night()
    assert list(night.report["row"]) == [1, 1, 2, 3, 3, 3, 3, 4]
    assert list(night.report["outcome"]) == [
        *("deferred", "deferred", "rejected", "deferred", "deferred", "rejected", "rejected"),
        "rejected",
    ]
    assert [row["sku"] for row in sheet(free, night, "failed.csv")] == ["b", "c", "c", ""]


def test_a_manifest_without_rows_has_an_empty_report(free: Shop) -> None:
    """An empty catalog is no error; its files have their columns."""
    write(free, HEADER, [])
    night = free.night()
    assert (night.summary.rows, night.summary.outcomes, len(night.report)) == (0, {}, 0)
    header = (folder_of(free, night) / "report.csv").read_text().splitlines()
    assert header[0].split(",")[:3] == ["row", "file", "sku"]


def test_what_was_unchanged_is_left_out_of_the_spreadsheet(shop: Shop) -> None:
    """The spreadsheet is for what happened; the Parquet file has everything."""
    for number in range(3):
        shop.draw(f"{number}.png", colour=number)
    shop.list(shop.row("0", "0.png"), shop.row("1", "1.png"))
    shop.night()
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(3)))
    night = shop.night()
    assert list(night.report["outcome"]) == ["unchanged", "unchanged", "cut"]
    assert [(row["sku"], row["outcome"]) for row in sheet(shop, night)] == [("2", "cut")]


# --- cells -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", SPREADSHEET[:5])
def test_a_spreadsheet_does_not_run_what_a_catalog_says(free: Shop, start: str) -> None:
    """Cells that begin like a formula are shown as text; the Parquet file has them as they were."""
    told = f"{start}cmd|' /C calc'!A0"
    write(free, ("sku", "image_url", "note", "=1+1"), [("", "", told, told)])
    night = free.night()
    (row,) = sheet(free, night)
    assert row["carried_note"] == row["carried_=1+1"] == f"'{told}"
    assert list(night.report["carried_note"]) == [told]


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")  # noqa: RUF001
def test_a_cell_within_a_cell_is_not_run_either(free: Shop, sign: str) -> None:
    """A spreadsheet that splits at `;` sees cells that we never wrote."""
    cell = f"10;{sign}cmd|x!A0;{sign}2\n{sign}3 {sign}4"
    write(free, ("sku", "image_url", "note"), [("", "", cell)])
    night = free.night()
    (row,) = sheet(free, night)
    assert row["carried_note"] == f"10;'{sign}cmd|x!A0;'{sign}2\n'{sign}3 {sign}4"
    assert list(night.report["carried_note"]) == [cell]


def test_carried_columns_arrive(free: Shop) -> None:
    """Every column that means nothing to us comes through, empty cells and odd names included."""
    header = ("sku", "image_url", 'odd "name"', "Preis, €", "")
    write(free, header, [("", "", "x", "1,50", "last"), ("a", "https://h/a", "", "", "")])
    report = free.night().report
    carried = [name for name in report if name.startswith("carried_")]
    assert carried == ['carried_odd "name"', "carried_Preis, €", "carried_column 5"]
    assert report[carried].to_numpy().tolist() == [["x", "1,50", "last"], ["", "", ""]]


# --- run it again ----------------------------------------------------------------------------


@pytest.fixture
def failing(shop: Shop) -> Shop:
    """A shop with three good pictures and three that are not there yet."""
    for number in range(3):
        shop.draw(f"{number}.png", colour=number)
    header = ("sku", "image_url", "position", "foreground_type", "Sku Group", "packshot_outcome")
    write(
        shop,
        header,
        [
            (f"{number}", shop.url(f"{number}.png"), "1", "product", f"g{number}", "?")
            for number in range(6)
        ],
    )
    return shop


def test_what_failed_is_a_manifest(failing: Shop) -> None:
    """It can be run again, twice over, and each time holds what has failed again."""
    keys = failing.night().outcomes
    for left in (3, 3):
        again = run_failed(failing)
        assert again.summary.outcomes == {"failed": left}
        assert set(again.outcomes) <= set(keys)
        assert list(again.report["carried_Sku Group"]) == ["g3", "g4", "g5"]
        assert set(again.report["paid_options"]) == {'{"foreground_type":"product"}'}
    for number in range(3, 6):
        failing.draw(f"{number}.png", colour=number)
    assert run_failed(failing).summary.outcomes == {"cut": 3}


def test_what_failed_is_said_as_the_manifest_said_it(shop: Shop) -> None:
    """Formulas, markup and line breaks come through raw, so the same items are tried again."""
    header = ("sku", "image_url", "note", "=1+1")
    skus = ("=1+1", "+1", "-1", "@A", "<b>", "../../etc/passwd", "%2e%2e", "'=1", "Mug", "MUG")
    notes = ("=cmd|' /C calc'!A0", '"><script>', "two\nlines", "\tx", "'", ",;")
    lines = [
        (sku, shop.url("none.png"), notes[number % len(notes)], f"@{number}")
        for number, sku in enumerate(skus)
    ]
    write(shop, header, lines)
    night = shop.night()
    again = sheet(shop, night, "failed.csv")
    assert [tuple(row[name] for name in header) for row in again] == lines
    assert run_failed(shop).outcomes == night.outcomes
    assert len(night.outcomes) == len(skus)


def run_failed(shop: Shop, **changes: Any) -> Night:  # noqa: ANN401  whatever a job takes
    """A night with the last run's `failed.csv` for a manifest, from where it lies."""
    last = max((shop.state / shop.catalog / "runs").iterdir())
    return shop.night(retry=True, manifest=str(last / "failed.csv"), **changes)


def test_what_failed_is_a_part_of_the_catalog(shop: Shop) -> None:
    """Run again, it leaves the rest alone: nothing is gone, not even in the ledger."""
    for number in range(8):
        shop.draw(f"{number}.png", colour=number)
    whole = [shop.row(f"{number}", f"{number}.png") for number in range(10)]
    shop.list(*whole)
    assert shop.night().summary.outcomes == {"cut": 8, "failed": 2}
    again = run_failed(shop)
    assert (again.plan.verdict, again.plan.gone, again.summary.gone) == ("go", 0, 0)
    assert again.summary.outcomes == {"failed": 2}
    assert not pd.notna(shop.known("0")["gone_at"])
    shop.list(*whole[5:])
    with pytest.raises(NeedsAnswer, match="5 of 10 known items"):
        shop.night()


def test_a_local_picture_that_failed_stays_the_same_item(shop: Shop) -> None:
    """Its address leads to it from wherever `failed.csv` lies, and its key is what it was."""
    shop.folder.mkdir(parents=True, exist_ok=True)
    (shop.folder / "bad.jpg").write_bytes(b"no picture")
    write(shop, ("sku", "image_url"), [("BAD", "bad.jpg"), ("NONE", "none.jpg")])
    local = {"provider": "local", "allow_local": True}
    outcomes = {"BAD@bad.jpg": "rejected", "NONE@none.jpg": "failed"}
    assert shop.night(**local).outcomes == outcomes
    assert run_failed(shop, **local).outcomes == outcomes
    (shop.folder / "bad.jpg").write_bytes(photo())
    assert run_failed(shop, **local).outcomes == outcomes | {"BAD@bad.jpg": "cut"}


def test_a_row_that_was_not_understood_says_the_same_again(shop: Shop) -> None:
    """What it held is written as it was, so no option is lost; the report shows no secret."""
    header = ("sku", "image_url", "position", "resolution", "skip")
    lines: list[tuple[str, ...]] = [
        ("a", "ftp://me:planted@h/a.jpg?sig=planted", "", "", ""),
        ("b", "https:/me:planted@h/b.jpg", "", "", ""),
        ("c", "https://h/c.jpg|https://me:planted@h/c.jpg", "", "", ""),
        ("d", "https://h/d.jpg?sig=planted", "first", "", ""),
        ("e", "https://h/e.jpg", "", "huge", ""),
        ("f", "https://h/f.jpg", "", "", "perhaps"),
        ("g", "", "", "", ""),
    ]
    write(shop, header, lines)
    first = shop.night()
    assert list(first.report["source_url"].fillna("")) == [
        *("ftp://h/a.jpg", "h/b.jpg", "https://h/c.jpg|https", "https://h/d.jpg"),
        *("https://h/e.jpg", "https://h/f.jpg", ""),
    ]
    assert "planted" not in (folder_of(shop, first) / "report.html").read_text()
    failed = sheet(shop, first, "failed.csv")
    assert [tuple(row[name] for name in header) for row in failed] == lines
    again = run_failed(shop)
    assert list(again.report["reason"]) == list(first.report["reason"])
    assert sheet(shop, again, "failed.csv") == failed


def test_columns_of_the_same_name_do_not_hide_each_other(free: Shop) -> None:
    """A manifest may call other things `sku` or `image_url`; theirs keep the prefix."""
    write(free, ("code", "sku", "photo", "image_url"), [("a", "family", "ftp://h/a", "thumb")])
    columns = ColumnNames(sku="code", image=["photo"])
    night = free.night(columns=columns.model_dump())
    (row,) = sheet(free, night, "failed.csv")
    assert (row["sku"], row["carried_sku"], row["carried_image_url"]) == ("a", "family", "thumb")


# --- calls -----------------------------------------------------------------------------------


def test_every_call_is_on_record(shop: Shop) -> None:
    """Refused, lost and good ones: `attempts.parquet` has as many as the provider has seen."""
    for number in range(6):
        shop.draw(f"{number}.png", colour=number)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(6)))
    for kind in ("status_503", "reset_after_read", "error_code:unknown_foreground"):
        shop.fail_next(kind)
    night = shop.night()
    calls = pd.read_parquet(folder_of(shop, night) / "attempts.parquet")
    assert len(calls) == night.summary.calls == night.seen.posts == night.report["calls"].sum()
    assert calls["call"].is_unique
    assert calls["code"].value_counts().to_dict() == {
        "ok": 5,
        "unreachable": 1,
        "uncertain": 1,
        "unknown_foreground": 1,
    }
    assert sorted(calls["http_status"].dropna()) == [200] * 5 + [400, 503]
    assert calls["answered_at"].notna().all()


# --- the document ----------------------------------------------------------------------------


def told(section: str) -> dict[str, list[str]]:
    """The table of a section: the first cell's name, and the other cells."""
    text = DOCUMENT.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {name.strip(" `"): [cell.strip() for cell in rest] for name, *rest in lines}


def columns_of(file: Path) -> dict[str, str]:
    """Names and types in a Parquet file; carried columns stand together."""
    described = duckdb.sql(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
    return {re.sub(r"^carried_.*", "carried_…", name): kind for name, kind, *_ in described}


@pytest.fixture
def lived(failing: Shop) -> tuple[Shop, Night]:
    """A night with all kinds of rows."""
    return failing, failing.night()


def test_the_tables_are_as_described(lived: tuple[Shop, Night]) -> None:
    """Each column has its line, in order, with its type."""
    folder = folder_of(*lived)
    for name in ("report.parquet", "attempts.parquet"):
        kinds = {column: cells[0] for column, cells in told(name).items()}
        assert list(columns_of(folder / name).items()) == list(kinds.items())
    report = list(columns_of(folder / "report.parquet"))
    header = next(csv.reader((folder / "report.csv").open(newline="")))
    assert (
        list(dict.fromkeys(re.sub(r"^carried_.*", "carried_…", name) for name in header)) == report
    )


def test_an_empty_night_has_the_same_types(free: Shop) -> None:
    """A schema does not depend on what happened."""
    write(free, ("sku", "image_url", "x"), [])
    night = free.night()
    for name in ("report.parquet", "attempts.parquet"):
        kinds = {column: cells[0] for column, cells in told(name).items()}
        assert columns_of(folder_of(free, night) / name) == kinds


def test_what_failed_is_as_described(lived: tuple[Shop, Night]) -> None:
    """The columns before the manifest's own are those of the document."""
    header = next(csv.reader((folder_of(*lived) / "failed.csv").open(newline="")))
    assert list(told("failed.csv")) == list(FAILED_COLUMNS) == header[: len(FAILED_COLUMNS)]
    assert header[len(FAILED_COLUMNS) :] == ["Sku Group"]


def fields(summary: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Fields as the document names them."""
    for name, value in summary.items():
        if name == "money":
            yield from ((f"money.{part}", amount) for part, amount in value.items())
        else:
            yield name, value


def test_the_summary_is_as_described(lived: tuple[Shop, Night]) -> None:
    """Each field has its line, in order, and a type that fits."""
    summary = json.loads((folder_of(*lived) / "summary.json").read_text())
    known = told("summary.json")
    assert [name for name, _ in fields(summary)] == list(known)
    assert set(Summary.model_fields) == set(summary)
    assert set(Money.model_fields) == set(summary["money"])
    for name, value in fields(summary):
        kinds = tuple(JSON_TYPES[kind] for kind in known[name][0].split(" or "))
        assert any(isinstance(value, kind) for kind in kinds), name


def test_every_file_of_a_run_is_described(lived: tuple[Shop, Night]) -> None:
    """No file lies in a run's folder that the document does not know."""
    named = set(
        re.findall(r"`([a-z]+(?:-\*)?(?:\.[a-z]+|/))`", DOCUMENT.read_text().partition("\n## ")[0])
    )
    there = {
        f"{path.name}/" if path.is_dir() else re.sub("-[0-9a-f]{8}", "-*", path.name)
        for path in folder_of(*lived).iterdir()
    }
    assert there <= named


def test_bad_rows_occur_whatever_is_selected(shop: Shop) -> None:
    """A row without key or SKU is neither among the chosen nor lost."""
    shop.draw("mug.png")
    shop.list(
        shop.row("mug", "mug.png"), {"sku": "", "image_url": ""}, {"sku": "cup", "image_url": ""}
    )
    night = shop.night(only=["mug"])
    assert night.report["row"].tolist() == [2, 3, 4]
    assert night.report["outcome"].tolist() == ["cut", "rejected", "rejected"]


def test_waits_and_the_share_of_the_allowance_stand_in_summary_and_page(shop: Shop) -> None:
    """A window of three megapixels for nine pictures: what was waited for is told in seconds."""
    shop.market.state.change({"limit_megapixels": 3, "window_seconds": 2})
    try:
        for number in range(9):
            shop.draw(f"{number}.png", colour=number)
        shop.list(*(shop.row(f"SKU-{number}", f"{number}.png") for number in range(9)))
        night = shop.night()
    finally:
        shop.market.state.change({"limit_megapixels": 500, "window_seconds": 60})
    summary = night.summary
    assert summary.outcomes == {"cut": 9}
    assert summary.waits.keys() == set(WAITED_FOR)
    assert summary.waits["pace"] >= 3
    assert all(summary.waits[name] > 0 for name in ("provider", "hosts", "store", "cpu"))
    assert summary.allowance_share is not None
    assert summary.waited[0][0] in {"pace", "pause"}
    assert sum(night.report["wait_seconds"]) >= 3
    page = (Path(summary.report).parent / "report.html").read_text()
    assert f"{summary.allowance_share:.0%}".replace("%", " %") in page
    assert "The workers together waited for:" in page
