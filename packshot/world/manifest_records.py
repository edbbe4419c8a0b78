"""The records of a manifest file, in chunks of columns, each record with its row number.

A row number is what a spreadsheet shows: the header is row 1. Blank lines count but are no
records. JSON Lines count lines, Parquet counts records from 1.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TextIO

import pyarrow.parquet as pq

from packshot.facts.errors import BadManifest
from packshot.facts.item import Fault
from packshot.world.export_heading import JUNK, Heading, without_junk
from packshot.world.manifest_cells import Cell, json_record, readable, texts
from packshot.world.manifest_files import ManifestFile, delimiter_of, intact

_CHUNK_CHARS = 4_000_000
_CHUNK_RECORDS = 10_000
_DELIMITED_BY = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
_END = "end of file\n"
_ADDRESS = ("http://", "https://")


class Broken(NamedTuple):
    """A record that could not be read."""

    row: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records that follow each other, column by column, in the header's order."""

    rows: Sequence[int]
    columns: Sequence[Sequence[Cell]]
    broken: Sequence[Broken] = ()
    lists: bool = False
    """Whether a cell may be a tuple."""


class Table(Protocol):
    """What every format gives."""

    header: tuple[str, ...]
    left_out: list[str]
    """Fields that came up too late to become columns."""

    def chunks(self) -> Iterator[Chunk]:
        """All records in order; call it once."""
        ...


def table(file: ManifestFile, header: tuple[str, ...] | None) -> Table:
    """Open a file's records. `header` is that of the manifest's first file."""
    with intact(file.name):
        match file.format:
            case "delimited":
                opened: Table = Delimited(file)
            case "json_lines":
                opened = _JsonLines(file, header)
            case "parquet":
                opened = _Parquet(file)
            case "xml":
                raise BadManifest(f"`{file.name}` is a feed in XML; leave `--export-format` out.")
    check_header(opened.header, header, file.name)
    return opened


def check_header(header: tuple[str, ...], first: tuple[str, ...] | None, name: str) -> None:
    """Raise `BadManifest` for a name that comes twice, or another header than the first file's."""
    seen: set[str] = set()
    for column in header:
        if column.casefold() in seen:
            raise BadManifest(f"The header of `{name}` holds `{column}` twice; rename one of them.")
        seen.add(column.casefold())
    if first is not None and header != first:
        differing = sorted(set(header) ^ set(first)) or ["their order"]
        raise BadManifest(
            f"The header of `{name}` differs from that of the first file: {', '.join(differing)}. "
            "Give files with the same columns, or run them one by one."
        )


class _Lines:
    """Physical lines that can be put back; behind the last one stands `_END`."""

    def __init__(self, block: Iterable[str], text: TextIO) -> None:
        self.pending = deque(block)
        self.taken: list[str] = []
        self._text = text

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.taken and self.taken[-1] is _END:
            raise StopIteration
        line = self.pending.popleft() if self.pending else self._text.readline() or _END
        self.taken.append(line)
        return line

    def put_back(self) -> None:
        """Return all but the first line of what was taken."""
        self.pending.extendleft(line for line in reversed(self.taken[1:]) if line is not _END)


