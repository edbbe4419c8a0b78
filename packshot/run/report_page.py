"""The report as one page for people: what went wrong first, then the pictures.

The page asks nothing of the network and runs nothing; whatever came from the manifest is
escaped text.
"""

import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit

import duckdb
from jinja2 import Environment, StrictUndefined, Template

from packshot.facts.item import public
from packshot.facts.outcome import MEANING, Outcome
from packshot.run.summary import Summary
from packshot.world.tables import scalar

MOST_ROWS = 500
"""Rows that one table of the page shows; the rest stands in `report.parquet`."""

_NEW_PICTURES = (Outcome.CUT, Outcome.RECOVERED, Outcome.REUSED, Outcome.REFRESHED)
_IN_ORDER = ", ".join(f"'{outcome}'" for outcome in _NEW_PICTURES)
_COLUMNS = (
    "row, file, sku, source_url, outcome, reason_code, reason, review_code, review, pictures, "
    "foreground_type, charged, uncertain, paid_before, "
    "source_width, source_height, result_width, result_height, "
    + ", ".join(
        f"coalesce(box_computed_{side}, box_stated_{side}) AS box_{side}"
        for side in ("left", "top", "width", "height")
    )
)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the page: its first rows, and how many there are in all."""

    name: str
    meaning: str
    total: int
    rows: list[dict[str, Any]]

    @property
    def unseen(self) -> int:
        """Rows that the page leaves to `report.parquet`."""
        return self.total - len(self.rows)


def page(connection: duckdb.DuckDBPyConnection, summary: Summary, *, destination: str) -> str:
    """`report.html`; the table `report` must exist."""
    return _template().render(
        run=summary,
        ended=ended(summary),
        outcomes=[(name, MEANING[name], summary.outcomes.get(name, 0)) for name in Outcome],
        sections=_sections(connection),
        destination=public(destination),
        address=lambda path: address(destination, path),
    )


@functools.cache
def _template() -> Template:
    """Compiled once per process; that takes longer than a small run."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"amount": amount, "duration": duration, "public": public}
    source = files(__package__).joinpath("report.html.jinja").read_text("utf-8")
    return environment.from_string(source)


def ended(summary: Summary) -> str:
    """How the run came to its end, in a sentence or two."""
    why = f" {_sentence(summary.stopped)}" if summary.stopped else ""
    if summary.interrupted:
        return (
            f"The run was interrupted.{why} What it had bought is kept; "
            "the next run takes up what it did not reach."
        )
    if summary.stopped:
        return f"The run stopped before its end.{why}"
    if summary.failed:
        return f"The run finished; {summary.failed:,} of {summary.items:,} items did not succeed."
    if summary.nothing_changed:
        return "The run finished; nothing had changed since the run before."
    if not summary.items:
        return "The run finished; the manifest held no rows."
    return "The run finished."


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def amount(value: float | None) -> str:
    """A figure for people: thousands apart, no idle zeros; a dash where it is not known."""
    if value is None:
        return "-"
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """A span in its two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def address(destination: str, path: str) -> str | None:
    """Where a browser finds a picture; `None` for stores that it cannot open."""
    if urlsplit(destination).scheme in {"http", "https"}:
        return f"{public(destination).rstrip('/')}/{quote(path)}"
    if urlsplit(destination).scheme or destination.startswith("//"):
        return None
    return f"{quote(destination.rstrip('/'))}/{quote(path)}"


def _sections(connection: duckdb.DuckDBPyConnection) -> list[Section]:
    """Failures first; `unchanged` and `skipped` are only counted, at the head of the page."""
    untold = "coalesce(reason_code, '') NOT IN ('not_selected', 'limit')"
    return [
        _section(connection, name, meaning, where)
        for name, meaning, where in (
            ("failed", MEANING[Outcome.FAILED], "outcome = 'failed'"),
            ("rejected", MEANING[Outcome.REJECTED], "outcome = 'rejected'"),
            ("deferred", MEANING[Outcome.DEFERRED], f"outcome = 'deferred' AND {untold}"),
            (
                "needs review",
                "a picture that looks wrong",
                "needs_review AND outcome <> 'unchanged'",
            ),
            ("new pictures", "with what they cost", f"outcome IN ({_IN_ORDER})"),
        )
    ]


def _section(connection: duckdb.DuckDBPyConnection, name: str, meaning: str, where: str) -> Section:
    """The first rows, outcome by outcome, in the manifest's order."""
    cursor = connection.execute(
        f"SELECT {_COLUMNS} FROM report WHERE {where} "
        f"ORDER BY list_position([{_IN_ORDER}], outcome), seq LIMIT {MOST_ROWS}"
    )
    names = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    total = scalar(connection, f"SELECT count(*) FROM report WHERE {where}")
    return Section(name, meaning, total, rows)
