"""The files of the way back, and the pictures that they are made of, record by record."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import duckdb

SIDE_COLUMNS: Final = ("key", "position", "source_url", "new_url", "outcome", "reason")
AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Slim:
    """The file with only the columns that an import needs."""

    path: Path
    rows: Any
    columns: list[int]

    def add(
        self, cells: Sequence[str], changed: Mapping[int, str], image_columns: Sequence[int]
    ) -> None:
        """A record, if it names pictures."""
        if not any(at < len(cells) and cells[at].strip() for at in image_columns):
            return
        whole = {**dict(enumerate(cells)), **changed}
        self.rows.writerow([whole.get(at, "") for at in self.columns])


class Side:
    """The side table, which goes on over all files."""

    def __init__(self, path: Path, *, new: bool) -> None:
        self._path, self._new = path, new

    def __enter__(self) -> Any:  # noqa: ANN401  csv's writers have no name
        self._file = self._path.open("w" if self._new else "a", newline="", encoding="utf-8")
        rows = csv.writer(self._file)
        if self._new:
            rows.writerow(SIDE_COLUMNS)
        return rows

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Rows:
    """The known pictures of one file, record by record, in the order of its rows."""

    def __init__(self, database: duckdb.DuckDBPyConnection, file: str | None) -> None:
        query = "SELECT * FROM known WHERE file IS NOT DISTINCT FROM $file ORDER BY row"
        cursor = database.cursor().execute(query, {"file": file})
        self._names = [column[0] for column in cursor.description or ()]
        self._rows = self._fetched(cursor)
        self._next = next(self._rows, None)

    def of(self, row: int) -> list[dict[str, Any]]:
        """All of one record; records are asked for in order."""
        found: list[dict[str, Any]] = []
        while self._next is not None and self._next["row"] <= row:
            if self._next["row"] == row:
                found.append(self._next)
            self._next = next(self._rows, None)
        return found

    def rest(self) -> Iterator[dict[str, Any]]:
        """All that has not been asked for."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)

    def _fetched(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
        while rows := cursor.fetchmany(AT_ONCE):
            for row in rows:
                yield dict(zip(self._names, row, strict=True))


def text_file(path: Path, encoding: str) -> IO[str]:
    """A text file for writing; bytes that fit no encoding survive, line ends stay as they are."""
    return path.open("w", newline="", encoding=encoding, errors="surrogateescape")
