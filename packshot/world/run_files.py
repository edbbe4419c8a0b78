"""Read back what runs have written while they worked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from packshot.facts.outcome import SECONDS_FIELDS
from packshot.world.ledger import COLUMNS
from packshot.world.store import Store
from packshot.world.tables import PARQUET, literal

DOWNLOADS_AT_ONCE = 16
DOWNLOADS_AHEAD = 1000
"""So many are asked for at once; a large run has a hundred thousand small files."""

_REMEMBERED = {
    name: kind for name, kind in COLUMNS.items() if name not in {"reason_code", "reason"}
}
ENDING_COLUMNS = {
    **_REMEMBERED,
    "remembered_code": "VARCHAR",
    "remembered_reason": "VARCHAR",
    **{f"{name}_seconds": "DOUBLE" for name in SECONDS_FIELDS},
    "outcome": "VARCHAR",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "learned": "BOOLEAN",
    "paid_before": "DOUBLE",
    "ended_at": "TIMESTAMP",
}
ATTEMPT_COLUMNS = {
    "call": "VARCHAR",
    "key": "VARCHAR",
    "fingerprint": "VARCHAR",
    "provider": "VARCHAR",
    "megapixels": "DOUBLE",
    "answered_at": "TIMESTAMP",
    "seconds": "DOUBLE",
    "http_status": "INTEGER",
    "code": "VARCHAR",
    "message": "VARCHAR",
    "body_excerpt": "VARCHAR",
    "charged": "DOUBLE",
    "uncertain": "DOUBLE",
}
PURCHASE_COLUMNS = {"key": "VARCHAR", "charge_stated": "BOOLEAN"}
INTENT_COLUMNS = {
    "call_id": "VARCHAR",
    "key": "VARCHAR",
    "fingerprint": "VARCHAR",
    "price": "DOUBLE",
}


def load_events(
    connection: duckdb.DuckDBPyConnection, store: Store, run_folder: str, scratch: Path
) -> None:
    """A run's events: `endings`, `attempts`, `charges_stated`, and `intents` nobody has answered.

    Wide rows are views of files: in memory they would be the most. `unnoted_attempts` is an empty
    table that `attempts` shows, too.
    """
    parts = _together(store, f"{run_folder}/parts", scratch / "parts")
    declared = _together(store, f"{run_folder}/intents", scratch / "intents")
    endings = _file_of(connection, parts, "ending", ENDING_COLUMNS, scratch)
    _view(connection, "endings", endings, "max_by(file_row_number, ended_at)", "key")
    attempts = _file_of(connection, parts, "attempt", ATTEMPT_COLUMNS, scratch)
    # Once: a write that was given up may have landed, too.
    _view(connection, "noted_attempts", attempts, "min(file_row_number)", "call")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unnoted_attempts AS SELECT * FROM noted_attempts WHERE false"
    )
    connection.execute(
        "CREATE OR REPLACE VIEW attempts AS "
        "SELECT * FROM noted_attempts UNION ALL SELECT * FROM unnoted_attempts"
    )
    purchases = _events(parts, PURCHASE_COLUMNS, "kind = 'purchase'")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE charges_stated AS "
        f"SELECT key, any_value(charge_stated) AS charge_stated FROM ({purchases}) GROUP BY key"
    )
    withdrawn = _events(parts, {"call": "VARCHAR"}, "kind = 'withdrawn'")
    intents = _events(declared, INTENT_COLUMNS, "true")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE intents AS SELECT DISTINCT * FROM ({intents}) WHERE call_id "
        f"NOT IN (SELECT call FROM noted_attempts UNION ALL SELECT call FROM ({withdrawn}))"
    )


def _file_of(
    connection: duckdb.DuckDBPyConnection,
    parts: Path | None,
    kind: str,
    columns: dict[str, str],
    scratch: Path,
) -> str:
    """The events of a kind in a file of their own, as DuckDB reads it with its row numbers."""
    file = scratch / f"events-{kind}.parquet"  # the report's own files lie beside it
    events = _events(parts, columns, f"kind = '{kind}'")
    connection.execute(f"COPY ({events}) TO {literal(file)} ({PARQUET})")
    return f"read_parquet({literal(file)}, file_row_number = true)"


def _view(
    connection: duckdb.DuckDBPyConnection, name: str, rows: str, chosen: str, by: str
) -> None:
    """One of the rows for each value of a column, as a view."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE chosen_{name} AS "
        f"SELECT {chosen} AS file_row_number FROM {rows} GROUP BY {by}"
    )
    connection.execute(
        f"CREATE OR REPLACE VIEW {name} AS SELECT * EXCLUDE (file_row_number) "
        f"FROM {rows} SEMI JOIN chosen_{name} USING (file_row_number)"
    )


def _together(store: Store, folder: str, into: Path) -> Path | None:
    """All waves in one file: DuckDB needs more than a megabyte for each that it opens.

    It lies in scratch space: a folder's files are read where they are, and beside them it would
    be read as one more wave by whoever publishes the run after us.
    """
    names = [f"{folder}/{name}" for name in store.names(folder) if name.endswith(".jsonl")]
    into.mkdir(parents=True, exist_ok=True)
    if not names:
        return None
    whole = into / "together.waves"
    with whole.open("wb") as target, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for first in range(0, len(names), DOWNLOADS_AHEAD):
            some = names[first : first + DOWNLOADS_AHEAD]
            for file in pool.map(lambda name: store.download(name, into), some):
                target.write(file.read_bytes().rstrip(b"\n") + b"\n")
    return whole


def _events(file: Path | None, columns: dict[str, str], where: str) -> str:
    """A query for the events of one kind."""
    if file is None:
        empty = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
        return f"SELECT {empty} WHERE false"
    wanted = ", ".join(f'"{name}"' for name in columns)
    typed = ", ".join(
        f"'{name}': '{kind}'" for name, kind in (columns | {"kind": "VARCHAR"}).items()
    )
    return (
        f"SELECT {wanted} FROM read_json({literal(file)}, "
        f"format = 'newline_delimited', columns = {{{typed}}}) WHERE {where}"
    )