class Delimited:
    """CSV and its relatives, whose header is the first line, or where a heading says."""

    def __init__(self, file: ManifestFile, heading: Heading | None = None) -> None:
        self.left_out: list[str] = []
        self._name = file.name
        self._row = 1
        encoding = heading.encoding if heading else file.encoding or "utf-8"
        if heading is not None:
            self._text = file.text(newline="", encoding=encoding)
            self._delimiter = heading.delimiter
            self.header = heading.header
            self._skip(heading)
            self._lay_out(encoding)
            return
        self._text = file.text(newline="")
        line = self._text.readline()
        while line and not line.strip():
            line, self._row = self._text.readline(), self._row + 1
        self._delimiter = delimiter_of(line, file.name)
        lines = _Lines([line], self._text)
        try:
            names = next(self._reader(lines, strict=True))
        except csv.Error:
            raise BadManifest(
                f'A quote (") in the header of `{file.name}` is not closed; close or remove it.'
            ) from None
        self.header = tuple(
            readable(name).strip() or f"column {number}" for number, name in enumerate(names, 1)
        )
        self._lay_out(encoding)

    def _lay_out(self, encoding: str) -> None:
        self.header_row = self._row
        self.laid_out = f"delimited by {_DELIMITED_BY[self._delimiter]}, {encoding}"

    def chunks(self) -> Iterator[Chunk]:
        """Blocks of lines at full speed where every line is a record, with care elsewhere."""
        with intact(self._name), self._text:
            while block := self._text.readlines(_CHUNK_CHARS):
                for start in range(0, len(block), _CHUNK_RECORDS):
                    lines = block[start : start + _CHUNK_RECORDS]
                    records = self._swiftly(lines)
                    if records is None:
                        lines = block[start:]
                        yield from self._carefully(lines)
                        break
                    rows = range(self._row + 1, self._row + 1 + len(records))
                    self._row += len(records)
                    yield Chunk(rows, list(zip(*records, strict=True)))

    def as_written(self) -> Iterator[tuple[list[str], list[str]]]:
        """Record by record, the lines and the cells; one that cannot be read has no cells.

        They count as those of `chunks`, of which this is another way through.
        """
        lines = _Lines((), self._text)
        reader = self._reader(lines, strict=True)
        with intact(self._name), self._text:
            while True:
                lines.taken.clear()
                cells, fault = self._record(reader, lines.taken)
                if lines.taken[0] is _END:
                    return
                if fault:
                    lines.put_back()
                    yield lines.taken[:1], []
                else:
                    yield [line for line in lines.taken if line is not _END], cells

    def _skip(self, heading: Heading) -> None:
        """Go on behind the header of an export."""
        line = self._text.readline()
        while line and not line.strip(JUNK):
            line, self._row = self._text.readline(), self._row + 1
        reader = self._reader(_Lines([without_junk(line, self._delimiter)], self._text))
        above = heading.records_before
        while above >= 0:
            above -= bool(next(reader))
            self._row += 1
        self._row -= 1  # that of the header

    def _reader(self, lines: Iterable[str], *, strict: bool = False) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, strict=strict)

    def _swiftly(self, lines: list[str]) -> list[list[str]] | None:
        """The records of a block where each line is a whole record, otherwise nothing."""
        try:
            *records, end = self._reader([*lines, _END])
        except csv.Error:
            return None
        whole = len(records) == len(lines) and len(end) == 1
        return records if whole and {*map(len, records)} == {len(self.header)} else None

    def _carefully(self, block: list[str]) -> Iterator[Chunk]:
        """A block record by record, and as many lines more as its last record needs."""
        lines = _Lines(block, self._text)
        reader = self._reader(lines, strict=True)
        width = len(self.header)
        rows: list[int] = []
        records: list[list[str]] = []
        broken: list[Broken] = []
        while lines.pending:
            lines.taken.clear()
            self._row += 1
            cells, fault = self._record(reader, lines.taken)
            if fault:
                broken.append(Broken(self._row, fault))
                lines.put_back()
            elif len(cells) > 1 or (cells and cells[0].strip()):
                rows.append(self._row)
                records.append(cells + [""] * (width - len(cells)))
            if len(records) + len(broken) >= _CHUNK_RECORDS:
                yield Chunk(rows, _columns(records, width), broken)
                rows, records, broken = [], [], []
        yield Chunk(rows, _columns(records, width), broken)

    def _record(
        self, reader: Iterator[list[str]], taken: list[str]
    ) -> tuple[list[str], Fault | None]:
        """One record, or what is wrong with it. The reader is strict about quotes."""
        try:
            cells = next(reader)
            if len(taken) > 1 and not self._meant(cells, taken):
                return [], _UNCLOSED
        except csv.Error:
            if len(taken) > 1:
                return [], _UNCLOSED
            try:
                cells, *more = self._reader([*taken, _END])
            except csv.Error:
                return [], _LONG
            if not more:
                return [], _UNCLOSED
        if len(cells) > len(self.header) and not any(cells[len(self.header) :]):
            cells = cells[: len(self.header)]  # some programs end every row with a delimiter
        if len(cells) > len(self.header):
            return [], Fault(
                "wrong_cell_count",
                f"The row has {len(cells)} cells, the header has {len(self.header)}; "
                "put cells with the delimiter in them in quotes.",
            )
        return cells, None

    def _meant(self, cells: list[str], taken: list[str]) -> bool:
        """Whether a record was meant to span lines, or a quote was left open and met another."""
        if taken[-1] is _END or len(cells) != len(self.header):
            return False
        inner = [line for cell in cells if "://" in cell for line in cell.splitlines()[1:]]
        return not any(self._looks_like_record(next(self._reader([line]))) for line in inner)

    def _looks_like_record(self, cells: list[str]) -> bool:
        return len(cells) == len(self.header) and any(c.startswith(_ADDRESS) for c in cells)


