"""Workbooks (XLSX) as manifests: a sheet read as text, and written back cell by cell."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from packshot.facts.errors import BadManifest

SHEETS: Final = ("products", "template", "vorlage", "modèle", "模板", "テンプレート")
"""Names of the sheet with the products, in lower case; else the first one counts."""
MARK: Final = b"PK\x03\x04"
MOST_UNPACKED: Final = 2_000_000_000
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


def is_workbook(path: Path) -> bool:
    """Whether a ZIP holds a workbook."""
    try:
        with ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except BadZipFile:
        return False


def as_csv(path: Path, name: str, out: Path) -> None:
    """Write the sheet with the products as a comma-separated file, a line for each row.

    Raises `BadManifest` where the workbook cannot be read.
    """
    with _opened(path, name, read_only=True) as book, out.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for cells in _sheet(book).iter_rows(values_only=True):
            rows.writerow([_text(cell) for cell in _trimmed(cells)])


def workbook_again(
    path: Path, name: str, changes: Iterator[tuple[int, Mapping[int, str]]], out: Path
) -> None:
    """Write the workbook again with some cells changed; rows count from 1, columns from 0."""
    with _opened(path, name, read_only=False) as book:
        sheet = _sheet(book)
        for row, cells in changes:
            for column, text in cells.items():
                sheet.cell(row=row, column=column + 1).value = text
        book.save(out)


@contextmanager
def _opened(path: Path, name: str, *, read_only: bool) -> Iterator[Any]:
    stack = ExitStack()
    try:
        with ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED:
            raise BadManifest(
                f"`{name}` unpacks to {unpacked / 1e9:.1f} GB; save its sheet as CSV."
            )
        file = stack.enter_context(path.open("rb"))  # its name may end in anything
        book = load_workbook(file, read_only=read_only, data_only=read_only)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise BadManifest(
            f"`{name}` is no whole workbook ({type(error).__name__}); save it again, or as CSV."
        ) from None
    try:
        yield book
    finally:
        book.close()
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
