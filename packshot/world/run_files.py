"""Read back what runs have written while they worked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from packshot.facts.outcome import SECONDS_FIELDS
from packshot.world.ledger import COLUMNS
from packshot.world.store import Store
from packshot.world.tables import literal

DOWNLOADS_AT_ONCE = 16

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


def fetch_all(store: Store, folder: str, into: Path) -> list[Path]:
    """Local paths of everything in a folder of the store, fetched side by side."""
    names = [f"{folder}/{name}" for name in store.names(folder)]
    into.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        return list(pool.map(lambda name: store.download(name, into), names))


def load_events(
    connection: duckdb.DuckDBPyConnection, store: Store, run_folder: str, scratch: Path
) -> None:
    """A run's events: `endings`, `attempts`, `purchases`, `intents` and those `withdrawn`."""
    parts, intents = (
        _together(fetch_all(store, f"{run_folder}/{kind}", scratch / kind), scratch / f"{kind}.all")
        for kind in ("parts", "intents")
    )
    for table, kind, columns in (
        ("endings", "ending", ENDING_COLUMNS),
        ("attempts", "attempt", ATTEMPT_COLUMNS),
        ("purchases", "purchase", PURCHASE_COLUMNS),
        ("withdrawn", "withdrawn", WITHDRAWN_COLUMNS),
    ):
        _load(connection, table, parts, columns, f"kind = '{kind}'")
    _load(connection, "intents", intents, INTENT_COLUMNS, "true")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE endings AS SELECT * FROM endings "
        "QUALIFY row_number() OVER (PARTITION BY key ORDER BY ended_at DESC) = 1"
    )


def _together(files: list[Path], whole: Path) -> Path | None:
    """All waves in one file: DuckDB needs more than a megabyte for each that it opens.

    Never beside the waves: a local store hands out its own files, and this is none of its.
    """
    if not files:
        return None
    with whole.open("wb") as target:
        for file in files:
            target.write(file.read_bytes().rstrip(b"\n") + b"\n")
    return whole


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: Path | None,
    columns: dict[str, str],
    where: str,
) -> None:
    wanted = ", ".join(f'"{name}"' for name in columns)
    if file is None:
        empty = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {empty} WHERE false")
        return
    typed = ", ".join(
        f"'{name}': '{kind}'" for name, kind in (columns | {"kind": "VARCHAR"}).items()
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {wanted} FROM "
        f"read_json({literal(file)}, format = 'newline_delimited', columns = {{{typed}}}) "
        f"WHERE {where}"
    )
