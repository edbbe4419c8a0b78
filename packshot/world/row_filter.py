"""Rows of a table for which an expression of the user's holds."""

from collections.abc import Collection, Sequence
from typing import Final

import duckdb
import pyarrow as pa

from packshot.facts.errors import BadOption
from packshot.world.conditions import Condition, NotAllowed, looked_at

CLOSED: Final = {
    "enable_external_access": "false",
    "lock_configuration": "true",
    "threads": "1",
    "memory_limit": "512MB",
}
"""The expression sees the row and nothing else: no file, no network, no setting."""
PLACE: Final = "packshot place"


def columns_asked_for(where: str, header: Sequence[str]) -> tuple[str, ...]:
    """The columns that an expression speaks of, where `header` is not all there are."""
    return _condition(where, header, duckdb.connect(config=dict(CLOSED))).columns


class RowFilter:
    """One expression over the columns of one header. Not for several threads."""

    def __init__(self, where: str, header: Sequence[str]) -> None:
        self._header = list(header)
        self._database = duckdb.connect(config=dict(CLOSED))
        condition = _condition(where, header, self._database)
        self._expression = duckdb.SQLExpression(condition.sql)
        self._columns = {name: self._place(name) for name in condition.columns}

    @property
    def places(self) -> Collection[int]:
        """Of the columns that it speaks of."""
        return self._columns.values()

    def kept(self, columns: Sequence[Sequence[object]]) -> list[int]:
        """Places of the rows for which it holds. Raises `BadOption`."""
        if not columns or not columns[0]:
            return []
        cells = {
            name: pa.array([str(cell) for cell in columns[at]], pa.string())
            for name, at in self._columns.items()
        }
        rows = pa.table(cells | {PLACE: pa.array(range(len(columns[0])), pa.int64())})
        try:
            found = self._database.from_arrow(rows).filter(self._expression)
            return sorted(place for (place,) in found.project(f'"{PLACE}"').fetchall())
        except duckdb.Error as error:
            raise _wrong(error, self._header) from None

    def _place(self, name: str) -> int:
        """Where a column stands; as in SQL, upper and lower case are the same."""
        alike = [at for at, own in enumerate(self._header) if own.lower() == name.lower()]
        if not alike:
            raise _wrong(NotAllowed(f"there is no column `{name}`"), self._header)
        return next((at for at in alike if self._header[at] == name), alike[0])


def _condition(where: str, header: Sequence[str], database: duckdb.DuckDBPyConnection) -> Condition:
    try:
        condition = looked_at(where, database)
        duckdb.SQLExpression(condition.sql)
    except (duckdb.Error, NotAllowed) as error:
        raise _wrong(error, header) from None
    return condition


def _wrong(error: duckdb.Error | NotAllowed, header: Sequence[str]) -> BadOption:
    said = str(error).partition("\n")[0]
    return BadOption(
        f"`--where` cannot be read: {said}; write a condition over columns such as "
        f"`\"{header[0]}\" = 'x'`; there are {', '.join(header[:20])}."
    )
