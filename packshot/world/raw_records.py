"""The records of a delimited file as they are written, for changing cells in place."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from packshot.world.encodings import byte_by_byte
from packshot.world.export_heading import JUNK, Heading, without_junk
from packshot.world.manifest_files import ManifestFile
from packshot.world.manifest_records import Delimited

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record, the header and rows above it included."""

    row: int
    """As the report counts."""
    text: str
    """Byte for byte, its line end included."""
    cells: list[str]
    spans: list[Span] | None
    """Where each cell stands in the text; None where that cannot be told for certain."""
    encoding: str | None = None
    """Where the text is bytes, a character for each: what they mean."""

    @property
    def decoded(self) -> str:
        """The text as it is read."""
        return self.text if self.encoding is None else _meant(self.text, self.encoding)

    def with_cells(self, changed: Mapping[int, str], delimiter: str) -> str:
        """The text with some cells replaced, each in the way it was quoted."""
        if self.spans is None:
            return self.text
        text, done = "", 0
        for at, (start, end) in enumerate(self.spans):
            if at in changed:
                quoted = _quoted(changed[at], delimiter, as_before=self.text[start:end])
                if self.encoding is not None:
                    quoted = quoted.encode(self.encoding, "surrogateescape").decode("latin-1")
                text += self.text[done:start] + quoted
                done = end
        return text + self.text[done:]


def raw_records(file: ManifestFile, heading: Heading) -> Iterator[RawRecord]:
    """All records in order, a blank line as one without cells. Strange bytes survive.

    They are written by `encoding_to_write`. One that cannot be read, such as that with a quote
    left open, has no cells; rows count as they were staged.
    """
    encoding, delimiter = heading.encoding, heading.delimiter
    kept = encoding if byte_by_byte(encoding, delimiter) else None
    heading = replace(heading, encoding=encoding_to_write(encoding, delimiter))
    above = 0
    for record in _above(file, heading):
        above = record.row
        yield record if kept is None else _decoded(record, kept)
    for row, (lines, cells) in enumerate(Delimited(file, heading).as_written(), above + 1):
        raw = "".join(lines)
        record = RawRecord(row, raw, cells, _spans(raw, 0, cells, delimiter))
        yield record if kept is None else _decoded(record, kept)


def _above(file: ManifestFile, heading: Heading) -> Iterator[RawRecord]:
    """The header and what stands above it."""
    taken: list[str] = []
    with file.text(newline="", encoding=heading.encoding) as text:
        row = 1
        line = text.readline()
        while line and not line.strip(JUNK):
            yield RawRecord(row, line, [], None)
            line, row = text.readline(), row + 1
        junk = line[: len(line) - len(without_junk(line, heading.delimiter))]
        lines = _noted(line[len(junk) :], text, taken)
        above = heading.records_before
        for cells in csv.reader(lines, delimiter=heading.delimiter):
            yield RawRecord(row, junk + "".join(taken), cells, None)
            taken.clear()
            junk, row = "", row + 1
            above -= bool(cells)
            if above < 0:
                return


def _decoded(record: RawRecord, encoding: str) -> RawRecord:
    """A record of bytes, its cells as they are meant."""
    cells = [_meant(cell, encoding) for cell in record.cells]
    return replace(record, cells=cells, encoding=encoding)


def encoding_to_write(encoding: str, delimiter: str) -> str:
    """How the texts of records become bytes again."""
    return "latin-1" if byte_by_byte(encoding, delimiter) else encoding


def _meant(text: str, encoding: str) -> str:
    return text.encode("latin-1").decode(encoding, "surrogateescape")


def _noted(first: str, text: io.TextIOWrapper, taken: list[str]) -> Iterator[str]:
    line = first
    while line:
        taken.append(line)
        yield line
        line = text.readline()


def _spans(raw: str, start: int, cells: list[str], delimiter: str) -> list[Span] | None:
    field = _field(delimiter)
    spans: list[Span] = []
    at = start
    while True:
        match = field.match(raw, at)
        if match is None:
            return None
        spans.append(match.span())
        at = match.end()
        if raw[at : at + 1] != delimiter:
            break
        at += 1
    whole = not raw[at:].strip("\r\n")
    told = [_unquoted(raw[begin:end]) for begin, end in spans]
    # What stands behind the last cell is empty: some programs end every row with a delimiter.
    same = told[: len(cells)] == cells and not any(told[len(cells) :])
    return spans if whole and same else None


@lru_cache
def _field(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    return re.compile(rf'"(?:[^"]|"")*"[^{d}\r\n]*|[^{d}\r\n]*')


def _unquoted(field: str) -> str:
    if not field.startswith('"'):
        return field
    inner, _, rest = field[1:].replace('""', "\0").partition('"')
    return inner.replace("\0", '"') + rest


def _quoted(cell: str, delimiter: str, *, as_before: str) -> str:
    needs = any(mark in cell for mark in (delimiter, '"', "\r", "\n"))
    if as_before.startswith('"') or needs:
        return '"' + cell.replace('"', '""') + '"'
    return cell
