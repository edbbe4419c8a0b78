"""The report's tables, put together from plan, events and ledger.

`docs/report.md` describes every column; a test holds the two together.
"""

from pathlib import Path

import duckdb

from packshot.facts.columns import FAILED_KEY, SAID_OF_FAILED
from packshot.facts.outcome import SECONDS_FIELDS
from packshot.world.ledger import COLUMNS
from packshot.world.tables import PARQUET, columns_of, literal, quoted, scalar, write_in_slices

_CARRIED = "carried_"


def _said(name: str, column: str) -> str:
    """A cell of failed.csv: as understood, or of a row that was not, as written."""
    return f"CASE WHEN p.written IS NULL THEN {column} ELSE p.written.{name} END"


FAILED_COLUMNS = {
    "sku": _said("sku", "p.sku"),
    "image_url": _said("image_url", "p.url"),
    "position": _said("position", "p.position::VARCHAR"),
    "image_id": _said("image_id", "p.image_id"),
    "foreground_type": _said("foreground_type", "p.foreground_type"),
    "resolution": _said("resolution", "p.resolution"),
    "skip": "p.written.skip",
    FAILED_KEY: "r.key",
    "packshot_outcome": "r.outcome",
    "packshot_reason_code": "r.reason_code",
    "packshot_reason": "r.reason",
}
"""Columns of failed.csv, and where they come from in plan and report."""
_SAID_BEFORE = set(SAID_OF_FAILED)
"""What an earlier failed.csv said of a row is not carried on."""
_SIGNS = r"=+\-@＝＋－＠"  # noqa: RUF001  the wide ones are signs to a spreadsheet, too
_FORMULA = rf"'^[{_SIGNS}\t\r\n]|[;\r\n][{_SIGNS}]'"
"""Cells that a spreadsheet would run (OWASP, CSV Injection), also one that splits at `;`."""
_URL = (
    r"([A-Za-z][A-Za-z0-9+.-]*://)"
    r"(?:[^\s/?#@<>]*@|[^\s/?#@:<>]*:[0-9]*[^0-9/\s?#<>][^\s?#<>]*@)?"
    r"([^\s?#<>]*)(?:[?#][^\s<>]*)?"
).replace("<>", "<>\"'")
"""An address in a text: scheme, login (a password may hold a slash), place, query."""
_KNOWN = [
    name
    for name in COLUMNS
    if name not in {"key", "sku", "position", "url", "url_hash", "status", "reason_code", "reason"}
    and name not in {"box_stated", "box_computed", "recipe", "gone_at", "paid_options"}
    and name != "refused_under"
]


def report_table(
    connection: duckdb.DuckDBPyConnection, plan: Path, file: Path, *, unended: tuple[str, str]
) -> None:
    """One row per item of the manifest, written to `file`; it is read as the view `report`.

    Events must be loaded. `unended` is the reason code and reason of items that were never begun.
    The view has the file's columns, and `seq`: the item's number in the order of the manifest.
    """
    connection.execute(
        f"CREATE OR REPLACE VIEW plan AS SELECT * FROM read_parquet({literal(plan)})"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE spent AS SELECT key, sum(charged) AS charged, "
        "sum(uncertain) AS uncertain, count(*) AS calls, "
        "max_by(http_status, answered_at) AS http_status "
        "FROM attempts GROUP BY key"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE firsts AS SELECT p.key, "
        f"{_outcome('p', 'e')} AS outcome FROM plan p LEFT JOIN endings e ON e.key = p.key "
        "WHERE p.state <> 'repeat' AND p.key IN (SELECT key FROM plan WHERE state = 'repeat')"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE found_again AS SELECT min(p.seq) AS seq "
        "FROM plan p JOIN endings e ON e.key = p.key "
        "WHERE p.number IS NOT NULL AND e.paid_before <> 0 GROUP BY e.fingerprint, e.provider"
    )
    carried = [name for name in columns_of(connection, "plan") if name.startswith(_CARRIED)]
    code, reason = unended
    write_in_slices(
        connection,
        _report_query(carried),
        file,
        rows=scalar(connection, "SELECT count(*) FROM plan"),
        values={"code": code, "reason": reason},
    )
    connection.execute(
        "CREATE OR REPLACE VIEW report AS SELECT * RENAME (file_row_number AS seq) "
        f"FROM read_parquet({literal(file)}, file_row_number = true)"
    )