_UNCLOSED = Fault("unclosed_quote", 'A quote (") opens in this row and is not closed; close it.')
_LONG = Fault(
    "cell_too_long", f"A cell holds more than {csv.field_size_limit():,} characters; shorten it."
)


def _columns(records: list[list[str]], width: int) -> list[Sequence[Cell]]:
    return [*zip(*records, strict=True)] if records else [()] * width


class _JsonLines:
    """One JSON object per line. Columns are the fields of the first chunk of lines."""

    def __init__(self, file: ManifestFile, header: tuple[str, ...] | None) -> None:
        self.left_out: list[str] = []
        self._name = file.name
        self._text = file.text(newline="\n")
        self._row = 0
        self._first = self._parsed()
        fields = {
            name: None for _, found, _ in [self._first] for record in found for name in record
        }
        self._fields = header or tuple(fields)
        self.header = tuple(readable(name) for name in self._fields)
        if not self.header:
            raise BadManifest(f"`{file.name}` holds no JSON object; write one per line.")

    def chunks(self) -> Iterator[Chunk]:
        """All records; a field that is missing is empty."""
        known = frozenset(self._fields)
        late = dict.fromkeys(self.left_out)
        with intact(self._name), self._text:
            rows, records, broken = self._first
            while rows or broken:
                for record in records:
                    if not record.keys() <= known:
                        late |= dict.fromkeys(name for name in record if name not in known)
                columns = [[record.get(name, "") for record in records] for name in self._fields]
                self.left_out[:] = late
                yield Chunk(rows, columns, broken, lists=True)
                rows, records, broken = self._parsed()

    def _parsed(self) -> tuple[list[int], list[dict[str, Cell]], list[Broken]]:
        """The next lines; nothing at all at the end."""
        rows: list[int] = []
        records: list[dict[str, Cell]] = []
        broken: list[Broken] = []
        while not (rows or broken) and (lines := self._text.readlines(_CHUNK_CHARS)):
            for line in lines:
                self._row += 1
                if not line.strip():
                    continue
                record = json_record(line)
                if isinstance(record, Fault):
                    broken.append(Broken(self._row, record))
                else:
                    rows.append(self._row)
                    records.append(record)
        return rows, records, broken


class _Parquet:
    """A Parquet file."""

    def __init__(self, file: ManifestFile) -> None:
        self.left_out: list[str] = []
        self._name = file.name
        self._file = pq.ParquetFile(file.path)
        self.header = tuple(self._file.schema_arrow.names)

    def chunks(self) -> Iterator[Chunk]:
        """All records; nulls are empty."""
        row = 1
        with intact(self._name), self._file:
            for batch in self._file.iter_batches(_CHUNK_RECORDS):
                columns = [texts(column) for column in batch.columns]
                yield Chunk(range(row, row + batch.num_rows), columns, lists=True)
                row += batch.num_rows
