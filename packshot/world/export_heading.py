"""Telling what a text export is: encoding, delimiter, where its header stands, format."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from packshot.exports.described import (
    ExportFormat,
    columns_of,
    fitting,
    hits,
    named,
    told_by,
)
from packshot.exports.registry import FORMATS
from packshot.facts.errors import BadManifest
from packshot.world.encodings import encoding_of, is_unsure
from packshot.world.guessing import holds_pictures
from packshot.world.manifest_files import ManifestFile

DELIMITERS: Final = (",", "\t", ";", "|")
HEAD_BYTES: Final = 262_144
HEADER_WITHIN: Final = 10
"""Records; help rows, versions and labels stand above some headers."""
SAMPLED: Final = 50
JUNK: Final = "\ufeff \t\r\n\xa0"
"""What may stand before the first name: marks of byte order, and what other programs left."""
_BLANK_LINES: Final = re.compile(rf"\A[{JUNK}]*[\r\n]")


@dataclass(frozen=True, slots=True)
class Heading:
    """How a text export begins."""

    export: ExportFormat
    encoding: str
    delimiter: str
    records_before: int
    """Records above the header."""
    header: tuple[str, ...]
    """As written, stripped; a name that comes again has a number behind it."""
    names: tuple[str, ...]
    """As formats compare them."""
    hits: int
    """How many of the names the format knows."""
    because: str = ""
    """What it was told by."""
    rivals: tuple[str, ...] = ()
    """Formats that fit as well."""
    translated: bool = False
    """Whether the cells told the format, not the names."""


def heading_of(file: ManifestFile, wanted: str | None = None) -> Heading | None:
    """What a delimited file begins like; None where no format fits it.

    With `wanted`, the name of a format, only that one is looked for. Raises `BadManifest` where it
    does not fit, or is not known.
    """
    formats = list(FORMATS.values()) if wanted is None else [_wanted(wanted)]
    with file.content() as content:
        head = content.read(HEAD_BYTES)
    encoding = file.encoding or encoding_of(head)
    text = _BLANK_LINES.sub("", head.decode(encoding, "replace"))
    found = [
        heading
        for delimiter in DELIMITERS
        for heading in _headings(without_junk(text, delimiter), delimiter, encoding, formats)
    ]
    if found:
        if file.encoding is None and is_unsure(head, encoding):
            raise BadManifest(
                f"`{file.name}` is not UTF-8, and its words are none of Windows-1252; give its "
                "encoding with `--export-encoding`, such as cp1251 (Cyrillic), cp1253 (Greek), "
                "gb18030 (Chinese) or cp949 (Korean)."
            )
        return max(found, key=lambda heading: (heading.hits, -heading.records_before))
    if wanted is not None:
        raise BadManifest(
            f"`{file.name}` does not look like {formats[0].title}: its columns are not there; "
            "leave `--export-format` out, or check the file."
        )
    return None


def without_junk(line: str, delimiter: str) -> str:
    """A header's line from its first name on; a delimiter at its beginning is an empty name."""
    return line.lstrip(JUNK.replace(delimiter, ""))


def cleaned_header(cells: Sequence[str]) -> tuple[str, ...]:
    """Names stripped, empty ones numbered, repeated ones with a number behind them."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = cell.strip(JUNK) or f"column {number}"
        again = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({again + 1})" if again else name)
    return tuple(names)


def _wanted(name: str) -> ExportFormat:
    if name not in FORMATS:
        raise BadManifest(f"There is no format `{name}`; choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def _headings(
    text: str, delimiter: str, encoding: str, formats: Sequence[ExportFormat]
) -> Iterator[Heading]:
    records = list(_records(text, delimiter))
    for before, cells in enumerate(records[:HEADER_WITHIN]):
        if len(cells) < 2:
            continue
        names = tuple(named(cell) for cell in cells)
        own = export = fitting(formats, names)
        header = cleaned_header(cells)
        if export is not None:
            told = ", ".join(f"`{header[at]}`" for at in told_by(export, names))
            because = f"the header has {told}"
        else:
            export, names = _translated(formats, names, records[before + 1 :])
            because = "its names are in another language, its cells are what the format holds"
        if export is not None:
            known = hits(export, names)
            rivals = tuple(
                one.name
                for one in formats
                if one is not export and told_by(one, names) and hits(one, names) >= known
            )
            yield Heading(
                export,
                encoding,
                delimiter,
                before,
                header,
                names,
                known,
                because,
                rivals,
                translated=own is None,
            )


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """The first records, as far as they can be read."""
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter)):
            if number > HEADER_WITHIN + SAMPLED:
                return
            if cells:
                yield cells
    except csv.Error:
        return


def _translated(
    formats: Sequence[ExportFormat], names: tuple[str, ...], below: Sequence[Sequence[str]]
) -> tuple[ExportFormat | None, tuple[str, ...]]:
    """A format known by what its columns hold, its own names in place of foreign ones."""
    rows = [cells for cells in below if len(cells) == len(names)]
    for export in formats:
        places = export.by_place
        if not (export.by_content and rows and names[0] == places.get(0)):
            continue
        by_place = {name: at for at, name in places.items()}
        fits = all(
            _mostly([cells[by_place[column]] for cells in rows], values)
            for column, values in export.by_content.items()
        )
        words = export.images[0].columns
        pictures = next(iter(columns_of(words, names)), None)
        if pictures is None:
            pictures = _column_of_pictures(rows)
        if fits and pictures is not None:
            own = dict(places) | {pictures: words.partition("|")[0]}
            return export, tuple(own.get(at, name) for at, name in enumerate(names))
    return None, names


def _mostly(cells: Sequence[str], values: Collection[str]) -> bool:
    """Whether more than half of the cells begin with one of these, up to a comma."""
    known = sum(cell.split(",")[0].strip().lower() in values for cell in cells)
    return known * 2 > len(cells)


def _column_of_pictures(rows: Sequence[Sequence[str]]) -> int | None:
    """The first column most of whose filled cells begin like an address of a picture."""
    columns = zip(*rows, strict=True)
    return next((at for at, cells in enumerate(columns) if holds_pictures(cells)), None)
