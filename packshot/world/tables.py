"""DuckDB with bounded memory and nothing it can reach but the files it is handed."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

MEMORY_LIMIT = "700MB"
PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10_000"
"""How COPY writes wide rows: each thread holds a group until it is whole."""
SLICE_ROWS = 5_000
"""Wide rows that are joined and sorted at once: some 15 MB."""
MOST_SLICES = 10
"""Each reads the ledger once, so of a large catalog a slice has more rows."""


@contextmanager
def tables(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that spills into `folder` and works in UTC."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(folder / "spill"),
        "preserve_insertion_order": "true",
        "enable_external_file_cache": "false",  # files on this machine are cached by the system
        "allocator_bulk_deallocation_flush_threshold": "4MB",  # it keeps half a gigabyte otherwise
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=settings)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def write_in_slices(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    file: Path,
    *,
    rows: int,
    values: Mapping[str, object] | None = None,
    group_rows: int = SLICE_ROWS,
) -> None:
    """Write a Parquet file of wide rows in order, a slice at a time: all would not fit into memory.

    The query answers the rows from number `$first` up to and without `$last`, of so many in all.
    """
    size = max(SLICE_ROWS, -(-rows // MOST_SLICES))
    with ExitStack() as stack:
        writer = None
        for first in range(0, max(rows, 1), size):
            slice_values = {**(values or {}), "first": first, "last": first + size}
            batches = connection.execute(query, slice_values).to_arrow_reader(group_rows)
            if writer is None:
                opened = pq.ParquetWriter(file, batches.schema, compression="zstd")
                writer = stack.enter_context(opened)
            for batch in batches:
                writer.write_batch(batch)


def scalar(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> int:
    """The one number a query answers; zero where it is NULL."""
    row = connection.execute(query, list(values)).fetchone()
    return int(row[0] or 0) if row else 0


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Column names of a table, view or table function, in order."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return [str(row[0]) for row in rows]


def literal(value: object) -> str:
    """A text such as a path, safe inside SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column name, safe inside SQL."""
    return '"' + name.replace('"', '""') + '"'
