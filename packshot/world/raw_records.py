"""The records of a delimited file as they are written, for changing cells in place."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from packshot.world.encodings import byte_by_byte
from packshot.world.export_heading import JUNK, without_junk
from packshot.world.manifest_files import ManifestFile

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


def raw_records(file: ManifestFile, encoding: str, delimiter: str) -> Iterator[RawRecord]:
    """All records in order, a blank line as one without cells. Strange bytes survive.

    They are written by `encoding_to_write`.
    """
    taken: list[str] = []
    kept = encoding if byte_by_byte(encoding, delimiter) else None
    with file.text(newline="", encoding=encoding_to_write(encoding, delimiter)) as text:
        row = 1
        line = text.readline()
        while line and not line.strip(JUNK):
            yield RawRecord(row, line, [], None)
            line, row = text.readline(), row + 1
        junk = line[: len(line) - len(without_junk(line, delimiter))]
        reader = csv.reader(_noted(line[len(junk) :], text, taken), delimiter=delimiter)
        for cells in reader:
            raw = junk + "".join(taken)
            spans = _spans(raw, len(junk), cells, delimiter)
            told = cells if kept is None else [_meant(cell, kept) for cell in cells]
            yield RawRecord(row, raw, told, spans, kept)
            taken.clear()
            junk, row = "", row + 1


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
    return spans if whole and told == cells else None


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
