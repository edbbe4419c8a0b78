"""Read back what runs have written while they worked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from packshot.facts.outcome import SECONDS_FIELDS
from packshot.world.ledger import COLUMNS
from packshot.world.store import Store
from packshot.world.tables import literal

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
PURCHASE_COLUMNS = {"key": "VARCHAR", "fingerprint": "VARCHAR", "charge_stated": "BOOLEAN"}
WITHDRAWN_COLUMNS = {"call": "VARCHAR"}
INTENT_COLUMNS = {
    "call_id": "VARCHAR",
    "key": "VARCHAR",
    "fingerprint": "VARCHAR",
    "price": "DOUBLE",
}


def load_events(
    connection: duckdb.DuckDBPyConnection, store: Store, run_folder: str, scratch: Path
) -> None:
    """A run's events: `endings`, `attempts`, `purchases`, `intents` and those `withdrawn`."""
    parts = _together(store, f"{run_folder}/parts", scratch / "parts")
    intents = _together(store, f"{run_folder}/intents", scratch / "intents")
    _view_endings(connection, parts, scratch / "endings.parquet")
    for table, kind, columns in (
        ("attempts", "attempt", ATTEMPT_COLUMNS),
        ("purchases", "purchase", PURCHASE_COLUMNS),
        ("withdrawn", "withdrawn", WITHDRAWN_COLUMNS),
    ):
        _load(connection, table, parts, columns, f"kind = '{kind}'")
    _load(connection, "intents", intents, INTENT_COLUMNS, "true")


def _view_endings(connection: duckdb.DuckDBPyConnection, parts: Path | None, file: Path) -> None:
    """The last ending of each item, as a view of a file: in memory they would be the most."""
    events = _events(parts, ENDING_COLUMNS, "kind = 'ending'")
    connection.execute(
        f"COPY ({events}) TO {literal(file)} "
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10_000)"
    )
    rows = f"read_parquet({literal(file)}, file_row_number = true)"
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE last_endings AS "
        f"SELECT max_by(file_row_number, ended_at) AS file_row_number FROM {rows} GROUP BY key"
    )
    connection.execute(
        "CREATE OR REPLACE VIEW endings AS SELECT * EXCLUDE (file_row_number) "
        f"FROM {rows} SEMI JOIN last_endings USING (file_row_number)"
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


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: Path | None,
    columns: dict[str, str],
    where: str,
) -> None:
    events = _events(file, columns, where)  # once: a write that was given up may have landed, too
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT * FROM ({events})")


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
