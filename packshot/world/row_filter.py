"""Rows of a table for which an expression of the user's holds."""

from collections.abc import Sequence
from typing import Final

import duckdb
import pyarrow as pa

from packshot.facts.errors import BadOption

CLOSED: Final = {"enable_external_access": "false", "lock_configuration": "true"}
"""The expression sees the row and nothing else: no file, no network, no setting."""


class RowFilter:
    """One expression over the columns of one header. Not for several threads."""

    def __init__(self, where: str, header: Sequence[str]) -> None:
        self._where = where
        self._header = list(header)
        self._database = duckdb.connect(config=dict(CLOSED))
        try:
            self._expression = duckdb.SQLExpression(where)
        except duckdb.Error as error:
            raise self._wrong(error) from None

    def kept(self, columns: Sequence[Sequence[object]]) -> list[int]:
        """Places of the rows for which it holds. Raises `BadOption`."""
        if not columns or not columns[0]:
            return []
        cells = [pa.array([str(cell) for cell in column], pa.string()) for column in columns]
        places = pa.array(range(len(cells[0])), pa.int64())
        rows = pa.table([*cells, places], names=[*self._header, "packshot place"])
        try:
            found = self._database.from_arrow(rows).filter(self._expression)
            return sorted(place for (place,) in found.project('"packshot place"').fetchall())
        except duckdb.Error as error:
            raise self._wrong(error) from None

    def _wrong(self, error: duckdb.Error) -> BadOption:
        said = str(error).partition("\n")[0]
        return BadOption(
            f"`--where` cannot be read: {said}; write a condition over columns such as "
            f"`\"{self._header[0]}\" = 'x'`; there are {', '.join(self._header[:20])}."
        )
