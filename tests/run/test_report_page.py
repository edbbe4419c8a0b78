"""What people see of a run, and what a hostile manifest cannot put there."""

from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import duckdb
import pytest

from packshot.facts.outcome import MEANING
from packshot.run.report_page import MOST_ROWS, address, amount, duration, ended, page
from packshot.run.summary import Money, Summary

COLUMNS = {
    "row": "INTEGER",
    "seq": "BIGINT",
    "file": "VARCHAR",
    "sku": "VARCHAR",
    "source_url": "VARCHAR",
    "outcome": "VARCHAR",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "needs_review": "BOOLEAN",
    "review_code": "VARCHAR",
    "review": "VARCHAR",
    "pictures": "STRUCT(variant VARCHAR, path VARCHAR)[]",
    "foreground_type": "VARCHAR",
    "charged": "DOUBLE",
    "uncertain": "DOUBLE",
    "paid_before": "DOUBLE",
    **{f"source_{side}": "INTEGER" for side in ("width", "height")},
    **{f"result_{side}": "INTEGER" for side in ("width", "height")},
    **{
        f"box_{kind}_{side}": "INTEGER"
        for kind in ("stated", "computed")
        for side in ("left", "top", "width", "height")
    },
}


def report(*rows: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A report of these rows; what a row does not say is NULL."""
    connection = duckdb.connect(":memory:")
    kinds = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TEMP TABLE report ({kinds})")
    for number, row in enumerate(rows, start=2):
        row = {"row": number, "seq": number, "needs_review": False, **row}  # noqa: PLW2901 - with its defaults
        marks = ", ".join("?" * len(row))
        connection.execute(
            f"INSERT INTO report ({', '.join(row)}) VALUES ({marks})", list(row.values())
        )
    return connection


def run(**known: object) -> Summary:
    """A quiet night, but for what is given."""
    quiet = {
        "run_id": "20260214T020000-7f3a",
        "catalog": "mugs",
        "provider": "removebg",
        "purchase_class": "paid",
        "started_at": datetime(2026, 2, 14, 2, 0),  # noqa: DTZ001 - the books are in naive UTC
        "finished_at": datetime(2026, 2, 14, 2, 47),  # noqa: DTZ001
        "seconds": 2820.0,
        "interrupted": False,
        "stopped": None,
        "stop_code": None,
        "rows": 0,
        "items": 0,
        "gone": 0,
        "outcomes": {},
        "plan_states": {},
        "needs_review": 0,
        "money": money(),
        "calls": 0,
        "retries": 0,
        "throttled": 0,
        "images_per_minute": 0.0,
        "allowance_share": None,
        "waits": {},
        "stages": {},
        "top_errors": [],
        "report": "mugs/runs/20260214T020000-7f3a",
    }
    return Summary.model_validate(quiet | known)


def money(**known: object) -> Money:
    """Books in which nothing happened, but for what is given."""
    none = dict.fromkeys(("balance_before", "balance_after", "difference"))
    zero = dict.fromkeys(("charged", "uncertain", "paid_before"), 0.0)
    return Money.model_validate({"unit": "credits", **none, **zero, **known})


def cut(sku: str, path: str = "MUG-1/white-1a2b.jpg", **known: object) -> dict[str, Any]:
    """A row whose picture was bought."""
    pictures = [{"variant": "white", "path": path}]
    return {"sku": sku, "outcome": "cut", "pictures": pictures, "charged": 1.0, **known}


def failed(sku: str, outcome: str = "failed", **known: object) -> dict[str, Any]:
    """A row without a picture."""
    url = f"https://cdn.example/{sku}.jpg"
    return {"sku": sku, "outcome": outcome, "source_url": url, "reason_code": "http_404", **known}


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag and what it says."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Keep what is read."""
        self.text += data

    @property
    def links(self) -> list[str]:
        """Where one can go from the page, other than within it."""
        hrefs = [value or "" for name, value in self.attributes if name == "href"]
        return [href for href in hrefs if not href.startswith("#")]


def seen(*rows: dict[str, Any], destination: str = "/srv/pictures", **known: object) -> Seen:
    """A page of these rows, read."""
    return Seen(page(report(*rows), run(**known), destination=destination))


def test_failures_come_before_pictures() -> None:
    """Failed, rejected and deferred, then what needs review, then the rest."""
    text = seen(
        cut("SKU-CUT"),
        cut("SKU-DOUBT", needs_review=True, review_code="many_islands", review="12 parts."),
        failed("SKU-DEFERRED", "deferred", reason_code="no_credits"),
        failed("SKU-REJECTED", "rejected"),
        failed("SKU-FAILED"),
    ).text
    order = ["SKU-FAILED", "SKU-REJECTED", "SKU-DEFERRED", "SKU-DOUBT", "SKU-CUT"]
    assert sorted(order, key=text.index) == order
    assert "many_islands" in text


def test_purchases_come_first_among_pictures() -> None:
    """Outcomes keep together; within one, the manifest's order stays."""
    text = seen(
        cut("SKU-D", outcome="refreshed"),
        cut("SKU-A"),
        cut("SKU-C", outcome="reused"),
        cut("SKU-B"),
    ).text
    order = ["SKU-A", "SKU-B", "SKU-C", "SKU-D"]
    assert sorted(order, key=text.index) == order


def test_what_nobody_asked_for_is_only_counted() -> None:
    """Unchanged, skipped and unselected items have no rows of their own."""
    text = seen(
        {"sku": "SKU-SAME", "outcome": "unchanged", "needs_review": True},
        {"sku": "SKU-SKIP", "outcome": "skipped"},
        failed("SKU-LIMIT", "deferred", reason_code="limit"),
        failed("SKU-OTHER", "deferred", reason_code="not_selected"),
        outcomes={"unchanged": 1234, "skipped": 1, "deferred": 2},
        needs_review=1,
    ).text
    assert "SKU-" not in text
    assert "Unchanged pictures that still need review: 1;" in text
    assert "1,234" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        '=HYPERLINK("http://evil.example","x")',
        "=1+1",
        "{{ 7*7 }}",
    ],
)
def test_a_manifest_can_only_write_text(hostile: str) -> None:
    """Whatever a cell holds is read as it stands and changes nothing in the page."""
    rows = [
        failed(hostile, file=hostile, source_url=hostile, reason_code=hostile, reason=hostile),
        cut(hostile, hostile, needs_review=True, review_code=hostile, review=hostile),
    ]
    got, plain = (
        seen(*rows, catalog=hostile, stopped=hostile, top_errors=[(hostile, 1)]),
        seen(
            failed("x", file="x", reason="x"),
            cut("x", "x", needs_review=True, review="x"),
            catalog="x",
            stopped="x",
            top_errors=[("x", 1)],
        ),
    )
    assert hostile in got.text
    assert got.tags == plain.tags
    assert [name for name, _ in got.attributes] == [name for name, _ in plain.attributes]


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No script, no picture, no style from outside; addresses occur only as data."""
    html = page(report(failed("A"), cut("B")), run(), destination="s3://shop/pictures")
    got = Seen(html)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(got.tags)
    assert got.links == []
    assert not any(name == "src" or name.startswith("on") for name, _ in got.attributes)
    assert html.count("http://") + html.count("https://") == 1  # the failed picture's source
    assert "@import" not in html
    assert "url(" not in html


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("/srv/my pictures/", "/srv/my%20pictures/A/a%23.jpg"),
        ("out", "out/A/a%23.jpg"),
        ("https://cdn.example/p/?token=s3cret", "https://cdn.example/p/A/a%23.jpg"),
        ("https://user:pass@cdn.example/p", "https://cdn.example/p/A/a%23.jpg"),
        ("s3://bucket/p", None),
        ("memory://p", None),
        ("//evil.example/p", None),
        ("javascript:alert(1)//", None),
        ("java\nscript:alert(1)//", None),
        (" javascript:alert(1)//", None),
        ("data:text/html,x", None),
        ("C:\\pictures", None),
    ],
)
def test_only_what_a_browser_may_open_is_a_link(destination: str, expected: str | None) -> None:
    """Folders and web addresses become links; anything else stays text."""
    assert address(destination, "A/a#.jpg") == expected
    links = seen(cut("A", "A/a#.jpg"), destination=destination).links
    assert links == ([expected] if expected else [])


def test_secrets_of_an_address_are_not_shown() -> None:
    """Query and login of a source or a destination do not reach the page."""
    html = page(
        report(failed("A", source_url="https://me:s3cret@cdn.example/a.jpg?sig=s3cret")),
        run(),
        destination="https://me:s3cret@cdn.example/p?sig=s3cret",
    )
    assert "s3cret" not in html
    assert "https://cdn.example/a.jpg" in html


def test_a_long_table_says_what_it_leaves_out() -> None:
    """Each table is capped on its own, and counts what stands in report.parquet."""
    connection = report(failed("F"), cut("LAST"))
    connection.execute("INSERT INTO report (sku, outcome) SELECT 'F', 'failed' FROM range(1999)")
    text = Seen(page(connection, run(), destination="out")).text
    assert text.count("1,500 more stand in report.parquet") == 1
    assert text.count("\nF\n") == MOST_ROWS
    assert "LAST" in text


def test_a_picture_is_told_in_full() -> None:
    """Foreground, box, charge and both sizes stand in its row; our box goes before theirs."""
    stated = {f"box_stated_{side}": 9 for side in ("left", "top", "width", "height")}
    box = {"box_computed_left": 12, "box_computed_top": 34}
    box |= {"box_computed_width": 560, "box_computed_height": 780}
    sizes = {"source_width": 2000, "source_height": 1500}
    sizes |= {"result_width": 1200, "result_height": 900}
    row = cut("A", foreground_type="product", uncertain=0.25, paid_before=3)
    text = seen(row | stated | box | sizes).text.translate({0x2009: None, 0xD7: "x"})
    for expected in ("product", "560x780 at 12,34", "0.25 uncertain", "3 before"):
        assert expected in text
    assert "2000x1500" in text
    assert "1200x900" in text


def test_an_empty_report_is_a_page() -> None:
    """A night without rows still says so, with every outcome and its meaning."""
    got = seen()
    assert "The run finished; the manifest held no rows." in got.text
    assert all(meaning in got.text for meaning in MEANING.values())
    assert got.tags.count("table") == 1
    assert got.links == []


def test_the_books_are_shown() -> None:
    """Amounts name their unit; a difference is explained, and absent when there is none."""
    books = money(charged=1234.5, balance_before=2000, balance_after=764.5, difference=1)
    got = seen(money=books, allowance_share=0.934, throttled=3, retries=7)
    for expected in ("1,234.5", "2,000", "764.5", "Charged, credits", "93 %", "Unexplained"):
        assert expected in got.text
    assert "Unexplained" not in seen(money=money(balance_before=1, balance_after=1)).text
    assert "Unexplained" not in seen(money=money(difference=1, uncertain=1)).text


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"interrupted": True}, "The run was interrupted. What it had bought is kept"),
        ({"stopped": "no credits left"}, "The run stopped before its end. No credits left."),
        ({"items": 9, "outcomes": {"failed": 1, "rejected": 1}}, "2 of 9 items did not succeed."),
        ({"items": 3, "outcomes": {"unchanged": 3}}, "nothing had changed since the run before."),
        ({"items": 3, "outcomes": {"deferred": 3}}, "The run finished."),
        ({"items": 3, "outcomes": {"cut": 3}}, "The run finished."),
    ],
)
def test_the_end_is_a_sentence(known: dict[str, Any], expected: str) -> None:
    """Interrupted, stopped and why, or finished."""
    assert expected in ended(run(**known))


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "-"), (0.0, "0"), (1000000, "1,000,000"), (-0.25, "-0.25")]
)
def test_amounts_have_no_idle_zeros(value: float | None, expected: str) -> None:
    """A dash stands for what is not known."""
    assert amount(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.42, "0.4 s"), (59.6, "1 min 0 s"), (12, "12 s"), (2820, "47 min 0 s"), (7270, "2 h 1 min")],
)
def test_spans_are_told_in_two_units(seconds: float, expected: str) -> None:
    """Whole units, the largest first."""
    assert duration(seconds) == expected
