"""The files of the way back, and the pictures that they are made of, record by record."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import duckdb

from packshot.exports.described import SlimFile, Where, columns_of, numbered_columns
from packshot.world.encodings import errors_of
from packshot.world.export_heading import JUNK, Heading
from packshot.world.raw_records import RawRecord

SIDE_COLUMNS: Final = ("key", "position", "source_url", "new_url", "outcome", "reason")
BOM: Final = "\ufeff"
AT_ONCE: Final = 10_000


class Slim:
    """The file with only the columns that an import needs."""

    def __init__(self, path: Path, file: IO[str], heading: Heading, rules: SlimFile) -> None:
        self.path = path
        self._file = file
        self._heading = heading
        self._rules = rules
        self._parts = heading.export.way_back.parts
        self._rows = csv.writer(file, delimiter=heading.delimiter, lineterminator="\r\n")
        self._sets = {at: value for word, value in rules.sets for at in self._places(word)[:1]}
        self._columns = self._wanted()
        self._above: list[list[str]] = []
        """The row of the product at hand, until a picture of it is written."""
        self._held: list[list[str]] = []
        """A listing that waits for what stands below it."""

    @property
    def can_be_written(self) -> bool:
        """Whether the export has the columns that it takes."""
        return bool(self._columns) and len(self._sets) == len(self._rules.sets)

    def begin(self, record: RawRecord, *, is_header: bool) -> None:
        """A row above the table, or the header."""
        text = record.decoded
        if not is_header or self._rules.whole_width:
            self._file.write(text)
            return
        # Without it nobody can tell how UTF-16 is to be read.
        self._file.write(BOM * (BOM in text[: len(text) - len(text.lstrip(JUNK))]))
        header = [self._heading.header[at] for at in self._columns]
        self._rows.writerow([*header, *(name for name, _ in self._rules.adds)])

    def add(
        self, cells: Sequence[str], changed: Mapping[int, str], image_columns: Sequence[int]
    ) -> None:
        """A record; it is taken if it names pictures."""
        rules = self._rules
        if rules.above is not None and self._holds(cells, rules.above):
            self._above = [self._row(cells, {})]
            return
        named = {at for at in image_columns if at < len(cells) and cells[at].strip()}
        if self._parts and self._cell(cells, self._parts):
            self._held = [] if named else self._held
            return
        if self._parts:
            self.end()
        # A row that names pictures of other columns only would empty those that are here.
        if not ({*changed} if rules.changed_only else named) & {*self._columns}:
            return
        if rules.rows is not None and not self._holds(cells, rules.rows):
            return
        self._held = [*self._above, self._row(cells, changed)]
        self._above = []
        if not self._parts:
            self.end()

    def end(self) -> None:
        """Write what is held."""
        self._rows.writerows(self._held)
        self._held = []

    def _row(self, cells: Sequence[str], changed: Mapping[int, str]) -> list[str]:
        whole = {**dict(enumerate(cells)), **changed, **self._sets}
        if not self._rules.whole_width:
            own = [whole.get(at, "") for at in self._columns]
            return [*own, *(value for _, value in self._rules.adds)]
        kept = {*self._columns}
        return [whole.get(at, "") if at in kept else "" for at in range(len(self._heading.header))]

    def _wanted(self) -> list[int]:
        found: list[int] = []
        for word in self._rules.columns:
            found += [at for _, at in numbered_columns(word, self._heading.names)]
        return [*found, *(at for at in self._sets if at not in found)]

    def _places(self, words: str) -> tuple[int, ...]:
        return columns_of(words, self._heading.names)

    def _cell(self, cells: Sequence[str], words: str) -> str:
        return next((cells[at].strip() for at in self._places(words)[:1] if at < len(cells)), "")

    def _holds(self, cells: Sequence[str], where: Where) -> bool:
        return self._cell(cells, where.column).lower() in where.values


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
        query = "SELECT * FROM known WHERE file IS NOT DISTINCT FROM $file ORDER BY row, place"
        # Not on a cursor of its own, which would not see the ledger's temporary table.
        cursor = database.execute(query, {"file": file})
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


def slim_path(whole: Path, rules: SlimFile, *, of_workbook: bool) -> Path:
    """Where the slim file goes, beside the whole one; that of a workbook is text, too."""
    ending = ".csv" if of_workbook else whole.suffix
    wanted = f".{rules.in_name}" if rules.in_name.lower() not in whole.stem.lower() else ""
    return whole.with_name(f"{whole.stem}{wanted}.slim{ending}")


def text_file(path: Path, encoding: str) -> IO[str]:
    """A text file for writing; bytes that fit no encoding survive, line ends stay as they are."""
    return path.open("w", newline="", encoding=encoding, errors=errors_of(encoding))
