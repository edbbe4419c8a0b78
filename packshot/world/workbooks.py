"""Workbooks (XLSX) as manifests: a sheet read as text, and written back cell by cell."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from packshot.exports.described import named
from packshot.exports.registry import FORMATS
from packshot.facts.errors import BadManifest

SHEETS: Final = ("products", "template", "vorlage", "modèle", "modello", "模板", "テンプレート")
"""Names of the sheet with the products, in lower case; else the first one counts."""
MARK: Final = b"PK\x03\x04"
MACROS: Final = b"macroEnabled"
MOST_UNPACKED: Final = 2_000_000_000
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


def is_workbook(path: Path) -> bool:
    """Whether a ZIP holds a workbook."""
    try:
        with ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except BadZipFile:
        return False


@dataclass(frozen=True, slots=True)
class Below:
    """A second sheet, whose rows stand below those of the first one in the text."""

    sheet: str
    rows: int
    """Of the first sheet."""
    width: int
    """Columns of the first sheet."""
    join: tuple[int, int]
    """The column that names the product, in the first sheet and in this one."""
    columns: tuple[int, ...]
    """Its other columns, which stand behind those of the first sheet."""

    def line(self, cells: Sequence[str]) -> list[str]:
        """One of its rows as a line of the text."""
        at = dict(enumerate(cells))
        own = [""] * self.width
        own[self.join[0]] = at.get(self.join[1], "")
        return own + [at.get(column, "") for column in self.columns]

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Where a cell of its part of the text stands in it, both from 1."""
        return row - self.rows + 1, self.columns[column - self.width] + 1


def as_csv(path: Path, name: str, out: Path) -> Below | None:
    """Write the sheet with the products as a comma-separated file, a line for each row.

    A second sheet that belongs to it follows; how, is answered. Raises `BadManifest` where the
    workbook cannot be read.
    """
    with _opened(path, name, read_only=True) as book, out.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        first = _sheet(book)
        below = _second(book, first)
        count = 0
        for count, cells in enumerate(_rows(first), 1):
            if below is None:
                rows.writerow(cells)
            elif count == 1:
                header = next(_rows(book[below.sheet]))
                further = [f"{below.sheet} {header[at]}" for at in below.columns]
                rows.writerow([*cells, *further])
            else:
                rows.writerow([*cells[: below.width], *[""] * len(below.columns)] if cells else [])
        if below is None:
            return None
        rows.writerows(below.line(cells) for cells in islice(_rows(book[below.sheet]), 1, None))
        return replace(below, rows=count)


def workbook_again(
    path: Path,
    name: str,
    changes: Iterator[tuple[int, Mapping[int, str]]],
    out: Path,
    below: Below | None = None,
) -> None:
    """Write the workbook again with some cells changed; rows count from 1, columns from 0."""
    with _opened(path, name, read_only=False) as book:
        first = _sheet(book)
        for row, cells in changes:
            for column, text in cells.items():
                if below is not None and row > below.rows:
                    line, place = below.place(row, column)
                    _put(book[below.sheet].cell(row=line, column=place), text)
                else:
                    _put(first.cell(row=row, column=column + 1), text)
        book.save(out)


def _put(cell: Any, text: str) -> None:  # noqa: ANN401  openpyxl has no types
    """A cell's new text; a link that leads to what it said before follows, or goes."""
    link, before = cell.hyperlink, _text(cell.value)
    cell.value = text
    if link is None or not link.target or unquote(link.target) not in unquote(before):
        return
    if before.strip() in (link.target, unquote(link.target)):
        link.target = text
    else:
        cell.hyperlink = None


def _second(book: Any, first: Any) -> Below | None:  # noqa: ANN401  openpyxl has no types
    """A sheet that a format knows to belong to the first one, where both name the product."""
    header = [named(cell) for cell in next(_rows(first), [])]
    sheets = {named(sheet.title): sheet for sheet in book.worksheets}
    for second in filter(None, (export.second_sheet for export in FORMATS.values())):
        if second.sheet not in sheets or second.by not in header:
            continue
        own = [named(cell) for cell in next(_rows(sheets[second.sheet]), [])]
        if second.by in own:
            join = header.index(second.by), own.index(second.by)
            others = tuple(at for at in range(len(own)) if at != join[1])
            return Below(sheets[second.sheet].title, 0, len(header), join, others)
    return None


def _rows(sheet: Any) -> Iterator[list[str]]:  # noqa: ANN401  openpyxl has no types
    """As texts, each as wide as the widest so far: a short record of several lines looks torn."""
    width = 0
    for cells in sheet.iter_rows(values_only=True):
        texts = [_text(cell) for cell in _trimmed(cells)]
        width = max(width, len(texts))
        yield texts + [""] * (width - len(texts)) if texts else texts


@contextmanager
def _opened(path: Path, name: str, *, read_only: bool) -> Iterator[Any]:
    stack = ExitStack()
    try:
        with ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            macros = MACROS in archive.read("[Content_Types].xml")
        if unpacked > MOST_UNPACKED:
            raise BadManifest(
                f"`{name}` unpacks to {unpacked / 1e9:.1f} GB; save its sheet as CSV."
            )
        file = stack.enter_context(path.open("rb"))  # its name may end in anything
        # Without them Excel opens no file of that name.
        keep = macros and not read_only
        book = load_workbook(file, read_only=read_only, data_only=read_only, keep_vba=keep)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise BadManifest(
            f"`{name}` is no whole workbook ({type(error).__name__}); save it again, or as CSV."
        ) from None
    try:
        yield book
    finally:
        book.close()
        if book.vba_archive is not None:
            book.vba_archive.close()
        stack.close()


def _sheet(book: Any) -> Any:  # noqa: ANN401  openpyxl has no types
    named = {sheet.title.strip().lower(): sheet for sheet in book.worksheets}
    return next((named[name] for name in SHEETS if name in named), book.worksheets[0])


def _trimmed(cells: Sequence[Any]) -> Sequence[Any]:
    """Without the empty cells at the end, of which a sheet may have thousands."""
    last = max((at for at, cell in enumerate(cells) if cell is not None), default=-1)
    return cells[: last + 1]


def _text(cell: object) -> str:
    """As a person reads it: whole numbers without a point, what Excel escapes as it is meant."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(cell))
    return text.replace("\r", "")  # a line ends in a line feed already