def _outcome(plan: str, ending: str) -> str:
    return f"coalesce({ending}.outcome, {plan}.outcome, 'deferred')"


def _report_query(carried: list[str]) -> str:
    """A slice of the report; what is known of its items is gathered first, by their keys alone.

    Left to itself, DuckDB may hold all of a ledger of many files. A condition on the left side of
    an outer join stands in its key: beside it, every row would be compared with every row.
    """
    known = ", ".join(
        f"CASE WHEN e.key IS NULL THEN l.{name} ELSE e.{name} END AS {name}" for name in _KNOWN
    )
    seconds = ", ".join(f"e.{name}_seconds" for name in SECONDS_FIELDS)
    own = "p.number IS NOT NULL"
    return rf"""
WITH slice AS MATERIALIZED (SELECT * FROM plan WHERE seq >= $first AND seq < $last),
known AS MATERIALIZED (SELECT * FROM ledger SEMI JOIN slice USING (key)),
ended AS MATERIALIZED (SELECT * FROM endings SEMI JOIN slice USING (key))
SELECT p.row, p.file, p.sku, p.key, p.position,
 coalesce(nullif(p.written.shown_url, ''), regexp_replace(
  regexp_replace(p.url, '[?#].*$', '', 's'), '^([A-Za-z0-9+.-]+://)[^/]*@', '\1')) AS source_url,
 CASE WHEN p.state <> 'repeat' THEN {_outcome("p", "e")}
  WHEN f.outcome IN ('cut', 'recovered', 'refreshed') THEN 'reused' ELSE f.outcome END AS outcome,
 CASE WHEN e.key IS NULL AND p.outcome IS NULL THEN $code
  WHEN {own} THEN e.reason_code ELSE p.reason_code END AS reason_code,
 CASE WHEN e.key IS NULL AND p.outcome IS NULL
  THEN $reason
  WHEN {own} THEN e.reason ELSE p.reason END AS reason,
 p.state AS plan_state, p.paid_options,
 CASE WHEN {own} THEN coalesce(s.charged, 0) ELSE 0 END AS charged,
 CASE WHEN {own} THEN coalesce(s.uncertain, 0) ELSE 0 END AS uncertain,
 CASE WHEN a.seq IS NOT NULL THEN e.paid_before ELSE 0 END AS paid_before,
 CASE WHEN {own} THEN c.charge_stated END AS charge_stated,
 CASE WHEN {own} THEN coalesce(s.calls, 0) ELSE 0 END AS calls,
 CASE WHEN {own} THEN s.http_status END AS http_status,
 {known},
 CASE WHEN e.key IS NULL THEN l.review_code ELSE e.review_code END IS NOT NULL AS needs_review,
 {_box("box_stated")}, {_box("box_computed")},
 round(CASE WHEN e.key IS NULL THEN l.source_width::DOUBLE * l.source_height
  ELSE e.source_width::DOUBLE * e.source_height END / 1e6, 3) AS megapixels,
 {seconds}{"".join(f", {_discreet(name)}" for name in carried)}
FROM slice p
LEFT JOIN ended e
 ON e.key = CASE WHEN p.number IS NOT NULL OR p.state = 'repeat' THEN p.key END
LEFT JOIN known l ON l.key = CASE WHEN e.key IS NULL THEN p.key END
LEFT JOIN spent s ON s.key = p.key
LEFT JOIN charges_stated c ON c.key = p.key
LEFT JOIN firsts f ON f.key = CASE WHEN p.state = 'repeat' THEN p.key END
LEFT JOIN found_again a ON a.seq = p.seq
ORDER BY p.seq
"""


def _discreet(name: str) -> str:
    """A carried column: addresses in its cells lose login, query and fragment."""
    column = quoted(name)
    return (
        f"CASE WHEN contains(p.{column}, '://') "
        f"THEN regexp_replace(p.{column}, {literal(_URL)}, '\\1\\2', 'g') "
        f"ELSE p.{column} END AS {column}"
    )


def _box(name: str) -> str:
    box = f"CASE WHEN e.key IS NULL THEN l.{name} ELSE e.{name} END"
    return ", ".join(
        f"({box})[{at}] AS {name}_{side}"
        for at, side in enumerate(("left", "top", "width", "height"), start=1)
    )


def write_report(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Path]:
    """The report's other files; `report` and `attempts` must exist."""
    csv = "FORMAT csv, HEADER"
    kinds = connection.execute(
        "SELECT column_name, column_type FROM (DESCRIBE report) WHERE column_name <> 'seq'"
    ).fetchall()
    safe = ", ".join(_safe_cell(name, kind) for name, kind in kinds)
    shown = "outcome <> 'unchanged' AND coalesce(reason_code, '') NOT IN ('limit', 'not_selected')"
    written = []
    for name, query, options in (
        ("report.csv", f"SELECT {safe} FROM report WHERE {shown}", csv),
        ("failed.csv", _failed_query(connection), csv),
        ("attempts.parquet", "SELECT * FROM attempts ORDER BY answered_at, call", PARQUET),
    ):
        file = folder / name
        connection.execute(f"COPY ({query}) TO {literal(file)} ({options})")
        written.append(file)
    return written


def _safe_cell(name: str, kind: str) -> str:
    """A column for report.csv: text that a spreadsheet would run is quoted with an apostrophe.

    So is what it would take for a cell of its own, whose `;` no quotes of ours would hide.
    """
    column = quoted(name)
    if name == "pictures":
        return "to_json(pictures)::VARCHAR AS pictures"
    if kind != "VARCHAR":
        return column
    inside = rf"regexp_replace({column}, '([;\r\n])([{_SIGNS}])', '\1''\2', 'g')"
    text = rf"regexp_replace({inside}, '^([{_SIGNS}\t\r\n])', '''\1')"
    return (
        f"CASE WHEN regexp_matches({column}, {_FORMULA}) THEN {text} ELSE {column} END AS {column}"
    )


def _failed_query(connection: duckdb.DuckDBPyConnection) -> str:
    """What did not succeed, as a manifest again: cells are raw, URLs whole."""
    own = ", ".join(f"{source} AS {name}" for name, source in FAILED_COLUMNS.items())
    carried = "".join(
        f", p.{quoted(name)} AS {quoted(_own_name(name))}"
        for name in columns_of(connection, "plan")
        if name.startswith(_CARRIED) and _own_name(name).casefold() not in _SAID_BEFORE
    )
    return (
        f"SELECT {own}{carried} FROM plan p JOIN report r ON r.seq = p.seq "
        "WHERE r.outcome IN ('failed', 'rejected') ORDER BY p.seq"
    )


def _own_name(carried: str) -> str:
    """The manifest's name of a column; it keeps the prefix where ours would be hidden."""
    name = carried.removeprefix(_CARRIED)
    ours = name.casefold() in FAILED_COLUMNS and name.casefold() not in _SAID_BEFORE
    return carried if ours else name


def ledger_changes(
    connection: duckdb.DuckDBPyConnection, file: Path, *, now: str, selection: bool
) -> None:
    """What the ledger learns from a run, as a Parquet file with the ledger's columns.

    Of a `selection` it does not learn what is gone.
    """
    learned = ", ".join(
        {
            "reason_code": "remembered_code AS reason_code",
            "reason": "remembered_reason AS reason",
        }.get(name, name)
        for name in COLUMNS
    )
    connection.execute(  # by key first: of whole rows only those that changed are read
        "CREATE OR REPLACE TEMP TABLE went AS SELECT key FROM ledger l "
        "WHERE NOT $selection AND gone_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM plan p WHERE p.key = l.key)",
        {"selection": selection},
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE came_back AS SELECT key FROM plan p WHERE back "
        "AND NOT EXISTS (SELECT 1 FROM endings e WHERE e.key = p.key AND e.learned)"
    )
    columns = ", ".join(COLUMNS)
    whole = f"(SELECT {columns} FROM ledger)"
    connection.execute(
        f"COPY (SELECT {learned} FROM endings WHERE learned UNION ALL BY NAME "
        f"SELECT * REPLACE (TIMESTAMP '{now}' AS gone_at) "
        f"FROM {whole} SEMI JOIN went USING (key) UNION ALL BY NAME "
        "SELECT * REPLACE (NULL::TIMESTAMP AS gone_at) "
        f"FROM {whole} SEMI JOIN came_back USING (key) WHERE gone_at IS NOT NULL) "
        f"TO {literal(file)} ({PARQUET})"
    )
